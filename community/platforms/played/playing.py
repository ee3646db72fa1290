"""What happens to a request: judged, counted, noted, answered; or it controls the playing itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import orjson

from community.platforms.played import calling, targets
from community.platforms.played.book import Book, Windows
from community.platforms.played.faults import Misbehaviour
from community.platforms.played.replies import Asked, No, Read, Reply, told
from community.platforms.played.rules import RULES
from community.platforms.played.ruling import document

_ERROR = Reply(500, b"Internal Server Error", (("Content-Type", "text/plain"),))
_THROTTLED_SECONDS = 2.0
_BOT = "bot"


class Playing:
    """The state of the playing server. `origin` is set once it listens."""

    def __init__(self, window_scale: float = 1.0, data: Path | None = None) -> None:
        self.scale, self.origin = window_scale, ""
        self.book, self.windows, self.misbehaviour = Book(data), Windows(window_scale), Misbehaviour()
        self._messages = 0

    def answer(self, asked: Asked) -> Reply | Callable[[], Reply]:
        """The answer, or what makes it and takes its time."""
        word, _, rest = asked.path.removeprefix("/").partition("/")
        if word in RULES and asked.method == "POST":
            return self._post(word, asked._replace(path="/" + rest))
        return self._control(word, rest, asked)

    def _post(self, platform: str, asked: Asked) -> Reply:
        rules = RULES[platform]
        try:
            read = rules.read(asked)
        except No as no:
            return self._refused(platform, no.target, no)
        if isinstance(read, Reply):
            return read
        drawn = self.misbehaviour.draw(platform, read.target)
        reply = self._before(platform, read, drawn.before) or self._too_fast(platform, read)
        if reply is None:
            reply = self._taken(platform, read)
            if drawn.after is not None:
                reply = reply._replace(is_lost=True) if drawn.after == "lose_answer" else _AFTER[drawn.after]
        return reply._replace(after=drawn.delay)

    def _taken(self, platform: str, read: Read) -> Reply:
        self._messages += 1
        outcome = "repeated" if read.is_repeat else "accepted"
        self._note(platform, read, outcome, "")
        return RULES[platform].accepted(read, self._messages)

    def _before(self, platform: str, read: Read, fault: str | None) -> Reply | None:
        if fault == "refuse":
            return self._refused(platform, read.target, RULES[platform].refusal(), read)
        if fault == "throttle":
            code, reply = RULES[platform].too_fast(_THROTTLED_SECONDS * self.scale)
            self._note(platform, read, "throttled", code)
            return reply
        if fault == "error_before":
            self._note(platform, read, "failed", "500")
            return _ERROR
        return None

    def _too_fast(self, platform: str, read: Read) -> Reply | None:
        """The answer while a window is full."""
        rules, key = RULES[platform], (platform, read.target)
        counted = [(key, rules.windows), ((platform, _BOT, read.windows_key), rules.shared)]
        wait = self.windows.shut_for(key) or self.windows.wait(counted)
        if not wait:
            return None
        if rules.penalty_seconds and not self.windows.shut_for(key):
            self.windows.shut(key, rules.penalty_seconds)
        code, reply = rules.too_fast(wait)
        self._note(platform, read, "throttled", code)
        return reply

    def _refused(self, platform: str, target: str, no: No, read: Read | None = None) -> Reply:
        self._note(platform, read or Read(target, "", ""), "refused", no.code)
        return no.reply

    def _note(self, platform: str, read: Read, outcome: str, code: str) -> None:
        self.book.note(platform, read.target, outcome, code, read.kind, read.text, read.key)

    def _control(self, word: str, rest: str, asked: Asked) -> Reply | Callable[[], Reply]:
        match asked.method, word:
            case (("GET" | "DELETE"), "book"):
                return self._book(asked)
            case "PUT", "faults":
                return self._faults(asked.body)
            case "GET", "targets":
                return self._target(*rest.split("/"))
            case "POST", "play":
                return calling.call(rest.split("/"), document(asked.body) or {})
        return told({"error": "no such thing is played here"}, 404)

    def _book(self, asked: Asked) -> Reply:
        if asked.method == "DELETE":
            self.book.empty()
            return Reply(204, b"", ())
        after = asked.query.get("after", "")
        found = self.book.entries(
            asked.query.get("platform"), asked.query.get("target"), int(after) if after.isdecimal() else 0
        )
        return told({"data": [one._asdict() for one in found]})

    def _faults(self, body: bytes) -> Reply:
        try:
            self.misbehaviour.put(orjson.loads(body))
        except (orjson.JSONDecodeError, msgspec.ValidationError) as error:
            return told({"error": str(error)}, 422)
        return Reply(204, b"", ())

    def _target(self, platform: str, number: str = "0", *_: str) -> Reply:
        if platform not in targets.PLATFORMS or not number.isdecimal():
            return told({"error": "no such target"}, 404)
        found: dict[str, Any] = targets.given(platform, int(number), self.origin)
        return told({"platform": platform, "target": found})


_AFTER = {"error_after": _ERROR, "garbage": Reply(200, b"<html>", (("Content-Type", "text/html"),))}
