"""A rail in memory with a book and knobs. It honours its keys as the protocol demands; everything else may go wrong."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from commission.payouts.rails.protocol import (
    KEY_CONFLICT,
    Capabilities,
    NotFound,
    Outcome,
    Paid,
    Processing,
    SendOutcome,
    TransferRequest,
    Unknown,
)

Trouble = Callable[[TransferRequest, int], SendOutcome | None]


@dataclass
class FakeRail:
    """`before` and `after` may give another answer than the truth, before or after the transfer is executed.

    `fate` is what the rail says of an executed key, when sent and when asked.
    """

    kind: str = "sandbox"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(32, None, None))
    before: Trouble = lambda _request, _number: None
    after: Trouble = lambda _request, _number: None
    fate: Callable[[TransferRequest], Outcome] = lambda request: Paid(request.key)
    on_query: Callable[[str, int], Outcome | None] = lambda _key, _number: None

    def __post_init__(self) -> None:
        self.book: dict[str, TransferRequest] = {}
        self.sends: Counter[str] = Counter()
        self.queries: Counter[str] = Counter()
        self._lock = threading.Lock()

    def send(self, request: TransferRequest) -> SendOutcome:
        with self._lock:
            self.sends[request.key] += 1
            number = self.sends[request.key]
        told = self.before(request, number)
        if told is not None:
            return told
        with self._lock:
            known = self.book.setdefault(request.key, request)
        if known != request:
            return Unknown(KEY_CONFLICT)
        told = self.after(request, number)
        outcome = told if told is not None else self.fate(request)
        assert not isinstance(outcome, NotFound)
        return outcome

    def query(self, key: str, expected: TransferRequest | None = None) -> Outcome:
        with self._lock:
            self.queries[key] += 1
            number, known = self.queries[key], self.book.get(key)
        told = self.on_query(key, number)
        if told is not None:
            return told
        if known is None:
            return NotFound()
        return Unknown("contradictory_body") if expected not in {None, known} else self.fate(known)

    def moved(self) -> int:
        """Minor units that left, each key once."""
        return sum(request.amount for request in self.book.values())


def processing(request: TransferRequest) -> Processing:
    return Processing(request.key)
