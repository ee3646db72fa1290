"""What a platform answers, and what it read in a post."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson


class Asked(NamedTuple):
    """A request. `path` without the platform's word; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """An HTTP answer. `after`: seconds to wait before it; `is_lost`: the connection ends instead."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    after: float = 0.0
    is_lost: bool = False


class Read(NamedTuple):
    """A post that the platform understood."""

    target: str
    kind: str
    text: str
    key: str | None = None
    windows_key: Any = None  # whose windows count it; None: the target's
    is_repeat: bool = False


class No(Exception):
    """A refusal with the platform's code, of a target's number where that is known."""

    def __init__(self, code: str, reply: Reply, target: str = "") -> None:
        super().__init__(code)
        self.code, self.reply, self.target = code, reply, target


def told(body: Any, status: int = 200, *headers: tuple[str, str]) -> Reply:
    """A JSON answer."""
    return Reply(status, orjson.dumps(body), (("Content-Type", "application/json"), *headers))


def words(text: str, status: int = 200, *headers: tuple[str, str]) -> Reply:
    """A text answer."""
    return Reply(status, text.encode(), (("Content-Type", "text/plain; charset=utf-8"), *headers))
