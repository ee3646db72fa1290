"""Visitors who follow a link as fast as they can, each time as somebody new, and remember what they were answered."""

import http.client
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

BROWSER = "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"


@dataclass
class Answers:
    """What all of them were answered so far, and how many there shall be for now; nobody waits longer than it takes.

    `broken`: connections that died with the request under way.
    """

    wanted: int
    limit: int = 0
    ended: bool = False
    click_ids: list[UUID] = field(default_factory=list)
    broken: int = 0
    _lock: Lock = field(default_factory=Lock)

    def may_go_on(self) -> bool:
        """Whether one may ask again, now or soon."""
        while len(self.click_ids) >= self.limit and not self.ended:
            time.sleep(0.001)
        return len(self.click_ids) < self.limit

    def note(self, click_id: UUID) -> None:
        with self._lock:
            self.click_ids.append(click_id)

    def note_broken(self) -> None:
        with self._lock:
            self.broken += 1


def follow_link(ports: Sequence[int], code: str, answers: Answers, clients: int, meanwhile: Callable[[], None]) -> None:
    """Have `clients` threads follow the link while `meanwhile` lets them; it raises `answers.limit` as it goes on.

    Each stays with one of the ports.
    """
    with ThreadPoolExecutor(clients) as pool:
        visitors = [pool.submit(_follow, ports[one % len(ports)], code, answers) for one in range(clients)]
        try:
            meanwhile()
        finally:
            answers.ended = True
        for visitor in visitors:
            visitor.result()


def _follow(port: int, code: str, answers: Answers) -> None:
    connection: http.client.HTTPConnection | None = None
    while answers.may_go_on():
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                connection.connect()
        except OSError:  # the web is down: nothing was asked
            connection = None
            continue
        try:
            connection.request("GET", f"/r/{code}", headers={"User-Agent": BROWSER})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            answers.note_broken()
            connection = None
            continue
        if answer.status == http.client.FOUND:
            answers.note(_click_id(answer.headers["Location"]))
        else:  # started a moment ago, and neither Valkey nor PostgreSQL there to tell it where the code leads
            assert answer.status == http.client.SERVICE_UNAVAILABLE, answer.status


def _click_id(location: str) -> UUID:
    (token,) = parse_qs(urlsplit(location).query)["click_id"]
    return UUID(bytes=urlsafe_b64decode(token.removeprefix("clk_"))[:16])
