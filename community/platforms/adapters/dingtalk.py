"""DingTalk robots. Posting: https://open.dingtalk.com/document/robots/custom-robot-access, signed in the query.

Callbacks: a robot's HTTP messages (somebody wrote @robot …), signed in headers with the app's secret:
https://open.dingtalk.com/document/orgapp/receive-message, and the app's events, signed in the query: `dingtalk_events`.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, quote_plus

import orjson

from community.platforms.adapters import dingtalk_events
from community.platforms.adapters.answers import UNREADABLE, by_status, document
from community.platforms.adapters.base import PostOnly
from community.platforms.adapters.protocol import Answer, Callback, Post
from community.platforms.given import Given
from community.platforms.markdown import Line, Style, fitted, plain_text, read
from community.platforms.protocol import (
    Capability,
    ChatEvent,
    Heard,
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
_EVENTS = ("event_token", "event_aes_key", "app_key")
_OPTIONS = ("secret", "chat_id", "callback_secret", *_EVENTS)
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
    """A custom robot that posts; an app in the same chat, with a robot of its own, tells joins and questions."""

    capability = Capability(
        platform="dingtalk", name="DingTalk robot (钉钉机器人)", markdown=True, image=False, tells_joins=True,
        asks_questions=True, answers_privately=False, recognises_repeats=False,
        limits=Limits(per_minute=20, per_second=None, shared_per_second=None),
        longest_text=TEXT_BYTES, longest_unit="bytes", target=("url",),
        target_options=_OPTIONS,
        notes="One post over the limit shuts the robot for ten minutes. Joins are events of an app of the organisation "
        "that subscribed to chat_add_member, chat_remove_member and chat_quit by HTTP push: `event_token`, "
        "`event_aes_key` and `app_key` as its event subscription shows them, and `chat_id` (OpenConversationId, or the "
        "ChatId of events that have only that). The robot alone tells no joins, nor does Stream mode; then say them by "
        "POST /v1/groups/{id}/members. Questions to an app's robot arrive with `callback_secret` (the app's secret); "
        "an answer through it is read by the whole group, so nothing private is answered. Pictures only by address.",
    )  # fmt: skip

    def target(self, given: Mapping[str, Any], pointer: str) -> Target:
        """`url` with its access_token; `secret` (SEC…) if the robot signs; an event subscription whole, or none."""
        fields = Given(given, ("url",), _OPTIONS, pointer)
        expected = "https://oapi.dingtalk.com/robot/send?access_token=…"
        parts = fields.official(OFFICIAL["dingtalk"], "/robot/send", expected)
        if not parse_qs(parts.query).get("access_token"):
            raise fields.wrong("url", f"Expected {expected}.")
        _check_events(fields)
        return Target(
            "dingtalk", url=fields["url"], secret=fields.matching("secret", "SEC[0-9A-Za-z]{8,200}", "SEC…"),
            chat=fields["chat_id"], callback_secret=fields["callback_secret"], callback_token=fields["event_token"],
            callback_key=fields.matching("event_aes_key", "[0-9A-Za-z]{43}", "43 letters and digits"),
            app_id=fields.matching("app_key", "[0-9A-Za-z_-]{1,100}", "letters, digits, _ and -"),
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

    def callback(self, target: Target, told: Callback) -> Heard | None:
        """An event of the app, which is signed in the query, or a message to its robot."""
        if any(word in told.query for word in dingtalk_events.SIGNATURES):
            return dingtalk_events.events_of(target, told)
        timestamp = told.headers.get("timestamp", "")
        if not (target.callback_secret and timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 15):
            return None
        signed = signature(target.callback_secret, int(timestamp))
        is_signed = hmac.compare_digest(signed.encode(), told.headers.get("sign", "").encode("utf-8", "replace"))
        if not is_signed or abs(told.at - int(timestamp) // 1000) > CALLBACK_SECONDS:
            return None
        return Heard(_question(document(Answer(200, {}, told.body)) or {}))


def signature(secret: str, milliseconds: int) -> str:
    """base64(HMAC-SHA256(secret, "timestamp⏎secret")), for posts and callbacks alike."""
    signed = hmac.new(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256)
    return base64.b64encode(signed.digest()).decode()


def _check_events(fields: Given) -> None:
    """An app tells of every chat of its organisation: without its id nobody could say which is the group's."""
    given = [name for name in _EVENTS if fields[name]]
    missing = [name for name in (*_EVENTS, "chat_id") if not fields[name]] if given else []
    if missing:
        raise fields.wrong(missing[0], "event_token, event_aes_key, app_key and chat_id go together.")


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


def _question(told: dict[str, Any]) -> list[ChatEvent]:
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
