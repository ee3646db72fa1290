"""What other features use of activities. Callers hold the transaction; nothing here commits."""

from community.activities.budgets import (
    POINTS,
    Budget,
    budgets_of,
    fund_red_packet,
    return_to_budget,
)  # fmt: skip

__all__ = ["POINTS", "Budget", "budgets_of", "fund_red_packet", "return_to_budget"]
