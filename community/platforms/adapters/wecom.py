"""WeCom group robot: https://developer.work.weixin.qq.com/document/path/91770. Status 200, and `errcode`."""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson

from community.platforms.adapters.answers import UNREADABLE, by_status, document
from community.platforms.adapters.base import PostOnly
from community.platforms.adapters.protocol import Answer, Post
from community.platforms.given import Given
from community.platforms.markdown import Style, fitted, read
from community.platforms.protocol import Capability, Limits, Message, Outcome, Refused, Sent, Target, Throttled
from community.platforms.reach import OFFICIAL
from community.platforms.text import cut

TEXT_BYTES, MARKDOWN_BYTES, IMAGE_BYTES = 2048, 4096, 2 * 1024 * 1024
_MENTION = re.compile(r"<(?=@)")
_PLAIN = str.maketrans({"<": "＜", ">": "＞", "[": "［", "]": "］", "*": "∗", "`": "ˋ", "#": "＃"})
_STYLE = Style(
    plain=lambda text: text.translate(_PLAIN), bold="**{}**", code=lambda text: f"`{text.translate(_PLAIN)}`",
    link=lambda words, url: f"[{words}]({url})", lines={"heading": "## {}", "item": "• {}", "quote": "> {}"},
)  # fmt: skip
_BUSY, _TOO_FAST = frozenset({-1}), frozenset({45009, 45011, 45033})
BUSY_SECONDS, TOO_FAST_SECONDS = 2, 60
_REASONS = {
    "wrong_target": {93000, 93008, 40014},
    "not_allowed": {93004, 93017, 60020, 48002},
    "too_long": {45002, 45003},
    "wrong_content": {40008, 40009, 40058, 44004, 47001, 301019, 40006},
}
_REASON_OF = {errcode: reason for reason, errcodes in _REASONS.items() for errcode in errcodes}


class WeCom(PostOnly):
    """Text and markdown by themselves; a picture is a message of its own."""

    capability = Capability(
        platform="wecom", name="WeCom group robot (企业微信群机器人)", markdown=True, image=True, tells_joins=False,
        asks_questions=False, answers_privately=False, recognises_repeats=False,
        limits=Limits(per_minute=20, per_second=None, shared_per_second=None),
        longest_text=TEXT_BYTES, longest_unit="bytes", target=("url",), target_options=(),
        notes="A robot can only post. Joins are told by POST /v1/groups/{id}/members. A picture is a second message "
        "and counts too. Customer groups (客户群) need 客户联系, whose mass messages an employee confirms.",
    )  # fmt: skip

    def target(self, given: Mapping[str, Any], pointer: str) -> Target:
        """`url`: the robot's webhook."""
        fields = Given(given, ("url",), (), pointer)
        expected = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…"
        parts = fields.official(OFFICIAL["wecom"], "/cgi-bin/webhook/send", expected)
        key = parse_qs(parts.query).get("key", [""])
        if not re.fullmatch(r"[0-9A-Za-z-]{8,64}", key[0]):
            raise fields.wrong("url", f"Expected {expected}.")
        return Target("wecom", url=fields["url"])

    def posts(self, target: Target, message: Message, at: int) -> list[Post]:
        """The text, then the picture."""
        found = [_post(target, _written(message))]
        if message.image is not None and len(message.image) <= IMAGE_BYTES:
            found.append(_post(target, _picture(message.image))._replace(has_picture=True))
        return found

    def outcome(self, answer: Answer) -> Outcome:
        """By `errcode`."""
        told = document(answer) if answer.status == 200 else None
        if told is None:
            return by_status(answer)
        errcode = told.get("errcode")
        if type(errcode) is not int:
            return UNREADABLE
        if errcode == 0:
            return Sent()
        if errcode in _BUSY | _TOO_FAST:
            return Throttled(BUSY_SECONDS if errcode in _BUSY else TOO_FAST_SECONDS)
        return Refused(_REASON_OF.get(errcode, "other"), str(errcode))


def _written(message: Message) -> dict[str, Any]:
    if message.markdown is None:
        # `<@userid>` mentions in texts too
        content = cut(_MENTION.sub("＜", message.text), TEXT_BYTES, "bytes")
        return {"msgtype": "text", "text": {"content": content}}
    content = fitted(read(message.markdown), _STYLE, MARKDOWN_BYTES, "bytes")
    return {"msgtype": "markdown", "markdown": {"content": content}}


def _picture(image: bytes) -> dict[str, Any]:
    md5 = hashlib.md5(image, usedforsecurity=False).hexdigest()
    return {"msgtype": "image", "image": {"base64": base64.b64encode(image).decode(), "md5": md5}}


def _post(target: Target, body: dict[str, Any]) -> Post:
    return Post(target.url, orjson.dumps(body))
