"""Writing to one person as a Feishu app: https://open.feishu.cn/document/server-docs/im-v1/message/create."""

import hashlib
import threading
import time
from urllib.parse import urlsplit

import orjson

from community.platforms.adapters.answers import UNREADABLE, by_status, document
from community.platforms.adapters.protocol import Answer, Exchange, Post
from community.platforms.protocol import Outcome, Refused, Sent, Target, Throttled, Unknown

TOO_FAST_SECONDS = 10
_SPARE_SECONDS = 120
_TOKEN_ENDED = frozenset({99991663, 99991661, 99991664, 99991668})
_TOO_FAST = frozenset({99991400, 11232, 11233, 230020})
_NOT_REACHABLE = frozenset({230013, 230053, 230034, 230006})
_APP_WRONG = frozenset({10003, 10014, 10015, 10012})


class _Tokens:
    """Access tokens of this process, each until shortly before it ends."""

    def __init__(self) -> None:
        self._kept: dict[bytes, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def find(self, key: bytes) -> str | None:
        with self._lock:
            token, until = self._kept.get(key, ("", 0.0))
            return token if until > time.monotonic() else None

    def keep(self, key: bytes, token: str, seconds: int) -> None:
        with self._lock:
            if len(self._kept) > 1000:
                self._kept.clear()
            self._kept[key] = (token, time.monotonic() + max(0, seconds - _SPARE_SECONDS))


_tokens = _Tokens()


def write_to(target: Target, open_id: str, text: str, exchange: Exchange) -> Outcome:
    """A text to one person; with a new token where Feishu has ended the kept one."""
    if not target.app_id:
        return Refused("not_supported")
    outcome: Outcome = UNREADABLE
    for fresh in (False, True):
        token = _token(target, exchange, fresh=fresh)
        if not isinstance(token, str):
            return token
        answer = exchange(_letter(target, token, open_id, text))
        if not isinstance(answer, Answer):
            return answer
        outcome = _outcome(answer)
        if outcome != Refused("not_allowed", "token_ended"):
            break
    return outcome


def _letter(target: Target, token: str, open_id: str, text: str) -> Post:
    content = orjson.dumps({"text": text}).decode()
    return Post(
        _origin(target) + "/open-apis/im/v1/messages?receive_id_type=open_id",
        orjson.dumps({"receive_id": open_id, "msg_type": "text", "content": content}),
        {"Content-Type": "application/json; charset=utf-8", "Authorization": f"Bearer {token}"},
    )


def _token(target: Target, exchange: Exchange, *, fresh: bool) -> str | Outcome:
    """tenant_access_token: https://open.feishu.cn/document/server-docs/authentication-management/access-token."""
    key = hashlib.sha256(f"{_origin(target)}\0{target.app_id}\0{target.app_secret}".encode()).digest()
    kept = None if fresh else _tokens.find(key)
    if kept is not None:
        return kept
    asked = orjson.dumps({"app_id": target.app_id, "app_secret": target.app_secret})
    answer = exchange(Post(_origin(target) + "/open-apis/auth/v3/tenant_access_token/internal", asked))
    if not isinstance(answer, Answer):
        # nothing was written to anybody yet
        return Unknown(answer.reason, may_have_arrived=False) if isinstance(answer, Unknown) else answer
    told = document(answer) or {}
    code, token, seconds = told.get("code"), told.get("tenant_access_token"), told.get("expire")
    if code == 0 and isinstance(token, str) and token and type(seconds) is int:
        _tokens.keep(key, token, seconds)
        return token
    if code in _APP_WRONG:
        return Refused("not_allowed", str(code))
    return Throttled(TOO_FAST_SECONDS) if code in _TOO_FAST else Unknown("no_token", may_have_arrived=False)


def _outcome(answer: Answer) -> Outcome:
    told = document(answer) or {}
    code = told.get("code")
    if type(code) is not int:
        return by_status(answer)
    if code == 0:
        data = told.get("data")
        reference = data.get("message_id") if isinstance(data, dict) else None
        return Sent(reference if isinstance(reference, str) else None)
    if code in _TOKEN_ENDED:
        return Refused("not_allowed", "token_ended")
    if code in _TOO_FAST or answer.status == 429:
        return Throttled(TOO_FAST_SECONDS)
    return Refused("not_reachable" if code in _NOT_REACHABLE else "other", str(code))


def _origin(target: Target) -> str:
    parts = urlsplit(target.url)
    return f"{parts.scheme}://{parts.netloc}"
