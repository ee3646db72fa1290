"""Why an order's commissions stay pending past their maturity. Callers hold the order's row."""

from collections.abc import Collection
from uuid import UUID

from commission.earnings import service as earnings
from commission.orders.records import OrderRecord
from core.clock import now
from core.db import execute
from core.events.service import Event, announce

GUARD_HELD = "held"


def held_reason(order: OrderRecord) -> str | None:
    """An open after-sale case first, then a decision that is waited for; None: nothing holds them."""
    if order.after_sale_open:
        return "after_sale"
    return "guard" if order.guard_status == GUARD_HELD else None


def hold_commissions(program_id: UUID, before: OrderRecord, after: OrderRecord) -> None:
    """Let the order's pending commissions follow it: held for the reason there is now, or let go. A new one is told."""
    reason = held_reason(after)
    held = earnings.hold_order(program_id, after.id, reason)
    if held and reason is not None and reason != held_reason(before):
        announce(program_id, [held_event(after.id, reason)])


def held_event(order_id: UUID, reason: str) -> Event:
    """The order's commissions wait for more than their maturity."""
    return Event("commission.held", now(), {"order_id": order_id, "reason": reason})


def set_guard_status(program_id: UUID, order: OrderRecord, status: str) -> None:
    """What the guard says of the order: clear, flagged, held, released or rejected; its commissions follow."""
    execute(
        "UPDATE orders SET guard_status = %(status)s WHERE program_id = %(program_id)s AND id = %(order_id)s",
        program_id=program_id, order_id=order.id, status=status,
    )  # fmt: skip
    hold_commissions(program_id, order, order._replace(guard_status=status))


def flag_orders(program_id: UUID, order_ids: Collection[UUID]) -> None:
    """Mark orders at which something was noticed that holds nothing; what was decided before stays."""
    execute(
        # locked in id order, as refunds and completions do
        """WITH flagged AS MATERIALIZED (
             SELECT id FROM orders WHERE program_id = %(program_id)s AND id = ANY(%(ids)s) AND guard_status = 'clear'
             ORDER BY id FOR NO KEY UPDATE)
           UPDATE orders o SET guard_status = 'flagged' FROM flagged
           WHERE o.program_id = %(program_id)s AND o.id = flagged.id""",
        program_id=program_id, ids=list(order_ids),
    )  # fmt: skip
