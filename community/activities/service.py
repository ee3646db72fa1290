"""What other features use of activities. Callers hold the transaction; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from community.activities import queries
from community.activities.budgets import (
    POINTS,
    Budget,
    budgets_of,
    fund_red_packet,
    lock_budgets,
    return_to_budget,
)  # fmt: skip
from community.activities.rules import multiplier_of


def multiplier_at(program_id: UUID, at: datetime) -> int:
    """By how many basis points a member day multiplies the points of a purchase at an instant; 10000 without one."""
    return multipliers_at(program_id, [at])[0]


def multipliers_at(program_id: UUID, instants: Sequence[datetime]) -> list[int]:
    """The same for any number of instants, in one statement."""
    if not instants:
        return []
    days = queries.member_days(program_id, min(instants), max(instants))
    return [multiplier_of(days, at) for at in instants]


__all__ = [
    "POINTS", "Budget", "budgets_of", "fund_red_packet", "lock_budgets", "multiplier_at", "multipliers_at",
    "return_to_budget",
]  # fmt: skip
