"""A receiver of signed webhooks, and one of apprise's JSON."""

import hmac
import threading
from typing import ClassVar

from community.platforms.played import targets
from community.platforms.played.replies import Asked, No, Read, Reply, told
from community.platforms.played.ruling import Windows, decoded, document, is_near, part, rounded_up, signed

TOLERANCE_SECONDS = 300


class Webhook:
    """10 a second. Checks signature and time, and takes a webhook-id once."""

    windows: ClassVar[Windows] = ((10, 1),)
    shared: ClassVar[Windows] = ()
    penalty_seconds: ClassVar[int] = 0

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def read(self, asked: Asked) -> Read | Reply:
        number = targets.number_of("webhook", asked.path.removeprefix("/"))
        if number is None:
            raise _no(404, "no such receiver")
        target, told_id = str(number), asked.headers.get("webhook-id", "")
        timestamp = asked.headers.get("webhook-timestamp", "")
        key = decoded(targets.sign_secret("webhook", number).removeprefix("whsec_"))
        expected = "v1," + signed(key, f"{told_id}.{timestamp}.".encode() + asked.body)
        given = asked.headers.get("webhook-signature", "").split(" ")
        is_signed = any(hmac.compare_digest(expected.encode(), one.encode()) for one in given)
        if not told_id or not is_near(timestamp, TOLERANCE_SECONDS) or not is_signed:
            raise _no(401, "wrong signature or time", target)
        text = part(document(asked.body), "data", "text")
        if not isinstance(text, str):
            raise _no(400, "no data.text", target)
        markdown, image = (part(document(asked.body), "data", name) for name in ("markdown", "image"))
        kind = "image" if image else "markdown" if markdown else "text"
        return Read(target, kind, text, told_id, is_repeat=f"{target} {told_id}" in self._seen)

    def accepted(self, read: Read, number: int) -> Reply:
        with self._lock:
            self._seen.add(f"{read.target} {read.key}")
        return Reply(204, b"", ())

    def too_fast(self, seconds: float) -> tuple[str, Reply]:
        return "429", told({"error": "too many requests"}, 429, ("Retry-After", str(rounded_up(seconds))))

    def refusal(self) -> No:
        return _no(410, "gone")


class Apprise:
    """What apprise's json:// posts."""

    windows: ClassVar[Windows] = ((20, 60),)
    shared: ClassVar[Windows] = ()
    penalty_seconds: ClassVar[int] = 0

    def read(self, asked: Asked) -> Read | Reply:
        number = targets.number_of("apprise", asked.path.strip("/"))
        if number is None:
            raise _no(404, "no such receiver")
        message = part(document(asked.body), "message")
        if not isinstance(message, str):
            raise _no(400, "no message", str(number))
        return Read(str(number), "text", message)

    def accepted(self, read: Read, number: int) -> Reply:
        return told({"ok": True})

    def too_fast(self, seconds: float) -> tuple[str, Reply]:
        return "429", told({"error": "too many requests"}, 429, ("Retry-After", str(rounded_up(seconds))))

    def refusal(self) -> No:
        return _no(403, "forbidden")


def _no(status: int, error: str, target: str = "") -> No:
    return No(str(status), told({"error": error}, status), target)
