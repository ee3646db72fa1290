"""Threads that call platforms. A host that answers slowly keeps some of them, never all."""

import sys
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Event, Lock
from types import TracebackType
from typing import Any, Generic, TypeVar

THREADS = 48
OF_ONE_HOST = 16
_GATHERED_SECONDS = 0.06  # answers of so long are taken together
_TICK_SECONDS = 0.005  # where nothing was begun for so long, more threads come
_SWITCH_SECONDS = 0.0005  # after which a thread lets another one in

Work = TypeVar("Work")
Result = TypeVar("Result")


class Crew(Generic[Work, Result]):
    """Does `call` for each piece of work; those of one host are begun in the order they were given, hosts take turns.

    One thread works while answers are quick: more would only take the interpreter from each other. While they are slow
    there come more. `call` must not raise; a thread works inside `around()`. Leaving the context waits for the calls
    under way.
    """

    def __init__(self, call: Callable[[Work], Result], around: Callable[[], AbstractContextManager[Any]]) -> None:
        self._call, self._around = call, around
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="crew")
        self._waiting: OrderedDict[str, deque[Work]] = OrderedDict()  # by host; who is next stands first
        self._busy: Counter[str] = Counter()  # calls under way, by host
        self._hands, self._begun, self._begun_before = 0, 0, 0
        self._results: list[Result] = []
        self._open = 0  # given and not done
        self._all_done, self._lock = Event(), Lock()
        self._switch_interval = sys.getswitchinterval()
        self.under_way = 0

    def __enter__(self) -> "Crew[Work, Result]":
        # whoever records comes back from the database many times a turn, and would wait 5 ms for a busy thread
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_SECONDS)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=True)
        sys.setswitchinterval(self._switch_interval)

    def give(self, work: Sequence[tuple[str, Work]]) -> None:
        """Work with the host that each piece calls."""
        if not work:
            return
        self.under_way += len(work)
        with self._lock:
            self._open += len(work)
            self._all_done.clear()
            for host, one in work:
                self._waiting.setdefault(host, deque()).append(one)
            if not self._hands:
                self._add_hands(1)

    def results(self) -> list[Result]:
        """What has come in, at least one; there must be something under way."""
        until = time.monotonic() + _GATHERED_SECONDS
        while True:
            all_done = self._all_done.wait(_TICK_SECONDS)
            with self._lock:
                if self._results and (all_done or time.monotonic() >= until):
                    found, self._results = self._results, []
                    self.under_way -= len(found)
                    return found
                self._tick()

    def _tick(self) -> None:
        """Twice as many threads, where nothing was begun since the last tick though something waits."""
        if self._waiting and self._begun == self._begun_before:
            self._add_hands(min(max(1, self._hands), THREADS - self._hands))
        self._begun_before = self._begun

    def _add_hands(self, number: int) -> None:
        for _ in range(number):
            self._hands += 1
            self._pool.submit(self._work)

    def _work(self) -> None:
        with self._around():
            picked = self._next(None, [])
            while picked is not None:
                host, one = picked
                picked = self._next(host, [self._call(one)])

    def _next(self, done: str | None, results: list[Result]) -> tuple[str, Work] | None:
        """Hand in the result of a host and take what is next; None: there is nothing that may be begun."""
        with self._lock:
            if done is not None:
                self._results += results
                self._busy[done] -= 1
                self._open -= 1
                if not self._open:
                    self._all_done.set()
            picked = self._pick()
            self._hands -= picked is None
            return picked

    def _pick(self) -> tuple[str, Work] | None:
        for host in self._waiting:
            if self._busy[host] < OF_ONE_HOST:
                break
        else:
            return None
        work = self._waiting[host].popleft()
        self._waiting.move_to_end(host)
        if not self._waiting[host]:
            del self._waiting[host]
        self._busy[host] += 1
        self._begun += 1
        return host, work
