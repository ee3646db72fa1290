"""Counters of payouts. They count what was attempted: a step that rolls back afterwards is counted too."""

from collections import Counter as Tally
from collections.abc import Iterable

from commission.payouts.rails.protocol import Outcome
from commission.payouts.rules import Status
from core.observability.metrics import counter

PAYOUTS = counter("banyan_payouts", "Payouts that came into a state", ["rail", "status"])
RAIL_ANSWERS = counter("banyan_rail_answers", "What rails answered", ["rail", "call", "outcome"])


def count_moves(status: Status, rails: Iterable[str]) -> None:
    """Payouts that came into a state, by the rail of each."""
    for rail, count in Tally(rails).items():
        PAYOUTS.labels(rail, status.value).inc(count)


def count_answer(rail: str, call: str, outcome: Outcome) -> None:
    """One answer; `call` is send or query."""
    RAIL_ANSWERS.labels(rail, call, type(outcome).__name__.lower()).inc()
