"""Counters of delivery. They count what was attempted: a step that rolls back afterwards is counted too."""

from collections import Counter as Tally
from collections.abc import Iterable

from core.observability.metrics import counter

DISPATCHES = counter("banyan_dispatches", "Tries to give a message to a chat platform", ["platform", "outcome"])


def count_dispatches(outcomes: Iterable[tuple[str, str]]) -> None:
    """Tries by platform and outcome."""
    for labels, count in Tally(outcomes).items():
        DISPATCHES.labels(*labels).inc(count)
