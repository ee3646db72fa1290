"""DingTalk robots. Posting: https://open.dingtalk.com/document/robots/custom-robot-access, signed in the query.

Callbacks: a robot's HTTP messages (somebody wrote @robot …), signed in headers with the app's secret:
https://open.dingtalk.com/document/orgapp/receive-message
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote_plus

import orjson

from community.platforms.adapters.answers import UNREADABLE, by_status, document
from community.platforms.adapters.base import PostOnly
from community.platforms.adapters.protocol import Answer, Callback, Post
from community.platforms.given import Given
from community.platforms.markdown import Line, Style, fitted, plain_text, read
from community.platforms.protocol import (
    Capability,
    Challenge,
    ChatEvent,
    Limits,
    Message,
    Outcome,
    Refused,
    Sent,
    Target,
    Throttled,
)
from community.platforms.reach import OFFICIAL
from community.platforms.text import cut

TEXT_BYTES = 18_000  # 20,000 of the message in all
TITLE_BYTES = 120
CALLBACK_SECONDS = 3600  # a callback is good for an hour
_PLAIN = str.maketrans(
    {"<": "＜", ">": "＞", "[": "［", "]": "］", "*": "∗", "`": "ˋ", "#": "＃", "_": "＿", "~": "∼", "\\": "＼"}
)
_STYLE = Style(
    plain=lambda text: text.translate(_PLAIN), bold="**{}**", code=lambda text: text.translate(_PLAIN),
    link=lambda words, url: f"[{words}]({url})", lines={"heading": "### {}", "item": "- {}", "quote": "> {}"},
    newline="  \n",
)  # fmt: skip
_BUSY, _TOO_FAST = frozenset({-1}), frozenset({130101, 410100, 90030, 90018})
BUSY_SECONDS = 2
TOO_FAST_SECONDS = 600  # one post too many in a minute, and the robot is shut for ten
_REASONS = {
    "wrong_target": {300001, 400013, 400101, 400106},
    "not_allowed": {400102},
    "too_long": {460101},
    "wrong_content": {40035, 43004, 400105, 430101, 430102, 430103, 430104},
}
_REASON_OF = {errcode: reason for reason, errcodes in _REASONS.items() for errcode in errcodes}


class DingTalk(PostOnly):
    """A custom robot that posts; with `callback_secret` also what an app's robot is told in the same chat."""

    capability = Capability(
        platform="dingtalk", name="DingTalk robot (钉钉机器人)", markdown=True, image=False, tells_joins=False,
        asks_questions=True, answers_privately=False, recognises_repeats=False,
        limits=Limits(per_minute=20, per_second=None, shared_per_second=None),
        longest_text=TEXT_BYTES, longest_unit="bytes", target=("url",),
        target_options=("secret", "chat_id", "callback_secret"),
        notes="One post over the limit shuts the robot for ten minutes. Questions to an app's robot arrive with "
        "`callback_secret` (the app's secret); an answer through it is read by the whole group, so nothing private is "
        "answered. Joins are told by POST /v1/groups/{id}/members. Pictures only by address.",
    )  # fmt: skip

    def target(self, given: Mapping[str, Any], pointer: str) -> Target:
        """`url` with its access_token; `secret` (SEC…) where the robot signs."""
        fields = Given(given, ("url",), ("secret", "chat_id", "callback_secret"), pointer)
        expected = "https://oapi.dingtalk.com/robot/send?access_token=…"
        parts = fields.official(OFFICIAL["dingtalk"], "/robot/send", expected)
        if not parse_qs(parts.query).get("access_token"):
            raise fields.wrong("url", f"Expected {expected}.")
        return Target(
            "dingtalk", url=fields["url"], secret=fields.matching("secret", "SEC[0-9A-Za-z]{8,200}", "SEC…"),
            chat=fields["chat_id"], callback_secret=fields["callback_secret"],
        )  # fmt: skip

    def posts(self, target: Target, message: Message, at: int) -> list[Post]:
        """One message."""
        url = target.url
        if target.secret:
            url += f"&timestamp={at * 1000}&sign={quote_plus(signature(target.secret, at * 1000))}"
        return [Post(url, orjson.dumps(_written(message)))]

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
        reason = _security(str(told.get("errmsg", ""))) if errcode == 310000 else _REASON_OF.get(errcode, "other")
        return Refused(reason, str(errcode))

    def callback(self, target: Target, told: Callback) -> list[ChatEvent] | Challenge | None:
        """A message to the robot."""
        timestamp = told.headers.get("timestamp", "")
        if not (target.callback_secret and timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 15):
            return None
        signed = signature(target.callback_secret, int(timestamp))
        is_signed = hmac.compare_digest(signed.encode(), told.headers.get("sign", "").encode("utf-8", "replace"))
        if not is_signed or abs(told.at - int(timestamp) // 1000) > CALLBACK_SECONDS:
            return None
        return _events(document(Answer(200, {}, told.body)) or {})


def signature(secret: str, milliseconds: int) -> str:
    """base64(HMAC-SHA256(secret, "timestamp⏎secret")), for posts and callbacks alike."""
    signed = hmac.new(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256)
    return base64.b64encode(signed.digest()).decode()


def _written(message: Message) -> dict[str, Any]:
    if message.markdown is None:
        return {"msgtype": "text", "text": {"content": cut(message.text, TEXT_BYTES, "bytes")}}
    lines = read(message.markdown)
    text = fitted(lines, _STYLE, TEXT_BYTES, "bytes")
    return {"msgtype": "markdown", "markdown": {"title": _title(lines), "text": text}}


def _title(lines: list[Line]) -> str:
    """What the list of chats shows of a message: its first line with words."""
    first = next((line for line in lines if plain_text([line]).strip()), Line("plain", ()))
    return cut(plain_text([first]).strip() or "…", TITLE_BYTES, "bytes")


def _security(errmsg: str) -> str:
    """310000 is every failed security check; only its words tell which."""
    words = errmsg.lower()
    if "keyword" in words:
        return "wrong_content"
    return "wrong_signature" if "sign" in words or "timestamp" in words else "not_allowed"


def _events(told: dict[str, Any]) -> list[ChatEvent]:
    text = told.get("text")
    content = text.get("content") if isinstance(text, dict) else None
    names = ("msgId", "conversationId", "senderStaffId", "senderId", "senderNick")
    found = {name: told[name] for name in names if isinstance(told.get(name), str)}
    person = found.get("senderStaffId") or found.get("senderId")
    if not isinstance(content, str) or not person or not {"msgId", "conversationId"} <= set(found):
        return []
    return [
        ChatEvent(found["msgId"], "question", found["conversationId"], str(told.get("conversationType")) == "1",
                  person, found.get("senderNick"), content.strip())
    ]  # fmt: skip
