"""What the playing server answers: WeChat's checks, WeChat's numbers, a real picture; faults on demand."""

import re
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, cast

import orjson
import segno
from flask import Blueprint, Flask, Response, current_app, request

from coupons.sharing.wechat.protocol import CODE_WIDTHS, LINK_MOST_DAYS, QUERY_LONGEST, SCENE_LONGEST

_SCENE = re.compile(rf"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{{1,{SCENE_LONGEST}}}")
_QUERY = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~%]*")
_PAGE = re.compile(r"[0-9A-Za-z_\-][0-9A-Za-z_\-/.]*")
# what a field of a subscribe message takes, by its kind
_FIELDS = {
    "thing": re.compile(r".{1,20}"), "number": re.compile(r"\d{1,32}(\.\d+)?"), "letter": re.compile(r"[A-Za-z]{1,32}"),
    "symbol": re.compile(r"\W{1,5}"), "character_string": re.compile(r"[\x20-\x7e]{1,32}"),
    "time": re.compile(r"[\d:年月日/\- ]{4,32}"), "date": re.compile(r"[\d:年月日/\- ]{4,32}"),
    "amount": re.compile(r"[^\d\s]{0,3}\d{1,10}(\.\d{1,2})?元?"), "phone_number": re.compile(r"[\d+\- ]{1,17}"),
    "name": re.compile(r"[^\W\d_]{1,10}|[A-Za-z ]{1,20}"), "phrase": re.compile(r"[\u4e00-\u9fff]{1,5}"),
}  # fmt: skip
_ENV_VERSIONS = ("release", "trial", "develop")
_FAULT_NUMBERS = {"busy": -1, "minute_limit": 45011, "day_limit": 45009, "token_expired": 42001}
_OTHER_FAULTS = ("silence", "garbage", "http_500")
_SILENCE_SECONDS = 30

blueprint = Blueprint("wechat", __name__)


@dataclass
class PlayedWeChat:
    """The state of the playing server. `pages`: those that are published; None: every page is."""

    secrets_of: dict[str, str]  # app id → secret
    token_seconds: int = 7200
    pages: frozenset[str] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    tokens: dict[str, tuple[str, int]] = field(default_factory=dict)  # app id → token, end in monotonic ns
    calls: list[dict[str, Any]] = field(default_factory=list)
    templates: frozenset[str] = frozenset()  # of subscribe messages
    consents: Counter[tuple[str, str]] = field(
        default_factory=Counter
    )  # open id and template → messages he still takes
    faults: Counter[str] = field(default_factory=Counter)
    refused_with: int = 0

    def token_of(self, app_id: str) -> tuple[str, int]:
        """The app's one living token and the seconds it has left."""
        with self.lock:
            token, until = self.tokens.get(app_id, ("", 0))
            left = (until - time.monotonic_ns()) // 10**9
            if left <= 0:
                token, left = secrets.token_urlsafe(96), self.token_seconds
                self.tokens[app_id] = (token, time.monotonic_ns() + left * 10**9)
            return token, left

    def app_of(self, token: str) -> str | None:
        """Whose token this is, while it lives."""
        with self.lock:
            return next((app for app, (own, end) in self.tokens.items()
                         if own == token and end > time.monotonic_ns()), None)  # fmt: skip

    def use_consent(self, open_id: str, template_id: str) -> bool:
        """Take one of his consents; False when there is none."""
        with self.lock:
            left = self.consents[open_id, template_id]
            self.consents[open_id, template_id] = max(0, left - 1)
            return left > 0

    def end_tokens(self) -> None:
        """As if everybody's time were over."""
        with self.lock:
            self.tokens.clear()

    def next_fault(self) -> str | None:
        """The fault that hits this call, used up by it."""
        with self.lock:
            name = next((name for name, left in self.faults.items() if left > 0), None)
            if name is not None:
                self.faults[name] -= 1
            return name

    def put_faults(self, wanted: dict[str, Any]) -> None:
        """What goes wrong from now on; what is not named does not."""
        with self.lock:
            given = dict(wanted)
            refuse = given.pop("refuse", {"errcode": 0, "times": 0})
            self.refused_with = int(refuse["errcode"])
            self.faults = Counter({**given, "refuse": int(refuse["times"])})


def create_app(played: PlayedWeChat) -> Flask:
    """The WSGI app over a state."""
    app = Flask(__name__, static_folder=None)
    app.extensions["wechat"] = played
    app.register_blueprint(blueprint)
    return app


@blueprint.post("/cgi-bin/stable_token")
def stable_token() -> Response:
    asked = _asked("stable_token")
    if asked.get("grant_type") != "client_credential":
        return _no(40002, "invalid grant_type")
    secret = _played().secrets_of.get(str(asked.get("appid")))
    if secret is None:
        return _no(40013, "invalid appid")
    if asked.get("secret") != secret:
        return _no(40125, "invalid appsecret")
    token, seconds = _played().token_of(str(asked["appid"]))
    return _json({"access_token": token, "expires_in": seconds})


@blueprint.post("/wxa/generate_urllink")
def generate_urllink() -> Response:
    asked = _asked("generate_urllink")
    return _hit() or _urllink_fault(asked) or _json(
        {"errcode": 0, "errmsg": "ok", "url_link": f"https://wxaurl.cn/{secrets.token_urlsafe(8)}"}
    )  # fmt: skip


@blueprint.post("/wxa/getwxacodeunlimit")
def getwxacodeunlimit() -> Response:
    asked = _asked("getwxacodeunlimit")
    return _hit() or _code_fault(asked) or _code(str(asked["scene"]), int(asked.get("width", 430)))


@blueprint.post("/cgi-bin/message/subscribe/send")
def subscribe_send() -> Response:
    asked = _asked("subscribe_send")
    return _hit() or _message_fault(asked) or _json({"errcode": 0, "errmsg": "ok", "msgid": secrets.randbelow(10**15)})


@blueprint.post("/consents")
def put_consents() -> Response:
    """What people agree to: {"consents": [{"touser", "template_id", "times"}]}."""
    given = orjson.loads(request.get_data())["consents"]
    with _played().lock:
        _played().templates |= {one["template_id"] for one in given}
        _played().consents.update({(one["touser"], one["template_id"]): int(one["times"]) for one in given})
    return _json({"errcode": 0})


@blueprint.get("/calls")
def get_calls() -> Response:
    return _json({"calls": _played().calls})


@blueprint.put("/faults")
def put_faults() -> Response:
    wanted = orjson.loads(request.get_data())
    known = {*_FAULT_NUMBERS, *_OTHER_FAULTS, "refuse"}
    if not isinstance(wanted, dict) or not wanted.keys() <= known:
        return Response(f"expected some of {sorted(known)}\n", 422)
    _played().put_faults(wanted)
    return _json(wanted)


def _asked(call: str) -> dict[str, Any]:
    """What the call says; noted without its secret."""
    body = orjson.loads(request.get_data())
    noted = {name: value for name, value in body.items() if name != "secret"}
    with _played().lock:
        _played().calls.append({"call": call, **noted})
    return cast(dict[str, Any], body)


def _hit() -> Response | None:
    """The answer to a call without a living token, or the fault that takes the place of the answer."""
    if _played().app_of(request.args.get("access_token", "")) is None:
        return _no(40001, "invalid credential, access_token is invalid or not latest")
    fault = _played().next_fault()
    if fault is None:
        return None
    if fault == "refuse":
        return _no(_played().refused_with, "refused")
    if fault in _FAULT_NUMBERS:
        return _no(_FAULT_NUMBERS[fault], fault)
    if fault == "silence":
        time.sleep(_SILENCE_SECONDS)
    return Response(b"<html>", 500 if fault == "http_500" else 200)


def _urllink_fault(asked: dict[str, Any]) -> Response | None:
    if not _page_is_there(asked.get("path", ""), checked=True):
        return _no(40165, "invalid weapp pagepath")
    query = asked.get("query", "")
    if len(query) > QUERY_LONGEST or not _QUERY.fullmatch(query):
        return _no(40212, "invalid query")
    if asked.get("env_version", "release") not in _ENV_VERSIONS:
        return _no(40097, "invalid args")
    if asked.get("expire_type") != 1 or not 1 <= asked.get("expire_interval", 0) <= LINK_MOST_DAYS:
        return _no(85401, "time limit between 1min and 1year")
    return None


def _code_fault(asked: dict[str, Any]) -> Response | None:
    if not _SCENE.fullmatch(str(asked.get("scene", ""))):
        return _no(40169, "invalid length for scene, or the data is not json string")
    if not _page_is_there(asked.get("page", ""), checked=asked.get("check_path", True)):
        return _no(41030, "invalid page")
    low, high = CODE_WIDTHS
    if asked.get("env_version", "release") not in _ENV_VERSIONS or not low <= asked.get("width", 430) <= high:
        return _no(40097, "invalid args")
    return None


def _message_fault(asked: dict[str, Any]) -> Response | None:
    if asked.get("template_id") not in _played().templates:
        return _no(40037, "invalid template_id")
    if not _page_is_there(asked.get("page", ""), checked=False):
        return _no(41030, "invalid page")
    for name, field_given in asked.get("data", {}).items():
        pattern = _FIELDS.get(name.rstrip("0123456789"))
        if pattern is None or not pattern.fullmatch(field_given.get("value", "")):
            return _no(47003, f"argument invalid! data.{name}.value invalid")
    if not _played().use_consent(asked["touser"], asked["template_id"]):
        return _no(43101, "user refuse to accept the msg")
    return None


def _page_is_there(page: str, *, checked: bool) -> bool:
    if not page:
        return True
    pages = _played().pages
    return _PAGE.fullmatch(page) is not None and (not checked or pages is None or page in pages)


def _code(scene: str, width: int) -> Response:
    """A picture that says what was asked; not WeChat's round code, which nobody else can draw."""
    code = segno.make(scene, micro=False)
    out = BytesIO()
    code.save(out, kind="png", scale=max(1, width // code.symbol_size(border=4)[0]), border=4)
    return Response(out.getvalue(), content_type="image/png")


def _played() -> PlayedWeChat:
    return cast(PlayedWeChat, current_app.extensions["wechat"])


def _no(errcode: int, errmsg: str) -> Response:
    return _json({"errcode": errcode, "errmsg": errmsg})  # with status 200, as WeChat does


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), content_type="application/json; encoding=utf-8")
