"""Feishu and Lark robots: https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot. Signed in the body.

Callbacks and private answers are an app's, in the same chat: `feishu_events`, `feishu_app`.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import orjson

from community.platforms.adapters import feishu_app, feishu_events
from community.platforms.adapters.answers import UNREADABLE, by_status, document, seconds_of, waiting
from community.platforms.adapters.base import PostOnly
from community.platforms.adapters.protocol import Answer, Callback, Exchange, Post
from community.platforms.given import Given
from community.platforms.markdown import Style, fitted, read
from community.platforms.protocol import (
    Capability,
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

TEXT_BYTES = 15_000  # 20 KB of the body in all
TOO_FAST_SECONDS = 10  # either the second's limit or the minute's; it does not say which
_AT = re.compile(r"<(?=/?at\b)", re.IGNORECASE)
_MARKS = re.compile(r"([\\*_~`<>\[\]()#|&:])")
_OPTIONS = ("secret", "chat_id", "callback_secret", "callback_token", "app_id", "app_secret")
_TOO_FAST = frozenset({11232, 11233, 230020, 99991400})
_REASONS = {
    19001: "wrong_target", 19003: "wrong_target", 19021: "wrong_signature", 19022: "not_allowed",
    19024: "wrong_content", 19002: "wrong_content", 11246: "wrong_content", 230025: "too_long", 10208: "wrong_content",
}  # fmt: skip


def _plain(text: str) -> str:
    """As the card's markdown wants characters that would mean something: HTML entities."""
    return _MARKS.sub(lambda found: f"&#{ord(found[0])};", text)


_STYLE = Style(
    plain=_plain, bold="**{}**", code=_plain, link=lambda words, url: f"[{words}]({url})",
    lines={"heading": "**{}**", "item": "- {}", "quote": "> {}"},
)  # fmt: skip


class Feishu(PostOnly):
    """A custom robot that posts; with an app also questions, joins and private answers."""

    capability = Capability(
        platform="feishu", name="Feishu / Lark robot (飞书机器人)", markdown=True, image=False, tells_joins=True,
        asks_questions=True, answers_privately=True, recognises_repeats=False,
        limits=Limits(per_minute=100, per_second=5, shared_per_second=None),
        longest_text=TEXT_BYTES, longest_unit="bytes", target=("url",), target_options=_OPTIONS,
        notes="The robot posts. An app in the same chat tells joins and questions (`chat_id`, and `callback_secret`: "
        "its Encrypt Key; `callback_token`: its Verification Token) and answers privately (`app_id`, `app_secret`). "
        "Pictures would need uploading by an app and are left out.",
    )  # fmt: skip

    def target(self, given: Mapping[str, Any], pointer: str) -> Target:
        """`url`: the webhook; `secret` where the robot signs."""
        fields = Given(given, ("url",), _OPTIONS, pointer)
        expected = "https://open.feishu.cn/open-apis/bot/v2/hook/…"
        fields.official(OFFICIAL["feishu"], r"/open-apis/bot/v2/hook/[0-9A-Za-z_-]{8,100}", expected)
        if bool(fields["app_id"]) != bool(fields["app_secret"]):
            raise fields.wrong("app_secret", "app_id and app_secret go together.")
        return Target(
            "feishu", url=fields["url"], secret=fields["secret"], chat=fields["chat_id"],
            callback_secret=fields["callback_secret"], callback_token=fields["callback_token"],
            app_id=fields["app_id"], app_secret=fields["app_secret"],
        )  # fmt: skip

    def posts(self, target: Target, message: Message, at: int) -> list[Post]:
        """One message: a text, or a card."""
        body = _written(message)
        if target.secret:
            body |= {"timestamp": str(at), "sign": signature(target.secret, at)}
        return [Post(target.url, orjson.dumps(body))]

    def outcome(self, answer: Answer) -> Outcome:
        """By `code`; older robots say `StatusCode`."""
        told = document(answer)
        code = None if told is None else told.get("code", told.get("StatusCode"))
        if told is None or type(code) is not int:
            return UNREADABLE if answer.status == 200 else by_status(answer)
        if code == 0:
            return Sent() if answer.status == 200 else UNREADABLE
        busy = code == 9499 and "too many" in str(told.get("msg", "")).lower()
        if code in _TOO_FAST or busy or answer.status == 429:
            told_seconds = seconds_of(answer.headers.get("x-ogw-ratelimit-reset"))
            return Throttled(TOO_FAST_SECONDS) if told_seconds is None else waiting(told_seconds)
        reason = "wrong_content" if code == 9499 else _REASONS.get(code, "other")
        return Refused(reason, str(code))

    def callback(self, target: Target, told: Callback) -> Heard | None:
        """Events of the app, encrypted and signed."""
        return feishu_events.events_of(target, told)

    def privately(self, target: Target, chat_user: str, text: str, exchange: Exchange) -> Outcome:
        """By the app, to an open_id."""
        return feishu_app.write_to(target, chat_user, defused(text), exchange)


def defused(text: str) -> str:
    """A text without `<at …>` mentions, of at most the allowed length."""
    return cut(_AT.sub("＜", text), TEXT_BYTES, "bytes")


def signature(secret: str, seconds: int) -> str:
    """base64(HMAC-SHA256("timestamp⏎secret", nothing))."""
    return base64.b64encode(hmac.new(f"{seconds}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


def _written(message: Message) -> dict[str, Any]:
    if message.markdown is None:
        return {"msg_type": "text", "content": {"text": defused(message.text)}}
    content = fitted(read(message.markdown), _STYLE, TEXT_BYTES, "bytes")
    card = {"config": {"wide_screen_mode": True}, "elements": [{"tag": "markdown", "content": content}]}
    return {"msg_type": "interactive", "card": card}
