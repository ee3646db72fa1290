"""Updates that Telegram sends a bot's webhook: https://core.telegram.org/bots/api#update. Pure."""

import hmac
import re
from typing import Any

from community.platforms.adapters.answers import document
from community.platforms.adapters.protocol import Answer, Callback
from community.platforms.protocol import ChatEvent, Target

CALLBACK_SECONDS = 24 * 3600  # for so long Telegram keeps what it could not deliver
_OF_BOT = re.compile(r"@\w*bot\b", re.IGNORECASE)  # every bot's name ends so
_PRESENT = frozenset({"member", "administrator", "creator"})


def events_of(target: Target, told: Callback) -> list[ChatEvent] | None:
    """What an update says. Telegram signs nothing: it repeats the secret of setWebhook."""
    given = told.headers.get("x-telegram-bot-api-secret-token", "").encode("utf-8", "replace")
    if not target.callback_secret or not hmac.compare_digest(given, target.callback_secret.encode()):
        return None
    update = document(Answer(200, {}, told.body)) or {}
    number = update.get("update_id")
    message = _object(update.get("message")) or _object(update.get("chat_member"))
    if type(number) is not int or not message:
        return []
    date = message.get("date")
    if type(date) is not int or abs(told.at - date) > CALLBACK_SECONDS:
        return []
    chat = _object(message.get("chat"))
    found = _changes(message) if "chat_member" in update else [*_came_and_went(message), *_asked(message)]
    return [
        ChatEvent(f"{number}:{user['id']}", kind, str(chat.get("id", "")), chat.get("type") == "private",
                  str(user["id"]), _name(user), text)
        for kind, user, text in found
        if type(user.get("id")) is int and user.get("is_bot") is not True
    ]  # fmt: skip


def _asked(message: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    text = message.get("text")
    if not isinstance(text, str):
        return []
    return [("question", _object(message.get("from")), _OF_BOT.sub("", text).strip())]


def _came_and_went(message: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    came = message.get("new_chat_members")
    found = [("joined", _object(user), "") for user in came] if isinstance(came, list) else []
    left = _object(message.get("left_chat_member"))
    return [*found, ("left", left, "")] if left else found


def _changes(change: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """`chat_member`: told to bots that are administrators, of large groups too."""
    before, after = _object(change.get("old_chat_member")), _object(change.get("new_chat_member"))
    was, is_now = before.get("status") in _PRESENT, after.get("status") in _PRESENT
    if was == is_now:
        return []
    return [("joined" if is_now else "left", _object(after.get("user")), "")]


def _name(user: dict[str, Any]) -> str | None:
    parts = [user[part] for part in ("first_name", "last_name") if isinstance(user.get(part), str)]
    return " ".join(parts) or None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
