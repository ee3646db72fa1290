"""WeCom, DingTalk and Feishu robots: status 200 and a number, whatever happens."""

import hashlib
from typing import Any, ClassVar

from community.platforms.played import feishu_app, targets
from community.platforms.played.replies import Asked, No, Read, Reply, told
from community.platforms.played.ruling import JPEG, PNG, Windows, decoded, document, is_near, part, signed


def _errcode(code: int, words: str, target: str = "") -> No:
    return No(str(code), told({"errcode": code, "errmsg": words}), target)


class WeCom:
    """20 a minute per robot."""

    windows: ClassVar[Windows] = ((20, 60),)
    shared: ClassVar[Windows] = ()
    penalty_seconds: ClassVar[int] = 0

    def read(self, asked: Asked) -> Read | Reply:
        number = targets.number_of("wecom", asked.query.get("key", ""))
        if asked.path != "/cgi-bin/webhook/send" or number is None:
            raise _errcode(93000, "invalid webhook url")
        body, target = document(asked.body), str(number)
        if body is None:
            raise _errcode(47001, "data format error", target)
        kind = body.get("msgtype")
        if kind == "image":
            return _wecom_image(body, target)
        most = {"text": 2048, "markdown": 4096}.get(str(kind))
        content = part(body, str(kind), "content")
        if most is None:
            raise _errcode(40008, "invalid message type", target)
        if not isinstance(content, str) or not content.strip():
            raise _errcode(44004, "empty content", target)
        if len(content.encode()) > most:
            raise _errcode(45002 if kind == "text" else 40058, f"{kind}.content exceed max length {most}", target)
        return Read(target, str(kind), content)

    def accepted(self, read: Read, number: int) -> Reply:
        return told({"errcode": 0, "errmsg": "ok"})

    def too_fast(self, seconds: float) -> tuple[str, Reply]:
        return "45009", told({"errcode": 45009, "errmsg": "api freq out of limit"})

    def refusal(self) -> No:
        return _errcode(93000, "invalid webhook url")


def _wecom_image(body: dict[str, Any], target: str) -> Read:
    picture = decoded(part(body, "image", "base64"))
    if not picture.startswith((PNG, JPEG)) or len(picture) > 2 * 1024 * 1024:
        raise _errcode(40009, "invalid image size", target)
    md5 = hashlib.md5(picture, usedforsecurity=False).hexdigest()
    if part(body, "image", "md5") != md5:
        raise _errcode(301019, "invalid image md5", target)
    return Read(target, "image", md5)


class DingTalk:
    """20 a minute per robot; one more, and it is shut for ten minutes. All of these robots sign."""

    windows: ClassVar[Windows] = ((20, 60),)
    shared: ClassVar[Windows] = ()
    penalty_seconds: ClassVar[int] = 600

    def read(self, asked: Asked) -> Read | Reply:
        number = targets.number_of("dingtalk", asked.query.get("access_token", ""))
        if asked.path != "/robot/send" or number is None:
            raise _errcode(300001, "token is not exist")
        target = str(number)
        wrong = _dingtalk_signature(asked, number)
        body = document(asked.body)
        if wrong or body is None:
            raise _errcode(310000 if wrong else 40035, wrong or "缺少参数 json", target)
        kind = str(body.get("msgtype"))
        content = part(body, kind, "content" if kind == "text" else "text")
        if kind not in {"text", "markdown"}:
            raise _errcode(400105, "unsupported msgtype", target)
        if not isinstance(content, str) or not content or (kind == "markdown" and not part(body, kind, "title")):
            raise _errcode(40035, "缺少参数", target)
        if len(asked.body) > 20_000:
            raise _errcode(460101, "message too long, exceed 20000 bytes", target)
        return Read(target, kind, content)

    def accepted(self, read: Read, number: int) -> Reply:
        return told({"errcode": 0, "errmsg": "ok"})

    def too_fast(self, seconds: float) -> tuple[str, Reply]:
        return "130101", told({"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"})

    def refusal(self) -> No:
        return _errcode(400102, "robot is disabled")


def _dingtalk_signature(asked: Asked, number: int) -> str:
    """What is wrong with it."""
    timestamp, secret = asked.query.get("timestamp", ""), targets.sign_secret("dingtalk", number)
    if not is_near(timestamp[:-3], 3600):
        return "invalid timestamp"
    return "" if asked.query.get("sign") == signed(secret, f"{timestamp}\n{secret}") else "sign not match"


class Feishu:
    """100 a minute and 5 a second per robot. All of these robots sign."""

    windows: ClassVar[Windows] = ((5, 1), (100, 60))
    shared: ClassVar[Windows] = ()
    penalty_seconds: ClassVar[int] = 0

    def read(self, asked: Asked) -> Read | Reply:
        if not asked.path.startswith("/open-apis/bot/v2/hook/"):
            return feishu_app.read(asked)
        number = targets.number_of("feishu", asked.path.rpartition("/")[2])
        if number is None:
            raise _code(19001, "param invalid: incoming webhook access token invalid")
        body, target = document(asked.body), str(number)
        if body is None or len(asked.body) > 20 * 1024:
            raise _code(9499, "Bad Request", target)
        timestamp = str(body.get("timestamp", ""))
        expected = signed(f"{timestamp}\n{targets.sign_secret('feishu', number)}", "")
        if not is_near(timestamp, 3600) or body.get("sign") != expected:
            raise _code(19021, "sign match fail or timestamp is not within one hour from current time", target)
        kind = body.get("msg_type")
        text = part(body, "content", "text") if kind == "text" else _card_text(body)
        if kind not in {"text", "interactive"} or not isinstance(text, str) or not text:
            raise _code(19002, "params error, msg_type need", target)
        return Read(target, "text" if kind == "text" else "markdown", text)

    def accepted(self, read: Read, number: int) -> Reply:
        return feishu_app.accepted(number) if read.target.startswith("user:") else told({"code": 0, "msg": "success"})

    def too_fast(self, seconds: float) -> tuple[str, Reply]:
        return "11232", told({"code": 11232, "msg": "frequency limited psm[lark.oapi.app_platform_runtime]"})

    def refusal(self) -> No:
        return _code(19001, "param invalid: incoming webhook access token invalid")


def _card_text(body: dict[str, Any]) -> str | None:
    elements = part(body, "card", "elements")
    texts = [part(one, "content") for one in elements] if isinstance(elements, list) else []
    return "\n".join(map(str, texts)) if texts and all(isinstance(one, str) for one in texts) else None


def _code(code: int, words: str, target: str = "") -> No:
    return No(str(code), told({"code": code, "msg": words, "data": {}}), target)
