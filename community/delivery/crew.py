"""Threads that call platforms. A host that answers slowly keeps some of them, never all."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock
from types import TracebackType
from typing import Generic, TypeVar

THREADS = 48
OF_ONE_HOST = 16
_GATHERED_SECONDS = 0.02  # answers of so long are taken together

Work = TypeVar("Work")
Result = TypeVar("Result")


class Crew(Generic[Work, Result]):
    """Does `call` for each piece of work, those of one host in the order they were given.

    `call` must not raise. Leaving the context waits for the calls under way.
    """

    def __init__(self, call: Callable[[Work], Result]) -> None:
        self._call = call
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="crew")
        self._waiting: dict[str, deque[Work]] = defaultdict(deque)
        self._busy: Counter[str] = Counter()  # threads by host
        self._results: SimpleQueue[Result] = SimpleQueue()
        self._lock = Lock()
        self.under_way = 0

    def __enter__(self) -> "Crew[Work, Result]":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True)

    def give(self, work: Sequence[tuple[str, Work]]) -> None:
        """Work with the host that each piece calls."""
        self.under_way += len(work)
        for host, one in work:
            with self._lock:
                self._waiting[host].append(one)
                begins = self._busy[host] < OF_ONE_HOST
                self._busy[host] += begins
            if begins:
                self._pool.submit(self._work_for, host)

    def _work_for(self, host: str) -> None:
        while True:
            with self._lock:
                if not self._waiting[host]:
                    self._busy[host] -= 1
                    return
                one = self._waiting[host].popleft()
            self._results.put(self._call(one))

    def results(self) -> list[Result]:
        """What has come in, at least one; there must be something under way."""
        found = [self._results.get()]
        until = time.monotonic() + _GATHERED_SECONDS
        while len(found) < self.under_way and (left := until - time.monotonic()) > 0:
            with suppress(Empty):
                found.append(self._results.get(timeout=left))
        self.under_way -= len(found)
        return found
