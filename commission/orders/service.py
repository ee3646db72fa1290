"""What other features may do with orders. Callers hold the transaction; nothing here commits."""

from collections.abc import Sequence
from uuid import UUID

from commission.orders import erasure, queries
from commission.orders.figures import Origin, ReturnedLine, SoldLine, origins_of, returned_lines, sold_lines
from commission.orders.holds import flag_orders, set_guard_status
from commission.orders.lifecycle import locked_order, order_id_of
from commission.orders.reattribution import reattribute
from commission.orders.records import OrderRecord
from core.programs.service import register_money_gate


def orders_named(program_id: UUID, external_ids: Sequence[str]) -> dict[str, OrderRecord]:
    """The orders of those external ids that there are; two statements for any number."""
    known = queries.known_orders(program_id, external_ids)
    orders = queries.orders_by_id(program_id, [order.id for order in known.values()]) if known else {}
    return {order.external_id: order for order in orders.values()}


register_money_gate(queries.has_orders)  # an order that nobody has earned by yet is in a currency as well

__all__ = [
    "OrderRecord", "Origin", "ReturnedLine", "SoldLine", "erasure", "flag_orders", "locked_order", "order_id_of",
    "orders_named", "origins_of", "reattribute", "returned_lines", "set_guard_status", "sold_lines",
]  # fmt: skip
