"""Who bought for the first time. The key decides, so of two orders at once one is the first. Callers hold the
transaction, in which the orders are written; nothing here commits.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from commission.orders.models import FirstOrderRow
from commission.orders.records import OrderRecord
from core.bulk import insert_rows


class _First(NamedTuple):
    customer_id: UUID
    order_id: UUID


def mark_first(program_id: UUID, paid: Sequence[OrderRecord]) -> set[UUID]:
    """Those of the orders accepted as paid that are their customer's first; one statement for any number.

    Of several of a customer the one paid earliest. What was accepted first stays the first, canceled or not. Locks
    customers' marks in id order; to be called after balances and before the tree, so that nobody waits in a circle.
    """
    earliest: dict[UUID, OrderRecord] = {}
    for order in sorted(paid, key=lambda order: (order.paid_at or order.created_at, order.id)):
        if order.customer_id is not None:
            earliest.setdefault(order.customer_id, order)
    marks = [_First(customer_id, order.id) for customer_id, order in sorted(earliest.items())]
    made = insert_rows(FirstOrderRow, marks, program_id=program_id, on_conflict="DO NOTHING", returning="order_id")
    return {row[0] for row in made}
