"""WeChat over HTTP. Whatever happens on the way is unknown; only WeChat can say no."""

import os
import time
from typing import Any, NamedTuple

import httpx
import orjson

from coupons.sharing.wechat.errcodes import MINUTE_SECONDS, failure_of
from coupons.sharing.wechat.protocol import (
    AccessToken,
    Failure,
    MessageSent,
    MiniProgram,
    Picture,
    Refused,
    SubscribeMessage,
    Throttled,
    TokenEnded,
    Unknown,
    UrlLink,
)

_LARGEST_ANSWER = 2 * 1024 * 1024
_CONNECT_SECONDS = 3
_SECONDS = 5  # of each call; a caller of ours waits for up to four of them
_CONNECTIONS = 16
_DAYS = 1  # `expire_type`: the link ends after `expire_interval` days
_STATES = {"release": "formal", "trial": "trial", "develop": "developer"}
_LANGUAGES = {"zh": "zh_CN", "en": "en_US"}
_UNREADABLE = Unknown("unreadable_answer")


class _Answer(NamedTuple):
    """An HTTP answer that arrived whole."""

    status: int
    content_type: str
    body: bytes


class _BadAnswerError(Exception):
    """An answer that is broken off: too much of it, or too slow; the text is the reason."""


class WeChatApi:
    """Make one per process and share it between threads."""

    def __init__(self, base_url: str, *, seconds: int = _SECONDS) -> None:
        self._base_url, self._seconds = base_url.rstrip("/"), seconds
        self._clients: dict[int, httpx.Client] = {}

    def stable_token(self, program: MiniProgram) -> AccessToken | Failure:
        """Without `force_refresh`: it would end the token that other servers of the shop use."""
        asked = {"grant_type": "client_credential", "appid": program.app_id, "secret": program.app_secret}
        told = self._told("/cgi-bin/stable_token", None, asked)
        if isinstance(told, TokenEnded):
            return Refused(told.errcode, "wrong_app")  # 40001 here speaks of the secret: no token was sent
        if not isinstance(told, dict):
            return told
        token, seconds = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not token or type(seconds) is not int:
            return _UNREADABLE
        return AccessToken(token, seconds)

    def url_link(self, token: str, program: MiniProgram, path: str, query: str, days: int) -> UrlLink | Failure:
        """https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/qrcode-link/url-link/generateUrlLink.html"""
        asked = {
            "path": path, "query": query, "env_version": program.env_version,
            "is_expire": True, "expire_type": _DAYS, "expire_interval": days,
        }  # fmt: skip
        told = self._told("/wxa/generate_urllink", token, asked)
        if not isinstance(told, dict):
            return told
        url = told.get("url_link")
        return UrlLink(url) if isinstance(url, str) and url.startswith("https://") else _UNREADABLE

    def code(self, token: str, program: MiniProgram, page: str, scene: str, width: int) -> Picture | Failure:
        """https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/qrcode-link/qr-code/getUnlimitedQRCode.html"""
        # a page that only a trial or development version has is unknown to the check
        asked = {
            "scene": scene, "env_version": program.env_version, "width": width,
            "check_path": program.env_version == "release",
        } | ({"page": page} if page else {})  # fmt: skip
        answer = self._exchange("/wxa/getwxacodeunlimit", token, asked)
        if not isinstance(answer, _Answer):
            return answer
        if answer.status == 200 and answer.content_type.startswith("image/"):
            return Picture(answer.body)
        told = _document(answer)
        return told if not isinstance(told, dict) else _UNREADABLE

    def subscribe_send(self, token: str, program: MiniProgram, message: SubscribeMessage) -> MessageSent | Failure:
        """https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html"""
        asked = {
            "touser": message.open_id, "template_id": message.template_id,
            "miniprogram_state": _STATES[program.env_version], "lang": _LANGUAGES[message.language],
            "data": {name: {"value": value} for name, value in message.fields.items()},
        } | ({"page": message.page} if message.page else {})  # fmt: skip
        told = self._told("/cgi-bin/message/subscribe/send", token, asked)
        if not isinstance(told, dict):
            return told
        # only a 0 that WeChat wrote says that the message is taken
        return MessageSent() if told.get("errcode") == 0 else _UNREADABLE

    def close(self) -> None:
        """Close this process's connections; the next call opens new ones."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def _told(self, path: str, token: str | None, asked: dict[str, Any]) -> dict[str, Any] | Failure:
        answer = self._exchange(path, token, asked)
        return _document(answer) if isinstance(answer, _Answer) else answer

    def _exchange(self, path: str, token: str | None, asked: dict[str, Any]) -> _Answer | Unknown:
        parameters = {"access_token": token} if token is not None else None
        late_at = time.monotonic_ns() + self._seconds * 10**9
        try:
            with self._client().stream(
                "POST", self._base_url + path, params=parameters, content=orjson.dumps(asked)
            ) as response:  # fmt: skip
                kind = response.headers.get("content-type", "").lower()
                return _Answer(response.status_code, kind, _content_of(response, late_at))
        except _BadAnswerError as error:
            return Unknown(str(error))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Unknown(_reason(error))

    def _client(self) -> httpx.Client:
        """The client of this process; one inherited by a fork would share its sockets with the parent."""
        client = self._clients.get(os.getpid())
        return client or self._clients.setdefault(os.getpid(), self._new_client())

    def _new_client(self) -> httpx.Client:
        return httpx.Client(
            headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(self._seconds, connect=min(_CONNECT_SECONDS, self._seconds)),
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            follow_redirects=False,  # a token is in the address
            trust_env=False,
        )


def _content_of(response: httpx.Response, late_at: int) -> bytes:
    content = bytearray()
    for piece in response.iter_raw():
        content += piece
        if len(content) > _LARGEST_ANSWER:
            raise _BadAnswerError("unreadable_answer")
        if time.monotonic_ns() > late_at:
            raise _BadAnswerError("timed_out")
    return bytes(content)


def _document(answer: _Answer) -> dict[str, Any] | Failure:
    """The JSON object of a good answer, or what its `errcode` means. WeChat says no with status 200."""
    if answer.status == 429:
        return Throttled(answer.status, MINUTE_SECONDS)
    if answer.status != 200:
        return Unknown(f"http_{answer.status}")
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return _UNREADABLE
    errcode = document.get("errcode", 0) if isinstance(document, dict) else None
    if type(errcode) is not int:
        return _UNREADABLE
    return failure_of(errcode) if errcode else document


def _reason(error: Exception) -> str:
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        return "not_connected"
    return "timed_out" if isinstance(error, httpx.TimeoutException) else "connection_lost"
