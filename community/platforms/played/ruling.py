"""The shape of a platform's rules, and what several of them need."""

import base64
import binascii
import hashlib
import hmac
import math
from typing import Any, ClassVar, Protocol

import orjson

from community.platforms.played.replies import Asked, No, Read, Reply
from core.clock import now

Windows = tuple[tuple[int, int], ...]
"""At most so many in so many seconds, each."""

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


class Rules(Protocol):
    """A platform."""

    windows: ClassVar[Windows]  # of one target
    shared: ClassVar[Windows]  # of all targets with the same `windows_key`
    penalty_seconds: ClassVar[int]  # how long nothing is taken once a window was overrun

    def read(self, asked: Asked) -> Read | Reply:
        """What is asked, judged by everything but speed. A Reply: no post at all. Raises: No."""

    def accepted(self, read: Read, number: int) -> Reply:
        """The answer to a good post; `number` of the message."""

    def too_fast(self, seconds: float) -> tuple[str, Reply]:
        """Code and answer while a window is full for so long."""

    def refusal(self) -> No:
        """What it answers when the robot was taken out of its chat."""


def document(body: bytes) -> dict[str, Any] | None:
    """A JSON object, or None."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def part(value: Any, *names: str) -> Any:
    """A value deep inside objects; None where one of them is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def signed(key: str | bytes, content: str | bytes) -> str:
    """base64 of HMAC-SHA256."""
    key, content = (one.encode() if isinstance(one, str) else one for one in (key, content))
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def is_near(seconds: str, most: int) -> bool:
    """Whether a time in seconds since the epoch is about now."""
    return seconds.isascii() and seconds.isdecimal() and abs(int(seconds[:12]) - now().timestamp()) <= most


def decoded(text: Any) -> bytes:
    """The bytes of a base64 text; none when it is not."""
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except binascii.Error:
        return b""


def rounded_up(seconds: float) -> int:
    """Whole seconds, at least one."""
    return max(1, math.ceil(seconds))


def form(asked: Asked) -> dict[str, bytes] | None:
    """The fields of a multipart body by name; None when it is none."""
    kind, _, rest = asked.headers.get("content-type", "").partition(";")
    if kind.strip() != "multipart/form-data" or "boundary=" not in rest:
        return None
    boundary = b"--" + rest.partition("boundary=")[2].strip().strip('"').encode()
    found = {}
    for piece in asked.body.split(boundary)[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0].decode("utf-8", "replace")
        found[name] = content.removesuffix(b"\r\n")
    return found
