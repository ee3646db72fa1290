"""Team counters: the request appends what is to be counted, the fold counts it. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.ids import new_id
from referral.tree.models import TeamDeltaRow


class OrderDelta(NamedTuple):
    """What changed in a customer's orders: `orders` and `sales` (minor units) with either sign."""

    customer_id: UUID
    orders: int
    sales: int
    paid_at: datetime | None = None  # of the newest order among them; None: now


class _Delta(NamedTuple):
    id: UUID
    member_id: UUID
    orders: int
    sales: int
    ordered_at: datetime | None


def count_orders(program_id: UUID, deltas: Sequence[OrderDelta | tuple[UUID, int, int]]) -> None:
    """Append what is to be counted for customers and everybody above them: one statement, no locks, no reads."""
    given = [OrderDelta(*delta) for delta in deltas]
    insert_rows(
        TeamDeltaRow,
        [_Delta(new_id(), one.customer_id, one.orders, one.sales, _ordered_at(one)) for one in given],
        program_id=program_id,
    )


def _ordered_at(delta: OrderDelta) -> datetime | None:
    return (delta.paid_at or now()) if delta.orders > 0 else None


def mark_moved(program_id: UUID, member_ids: Sequence[UUID]) -> None:
    """Have the next fold look where these members stand. In the transaction that made or moved them."""
    insert_rows(
        TeamDeltaRow, [_Delta(new_id(), member_id, 0, 0, None) for member_id in member_ids], program_id=program_id
    )
