"""What goes wrong on purpose, by chance or by account. Decisions only; the package docstring has their meaning."""

import random
import secrets
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from commission.payouts.rails.sandbox.book import Step, instant

NAMES = ("slow", "error_before", "error_after", "lose_answer", "processing", "return")
REASONS = {"failed": "account_closed", "returned": "refused_by_bank"}
_FATES = {
    "fail": ("failed",),
    "latefail": ("processing", "failed"),
    "stuck": ("processing",),
    "bounce": ("paid", "returned"),
}


@dataclass(frozen=True, slots=True)
class Delays:
    """How long things take, in seconds."""

    slow_seconds: float
    processing_seconds: float
    return_seconds: float


class Faults:
    """The faults in force. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.put({})

    def put(self, probabilities: Mapping[str, float], seed: int | None = None) -> None:
        """Replace all of them; what is not named never happens. Without a seed one is made up."""
        with self._lock:
            self._probabilities = {name: probabilities.get(name, 0.0) for name in NAMES}
            self._seed = secrets.randbits(32) if seed is None else seed
            self._calls: Counter[str] = Counter()

    def shown(self) -> dict[str, float]:
        with self._lock:
            return {**self._probabilities, "seed": self._seed}

    def hits(self, call: str) -> frozenset[str]:
        """The faults that hit this call. Follows from the seed, the call and how often it was made since `put`."""
        with self._lock:
            self._calls[call] += 1
            draw = random.Random(f"{self._seed}/{call}/{self._calls[call]}")  # noqa: S311 -- to be repeatable, not secret
            return frozenset(name for name, chance in self._probabilities.items() if draw.random() < chance)


def timeline_for(account: str, hits: frozenset[str], accepted_at: datetime, delays: Delays) -> tuple[Step, ...]:
    """The life of a transfer: each status with the instant from which it holds."""
    lasts = {"processing": delays.processing_seconds, "paid": delays.return_seconds}
    at, steps = accepted_at, []
    for status in _statuses(account, hits):
        steps.append(Step(status, instant(at)))
        at += timedelta(seconds=lasts.get(status, 0))
    return tuple(steps)


def _statuses(account: str, hits: frozenset[str]) -> list[str]:
    for beginning, statuses in _FATES.items():
        if account.lower().startswith(beginning):
            return list(statuses)
    ahead = ["processing"] if "processing" in hits else []
    behind = ["returned"] if "return" in hits else []
    return [*ahead, "paid", *behind]
