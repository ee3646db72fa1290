"""Telegram bots: https://core.telegram.org/bots/api. One token may serve many chats, which share its limits."""

import html
import re
from collections.abc import Mapping
from typing import Any

import orjson

from community.platforms.adapters import telegram_updates
from community.platforms.adapters.answers import by_status, document, seconds_of, waiting
from community.platforms.adapters.base import PostOnly
from community.platforms.adapters.multipart import multipart, picture_name
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
)
from community.platforms.text import cut, unit_length
from core.encryption import masked

ORIGIN = "https://api.telegram.org"
TEXT_CHARACTERS, CAPTION_CHARACTERS = 4096, 1024
IMAGE_BYTES = 10 * 1024 * 1024
_WORDS = (
    ("too long", "too_long"), ("chat not found", "wrong_target"), ("upgraded to a supergroup", "wrong_target"),
    ("initiate conversation", "not_reachable"), ("blocked by the user", "not_reachable"),
    ("user is deactivated", "not_reachable"), ("kicked", "not_allowed"), ("not enough rights", "not_allowed"),
    ("have no rights", "not_allowed"), ("not a member", "not_allowed"),
)  # fmt: skip


def _plain(text: str) -> str:
    return html.escape(text, quote=False)


_STYLE = Style(
    plain=_plain, bold="<b>{}</b>", code=lambda text: f"<code>{_plain(text)}</code>",
    link=lambda words, url: _plain(url) if words == url else f'<a href="{html.escape(url)}">{words}</a>',
    lines={"heading": "<b>{}</b>", "item": "• {}", "quote": "<blockquote>{}</blockquote>"},
)  # fmt: skip


class Telegram(PostOnly):
    """A bot in a chat."""

    capability = Capability(
        platform="telegram", name="Telegram bot", markdown=True, image=True, tells_joins=True, asks_questions=True,
        answers_privately=True, recognises_repeats=False,
        limits=Limits(per_minute=20, per_second=None, shared_per_second=30),
        longest_text=TEXT_CHARACTERS, longest_unit="characters", target=("token", "chat_id"),
        target_options=("callback_secret",),
        notes="Joins and questions arrive when the bot's webhook is set with `callback_secret` as its secret_token; it "
        "sees group messages that are commands, mentions or replies to it. A person can be written to privately after "
        "having started the bot. All chats of a bot share its callback and 30 posts a second.",
    )  # fmt: skip

    def target(self, given: Mapping[str, Any], pointer: str) -> Target:
        """`token` of the bot, `chat_id` of the chat, `callback_secret` as given to setWebhook."""
        fields = Given(given, ("token", "chat_id"), ("callback_secret",), pointer)
        return Target(
            "telegram",
            token=fields.matching("token", r"[0-9]{1,20}:[0-9A-Za-z_-]{20,100}", "123456:ABC-…"),
            chat=fields.matching("chat_id", r"-?[0-9]{1,20}|@[0-9A-Za-z_]{4,32}", "a number such as -100123, or @name"),
            callback_secret=fields.matching("callback_secret", r"[0-9A-Za-z_-]{1,256}", "letters, digits, _ and -"),
        )

    def masked(self, target: Target) -> str:
        """The bot's number is public, its chat's too."""
        return f"{target.token.partition(':')[0]}:{masked(target.token.partition(':')[2])} {target.chat}"

    def posts(self, target: Target, message: Message, at: int) -> list[Post]:
        """A message, or a picture with it below; what is too long for that goes before the picture."""
        body = _written(message, TEXT_CHARACTERS)
        picture = message.image if message.image is not None and len(message.image) <= IMAGE_BYTES else None
        if picture is None:
            return [_post(target, "sendMessage", body)]
        if unit_length(body["text"]) <= CAPTION_CHARACTERS:
            caption = {"caption": body["text"]} | ({"parse_mode": "HTML"} if "parse_mode" in body else {})
            return [_photo(target, picture, caption)]
        return [_post(target, "sendMessage", body), _photo(target, picture, {})]

    def outcome(self, answer: Answer) -> Outcome:
        """By `ok` and, of a refusal, its description: its numbers are HTTP's."""
        told = document(answer)
        if told is None or type(told.get("ok")) is not bool:
            return by_status(answer)
        if told["ok"]:
            result = told.get("result")
            number = result.get("message_id") if isinstance(result, dict) else None
            return Sent(str(number) if type(number) is int else None)
        parameters = told.get("parameters")
        if answer.status == 429:
            named = parameters.get("retry_after") if isinstance(parameters, dict) else None
            return waiting(seconds_of(named) or seconds_of(answer.headers.get("retry-after")))
        return by_status(answer) if answer.status >= 500 else _refusal(answer.status, str(told.get("description", "")))

    def lane(self, target: Target) -> str | None:
        """The bot."""
        return target.token

    def callback(self, target: Target, told: Callback) -> Heard | None:
        """An update, with the secret that was given to setWebhook."""
        events = telegram_updates.events_of(target, told)
        return None if events is None else Heard(events)

    def privately(self, target: Target, chat_user: str, text: str, exchange: Exchange) -> Outcome:
        """A message to somebody who has started the bot."""
        if not re.fullmatch(r"[0-9]{1,20}", chat_user):
            return Refused("not_reachable")
        body = _written(Message(text), TEXT_CHARACTERS)
        answer = exchange(_post(target, "sendMessage", body | {"chat_id": chat_user}))
        return self.outcome(answer) if isinstance(answer, Answer) else answer


def _written(message: Message, most: int) -> dict[str, Any]:
    quiet = {"link_preview_options": {"is_disabled": True}}
    if message.markdown is None:
        return {"text": cut(message.text, most, "characters"), **quiet}
    return {"text": fitted(read(message.markdown), _STYLE, most, "characters"), "parse_mode": "HTML", **quiet}


def _post(target: Target, method: str, body: dict[str, Any]) -> Post:
    return Post(f"{ORIGIN}/bot{target.token}/{method}", orjson.dumps({"chat_id": target.chat} | body))


def _photo(target: Target, picture: bytes, fields: dict[str, str]) -> Post:
    parts: list[tuple[str, str | None, bytes]] = [
        (name, None, value.encode()) for name, value in ({"chat_id": target.chat} | fields).items()
    ]
    body, headers = multipart([*parts, ("photo", picture_name(picture), picture)])
    return Post(f"{ORIGIN}/bot{target.token}/sendPhoto", body, headers, has_picture=True)


def _refusal(status: int, description: str) -> Refused:
    words = description.lower()
    for part, reason in _WORDS:
        if part in words:
            return Refused(reason, str(status))
    by_number = {401: "wrong_target", 404: "wrong_target", 403: "not_allowed", 400: "wrong_content", 413: "too_long"}
    return Refused(by_number.get(status, "other"), str(status))
