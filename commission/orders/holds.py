"""Why an order's commissions stay pending past their maturity. Callers hold the order's row."""

from uuid import UUID

from commission.earnings import service as earnings
from commission.orders.records import OrderRecord
from core.db import execute

GUARD_HELD = "held"


def held_reason(order: OrderRecord) -> str | None:
    """An open after-sale case first, then a decision that is waited for; None: nothing holds them."""
    if order.after_sale_open:
        return "after_sale"
    return "guard" if order.guard_status == GUARD_HELD else None


def set_guard_status(program_id: UUID, order: OrderRecord, status: str) -> None:
    """What the guard says of the order: clear, flagged, held, released or rejected; its commissions follow."""
    execute(
        "UPDATE orders SET guard_status = %(status)s WHERE program_id = %(program_id)s AND id = %(order_id)s",
        program_id=program_id, order_id=order.id, status=status,
    )  # fmt: skip
    earnings.hold_order(program_id, order.id, held_reason(order._replace(guard_status=status)))
