"""Threads that call platforms. A host that answers slowly keeps some of them, never all."""

import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from threading import Lock
from types import TracebackType
from typing import Any, Generic, TypeVar

THREADS = 48
OF_ONE_HOST = 16
_GATHERED_SECONDS = 0.03  # answers of so long are taken together
_SWITCH_SECONDS = 0.0005  # after which a thread lets another one in
_TICK_SECONDS = 0.005  # an answer that takes longer leaves the CPU to other threads

Work = TypeVar("Work")
Result = TypeVar("Result")


class Crew(Generic[Work, Result]):
    """Does `call` for each piece of work; those of one host are begun in the order they were given.

    One thread works for a host while it answers quickly: more would only take the interpreter from each other. While
    answers are slow there come more. `call` must not raise; a thread works inside `around()`. Leaving the context waits
    for the calls under way.
    """

    def __init__(self, call: Callable[[Work], Result], around: Callable[[], AbstractContextManager[Any]]) -> None:
        self._call, self._around = call, around
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="crew")
        self._waiting: dict[str, deque[Work]] = defaultdict(deque)
        self._left: Counter[str] = Counter()  # what waited at the last tick, by host
        self._hands: Counter[str] = Counter()  # threads by host
        self._results: SimpleQueue[Result] = SimpleQueue()
        self._lock = Lock()
        self._switch_interval = sys.getswitchinterval()
        self.under_way = 0

    def __enter__(self) -> "Crew[Work, Result]":
        # whoever records comes back from the database many times a turn, and would wait 5 ms for each busy thread
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True)
        sys.setswitchinterval(self._switch_interval)

    def give(self, work: Sequence[tuple[str, Work]]) -> None:
        """Work with the host that each piece calls."""
        self.under_way += len(work)
        with self._lock:
            for host, one in work:
                self._waiting[host].append(one)
            for host in {host for host, _ in work}:
                if not self._hands[host]:
                    self._add_hands(host, 1)

    def results(self) -> list[Result]:
        """What has come in, at least one; there must be something under way."""
        found: list[Result] = []
        until = 0.0
        while not found or (len(found) < self.under_way and time.monotonic() < until):
            try:
                found.append(self._results.get(timeout=_TICK_SECONDS))
            except Empty:
                self._tick()
            until = until or (time.monotonic() + _GATHERED_SECONDS if found else 0.0)
        self.under_way -= len(found)
        return found

    def _tick(self) -> None:
        """Twice as many threads for hosts of which nothing was begun since the last tick, though something waits."""
        with self._lock:
            for host, waiting in self._waiting.items():
                if 0 < len(waiting) == self._left[host]:
                    self._add_hands(host, min(self._hands[host], len(waiting), OF_ONE_HOST - self._hands[host]))
                self._left[host] = len(waiting)

    def _add_hands(self, host: str, number: int) -> None:
        for _ in range(number):
            self._hands[host] += 1
            self._pool.submit(self._work_for, host)

    def _work_for(self, host: str) -> None:
        with self._around():
            while True:
                with self._lock:
                    if not self._waiting[host]:
                        self._hands[host] -= 1
                        return
                    one = self._waiting[host].popleft()
                self._results.put(self._call(one))
