"""Group commit: what threads of a process ask for at the same moment is carried out at once, by one of them for all.

Knows nothing of databases; holds no lock while it carries out. Nobody has his answer before all of it is done.
"""

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from time import sleep
from typing import Generic, TypeVar

from core.errors import Unavailable

Key = TypeVar("Key", bound=Hashable)
Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

_PAUSE_SECONDS = 0.001


class _Place(Generic[Ask, Answer]):
    """Where one thread waits: `called` is released when it has its outcome, or before that when it has to lead."""

    __slots__ = ("answer", "ask", "called", "error", "leads")

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.called = Lock()
        self.called.acquire()
        self.leads = False
        self.answer: Answer | None = None
        self.error: Exception | None = None

    def serve(self, answer: Answer | None, error: Exception | None) -> None:
        self.answer, self.error = answer, error
        self.called.release()

    def outcome(self) -> Answer:
        if self.error is not None:
            raise self.error.with_traceback(None)  # one error for all of them: each raises it from here
        return self.answer  # type: ignore[return-value]  # served without an error


class Gathering(Generic[Key, Ask, Answer]):
    """Asks of one key, carried out together: who comes while nobody leads does it, and those who come meanwhile wait.

    Whoever has carried out one set hands the lead to the first who waits: nobody works for others twice, and asks
    are served in the order in which they came. `carry_out` gets a key and at most `most` asks and returns an answer
    for each, in their order; what it raises is raised in every thread of the set.

    Those of the last set ask again a moment after they were answered. So a leader who finds fewer than the last one
    had pauses for a millisecond, once: without that, sets of all and sets of one would take turns.
    """

    def __init__(self, carry_out: Callable[[Key, Sequence[Ask]], Sequence[Answer]], most: int) -> None:
        self._carry_out = carry_out
        self._most = most
        self._lock = Lock()
        self._waiting: dict[Key, deque[_Place[Ask, Answer]]] = {}  # of the keys that somebody leads
        self._crowds: dict[Key, int] = {}  # how many were in the last set, where more than one were

    def join(self, key: Key, ask: Ask) -> Answer:
        """The answer to one ask; waits for the set before and for its own."""
        place: _Place[Ask, Answer] = _Place(ask)
        with self._lock:
            place.leads = key not in self._waiting
            self._waiting.setdefault(key, deque()).append(place)
        if not place.leads:
            self._wait(key, place)
        if place.leads:
            self._lead(key)
        return place.outcome()

    def _wait(self, key: Key, place: _Place[Ask, Answer]) -> None:
        try:
            place.called.acquire()
        except BaseException:  # a signal, in the main thread: nobody may wait for a leader who has gone
            with self._lock:
                row = self._waiting.get(key, ())
                if row and place in row and not place.leads:
                    row.remove(place)
            if place.leads:
                self._lead(key)
            raise

    def _lead(self, key: Key) -> None:
        """Carry out what waits, the leader's own first of all; hand over the lead, then the outcomes."""
        together = self._set_of(key)
        answers: Sequence[Answer | None] = []
        error: Exception | None = Unavailable("The request was not carried out; repeat it.", retry_after=1)
        try:
            answers = self._carry_out(key, [place.ask for place in together])
            error = None if len(answers) == len(together) else AssertionError("not an answer for each ask")
        except Exception as raised:  # noqa: BLE001 -- raised again in every thread, the leader's as well
            error = raised
        finally:
            self._hand_over(key)
            for place, answer in zip(together, answers if error is None else [None] * len(together), strict=True):
                place.serve(answer, error)

    def _set_of(self, key: Key) -> list[_Place[Ask, Answer]]:
        row = self._waiting[key]  # only a leader takes it away
        if len(row) < self._crowds.get(key, 0):
            sleep(_PAUSE_SECONDS)
        with self._lock:
            together = [row.popleft() for _ in range(min(self._most, len(row)))]
            if len(together) > 1:
                self._crowds[key] = len(together)
            else:
                self._crowds.pop(key, None)
        return together

    def _hand_over(self, key: Key) -> None:
        with self._lock:
            if row := self._waiting[key]:
                row[0].leads = True
                row[0].called.release()
            else:
                del self._waiting[key]
