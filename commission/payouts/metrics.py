"""Counters of payouts. They count what was attempted: a step that rolls back afterwards is counted too."""

from collections import Counter as Tally
from collections.abc import Sequence
from typing import TYPE_CHECKING

from prometheus_client import Counter

from commission.payouts.rails.protocol import Outcome
from commission.payouts.rules import Status

if TYPE_CHECKING:
    from commission.payouts.transitions import Moved

PAYOUTS = Counter("banyan_payouts", "Payouts that came into a state", ["rail", "status"])
RAIL_ANSWERS = Counter("banyan_rail_answers", "What rails answered", ["rail", "call", "outcome"])


def count_moves(status: Status, moved: "Sequence[Moved]") -> None:
    for rail, count in Tally(one.rail for one in moved).items():
        PAYOUTS.labels(rail, status.value).inc(count)


def count_answer(rail: str, call: str, outcome: Outcome) -> None:
    RAIL_ANSWERS.labels(rail, call, type(outcome).__name__.lower()).inc()
