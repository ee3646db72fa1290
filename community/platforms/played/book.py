"""What was posted, in order, and the windows in which it is counted."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson


class Entry(NamedTuple):
    """One post. `outcome`: accepted | repeated | refused | throttled | failed; `code`: the platform's own."""

    number: int
    at: float  # seconds since the epoch
    platform: str
    target: str  # the target's number, or user:<id> of a private message
    outcome: str
    code: str
    kind: str  # text | markdown | image | …
    text: str
    key: str | None


class Book:
    """Every post since the start or the last emptying, with a file behind it where one is given."""

    def __init__(self, path: Path | None = None) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()
        self._last = 0
        self._file = None
        if path is not None:
            if path.exists():
                for line in path.read_bytes().splitlines():
                    self._entries.append(Entry(**orjson.loads(line)))
                self._last = self._entries[-1].number if self._entries else 0
            self._file = path.open("ab", buffering=0)

    def note(self, platform: str, target: str, outcome: str, code: str, kind: str, text: str, key: str | None) -> None:
        """One more post."""
        with self._lock:
            self._last += 1
            entry = Entry(self._last, time.time(), platform, target, outcome, code, kind, text, key)
            self._entries.append(entry)
            if self._file is not None:
                self._file.write(orjson.dumps(entry._asdict()) + b"\n")

    def entries(self, platform: str | None = None, target: str | None = None, after: int = 0) -> list[Entry]:
        """In order, of one platform or target."""
        with self._lock:
            entries = list(self._entries)
        return [
            one
            for one in entries
            if one.number > after and platform in {None, one.platform} and target in {None, one.target}
        ]

    def empty(self) -> None:
        """Forget all of it."""
        with self._lock:
            self._entries.clear()
            if self._file is not None:
                self._file.truncate(0)


class Windows:
    """Sliding windows: at most so many within so long, and no post that is refused counts."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._posts: dict[tuple[Any, ...], deque[float]] = {}
        self._shut: dict[Any, float] = {}

    def wait(self, counted: Sequence[tuple[Any, tuple[tuple[int, int], ...]]]) -> float:
        """Seconds until one more is allowed by all windows, (most, seconds) by key; 0: now, and it is counted."""
        at, longest, found = time.monotonic(), 0.0, []
        for key, windows in counted:
            for most, seconds in windows:
                length = seconds * self._scale
                posts = self._posts.setdefault((key, most, seconds), deque())
                while posts and posts[0] <= at - length:
                    posts.popleft()
                longest = max(longest, posts[0] + length - at) if len(posts) >= most else longest
                found.append(posts)
        if not longest:
            for posts in found:
                posts.append(at)
        return longest

    def shut(self, key: Any, seconds: int) -> None:
        """Take nothing for so long."""
        self._shut[key] = time.monotonic() + seconds * self._scale

    def shut_for(self, key: Any) -> float:
        """Seconds left of that."""
        return max(0.0, self._shut.get(key, 0.0) - time.monotonic())
