"""The chat platforms, played in a thread of the test's process (or in a process of their own).

    with played_chat(window_scale=0.01) as chat:
        app = create_app(load(environment | chat.environment))         # CHAT_URL and CHAT_WINDOW_SCALE
        given = chat.target("wecom", 7)                                 # registers as the group's `target`
        …
        assert chat.texts("wecom", 7) == ["…"]                          # accepted ones, in order
        chat.book(platform="wecom", target=7)                           # every post, with outcome and code
        chat.faults(lose_answer=0.2, seed=1)                            # {} or no words: none
        call = chat.callback("telegram", 7, "question", user="12", text="my earnings")
        client.post("/…", data=call.body, headers=dict(call.headers))   # signed as the platform does

Targets exist for every number from 0; 0 to 99 share one Telegram bot and one Feishu app. Wait with `chat.wait_for`.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import orjson

from community.platforms.played import targets
from community.platforms.played.calling import Call, made_call
from community.platforms.played.playing import Playing
from community.platforms.played.serving import in_thread


@cache
def _client() -> httpx.Client:
    """One for all: each would read the certificates of the world anew."""
    return httpx.Client(timeout=10, trust_env=False)


@dataclass
class Chat:
    """What plays the platforms, as a test sees it."""

    url: str
    window_scale: float
    process: int | None = None  # where it is one of its own

    @property
    def environment(self) -> dict[str, str]:
        """What sends the product there."""
        return {"CHAT_URL": self.url, "CHAT_WINDOW_SCALE": str(self.window_scale)}

    def target(self, platform: str, number: int = 0) -> dict[str, Any]:
        """What a group is registered with."""
        return targets.given(platform, number, self.url)

    def book(
        self, platform: str | None = None, target: int | str | None = None, outcome: str | None = None
    ) -> list[dict[str, Any]]:
        """Every post in order: {number, at, platform, target, outcome, code, kind, text, key}."""
        asked = {"platform": platform, "target": target if target is None else str(target)}
        found = self._call("GET", "/book", params={name: value for name, value in asked.items() if value is not None})
        return [one for one in found["data"] if outcome in {None, one["outcome"]}]

    def texts(self, platform: str, target: int | str = 0) -> list[str]:
        """What a chat shows."""
        return [one["text"] for one in self.book(platform, target, "accepted")]

    def empty(self) -> None:
        """Forget the book and the faults."""
        self._call("DELETE", "/book")
        self.faults()

    def faults(self, *sets: Mapping[str, Any], **one: Any) -> None:
        """Set misbehaviour: probabilities by name, `seed`, `platform`, `target`; nothing: none."""
        self._call("PUT", "/faults", content=orjson.dumps(list(sets) or one))

    def callback(self, platform: str, number: int, kind: str, **facts: Any) -> Call:
        """A signed call of a callback address: `user`, `name`, `text`, `private`, `event_id` may be given."""
        return made_call(platform, number, kind, **facts)

    def wait_for(self, is_so: Callable[[], bool], seconds: float = 10) -> None:
        """Wait until something is so."""
        ends = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < ends, "it did not become so"
            time.sleep(0.02)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        answer = _client().request(method, self.url + path, **options)
        assert answer.status_code < 300, answer.text
        return orjson.loads(answer.content) if answer.content else None


@contextmanager
def played_chat(window_scale: float = 0.01) -> Iterator[Chat]:
    """Play in a thread of this process."""
    with in_thread(Playing(window_scale)) as playing:
        yield Chat(playing.origin, window_scale)


@contextmanager
def played_chat_process(folder: Path, window_scale: float = 0.01, *arguments: str) -> Iterator[Chat]:
    """Play in a process of its own, for measurements and tests that kill."""
    address = folder / "chat.json"
    command = [sys.executable, "-m", "community.platforms.played", "--address-file", str(address),
               "--window-scale", str(window_scale), *arguments]  # fmt: skip
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    try:
        ends = time.monotonic() + 20
        while not address.exists():
            assert process.poll() is None, "the playing server did not start"
            assert time.monotonic() < ends, "the playing server did not listen"
            time.sleep(0.02)
        yield Chat(orjson.loads(address.read_bytes())["url"], window_scale, process.pid)
    finally:
        process.terminate()
        process.wait(10)
