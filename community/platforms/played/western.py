"""Telegram bots, Slack and Discord webhooks."""

import re
from html.parser import HTMLParser
from typing import Any, ClassVar

from community.platforms.played import targets
from community.platforms.played.replies import Asked, No, Read, Reply, told, words
from community.platforms.played.ruling import JPEG, PNG, Windows, document, form, rounded_up


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class Telegram:
    """20 a minute per chat, 30 a second per bot."""

    windows: ClassVar[Windows] = ((20, 60),)
    shared: ClassVar[Windows] = ((30, 1),)
    penalty_seconds: ClassVar[int] = 0

    def read(self, asked: Asked) -> Read | Reply:
        found = re.fullmatch(r"/bot([^/]+)/(sendMessage|sendPhoto)", asked.path)
        bot = found[1].partition(":")[0] if found else ""
        if not found or not bot.isdecimal() or found[1] != targets.bot_token(int(bot) - 1000):
            raise _telegram(401, "Unauthorized")
        is_photo = found[2] == "sendPhoto"
        body = _photo_fields(asked) if is_photo else document(asked.body)
        if body is None:
            raise _telegram(400, f"Bad Request: {'there is no photo in the request' if is_photo else 'no JSON'}")
        chat = str(body.get("chat_id", ""))
        target = _chat(chat, int(bot) - 1000)
        text = str(body.get("caption" if is_photo else "text", ""))
        return _telegram_text(target, text, body.get("parse_mode"), bot, is_photo=is_photo)

    def accepted(self, read: Read, number: int) -> Reply:
        return told({"ok": True, "result": {"message_id": number, "text": read.text}})

    def too_fast(self, seconds: float) -> tuple[str, Reply]:
        wait = rounded_up(seconds)
        return "429", told({"ok": False, "error_code": 429, "description": f"Too Many Requests: retry after {wait}",
                            "parameters": {"retry_after": wait}}, 429, ("Retry-After", str(wait)))  # fmt: skip

    def refusal(self) -> No:
        return _telegram(403, "Forbidden: bot was kicked from the supergroup chat")


def _photo_fields(asked: Asked) -> dict[str, str] | None:
    fields = form(asked) or {}
    photo = fields.pop("photo", b"")
    if not photo.startswith((PNG, JPEG)) or len(photo) > 10 * 1024 * 1024:
        return None
    return {name: value.decode("utf-8", "replace") for name, value in fields.items()}


def _chat(chat: str, bot: int) -> str:
    """The target of a chat; a positive number is a person. Raises: No."""
    if chat.isdecimal():
        if chat.startswith("9"):
            raise _telegram(403, "Forbidden: bot can't initiate conversation with a user")
        return f"user:{chat}"
    number = -1_000_000 - int(chat) if re.fullmatch(r"-\d{1,12}", chat) else -1
    if number < 0 or number // targets.BOTS != bot:
        raise _telegram(400, "Bad Request: chat not found")
    return str(number)


def _telegram_text(target: str, text: str, parse_mode: Any, bot: str, *, is_photo: bool) -> Read:
    shown = text
    if parse_mode == "HTML":
        reader = _Tags()
        reader.feed(text)
        reader.close()
        if reader.is_wrong or reader.open_tags:
            raise _telegram(400, "Bad Request: can't parse entities: Unsupported start tag", target)
        shown = reader.text
    if _units(shown) > (1024 if is_photo else 4096):
        raise _telegram(400, f"Bad Request: {'media caption' if is_photo else 'message'} is too long", target)
    if not is_photo and not shown.strip():
        raise _telegram(400, "Bad Request: message text is empty", target)
    kind = "image" if is_photo else "text" if parse_mode is None else "markdown"
    return Read(target, kind, text, windows_key=bot)


class _Tags(HTMLParser):
    """Telegram's few tags, properly closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open_tags: list[str] = []
        self.is_wrong, self.text = False, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.is_wrong = self.is_wrong or tag not in {"b", "i", "u", "s", "a", "code", "pre", "blockquote"}
        self.open_tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.is_wrong = self.is_wrong or not self.open_tags or self.open_tags.pop() != tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _telegram(status: int, description: str, target: str = "") -> No:
    return No(str(status), told({"ok": False, "error_code": status, "description": description}, status), target)


class Slack:
    """One a second per webhook; words, not JSON."""

    windows: ClassVar[Windows] = ((1, 1),)
    shared: ClassVar[Windows] = ()
    penalty_seconds: ClassVar[int] = 0

    def read(self, asked: Asked) -> Read | Reply:
        number = targets.number_of("slack", asked.path.rpartition("/")[2])
        if number is None or asked.path != f"/services/T0/B{number}/{asked.path.rpartition('/')[2]}":
            raise _slack(404, "no_service")
        body, target = document(asked.body), str(number)
        if body is None:
            raise _slack(400, "invalid_payload", target)
        text = body.get("text")
        if not isinstance(text, str) or not text.strip():
            raise _slack(400, "no_text", target)
        if len(text) > 40_000:
            raise _slack(400, "msg_too_long", target)
        return Read(target, "text" if body.get("mrkdwn") is False else "markdown", text)

    def accepted(self, read: Read, number: int) -> Reply:
        return words("ok")

    def too_fast(self, seconds: float) -> tuple[str, Reply]:
        return "429", words("rate_limited", 429, ("Retry-After", str(rounded_up(seconds))))

    def refusal(self) -> No:
        return _slack(410, "channel_is_archived")


def _slack(status: int, word: str, target: str = "") -> No:
    return No(word, words(word, status), target)


class Discord:
    """5 in 2 seconds and 30 a minute per webhook."""

    windows: ClassVar[Windows] = ((5, 2), (30, 60))
    shared: ClassVar[Windows] = ()
    penalty_seconds: ClassVar[int] = 0

    def read(self, asked: Asked) -> Read | Reply:
        found = re.fullmatch(r"/api(?:/v\d+)?/webhooks/(\d+)/([\w-]+)", asked.path)
        number = targets.number_of("discord", found[2]) if found else None
        if found is None or number is None or found[1] != str(number):
            raise _discord(404, 10015, "Unknown Webhook")
        fields, target = form(asked), str(number)
        body = document(asked.body if fields is None else fields.get("payload_json", b""))
        if body is None:
            raise _discord(400, 50109, "The request body contains invalid JSON.", target)
        content, picture = body.get("content", ""), (fields or {}).get("files[0]", b"")
        if len(content) > 2000:
            errors = {"content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer."}]}}
            raise _discord(400, 50035, "Invalid Form Body", target, errors=errors)
        if not content.strip() and not picture:
            raise _discord(400, 50006, "Cannot send an empty message", target)
        return Read(target, "image" if picture.startswith((PNG, JPEG)) else "markdown", content)

    def accepted(self, read: Read, number: int) -> Reply:
        return told({"id": str(10**17 + number), "type": 0, "content": read.text})

    def too_fast(self, seconds: float) -> tuple[str, Reply]:
        body = {"message": "You are being rate limited.", "retry_after": round(seconds, 3), "global": False}
        return "429", told(body, 429, ("Retry-After", str(rounded_up(seconds))), ("X-RateLimit-Scope", "user"))

    def refusal(self) -> No:
        return _discord(404, 10015, "Unknown Webhook")


def _discord(status: int, code: int, message: str, target: str = "", **more: Any) -> No:
    return No(str(code), told({"message": message, "code": code, **more}, status), target)
