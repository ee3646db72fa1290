"""What others count by: when and where paid orders were sold, and what was in them. SELECTs only."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from commission.orders.refund_rules import RefundableLine
from core.db import fetch_all


class Origin(NamedTuple):
    """What never changes of an order once it is paid."""

    order_id: UUID
    paid_at: datetime
    group_id: str | None
    customer_id: UUID | None


class SoldLine(NamedTuple):
    """One line as it was sold; `amount` is what was left of it after every discount, in minor units."""

    order_id: UUID
    sku: str
    name: str | None
    quantity: int
    amount: int


def origins_of(program_id: UUID, order_ids: Collection[UUID]) -> dict[UUID, Origin]:
    """Of those orders that were paid, in one statement."""
    if not order_ids:
        return {}
    rows = fetch_all(
        Origin,
        """SELECT id, paid_at, group_id, customer_id FROM orders
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) AND paid_at IS NOT NULL""",
        program_id=program_id, ids=list(order_ids),
    )  # fmt: skip
    return {row.order_id: row for row in rows}


def sold_lines(program_id: UUID, order_ids: Collection[UUID]) -> list[SoldLine]:
    """The lines of these orders, in one statement."""
    if not order_ids:
        return []
    return fetch_all(
        SoldLine,
        """SELECT order_id, sku, name, quantity, base FROM order_lines
           WHERE program_id = %(program_id)s AND order_id = ANY(%(ids)s::uuid[]) ORDER BY order_id, position""",
        program_id=program_id, ids=list(order_ids),
    )  # fmt: skip


class ReturnedLine(NamedTuple):
    """What has come back of one line, by units and minor units; neither ever falls."""

    order_id: UUID
    position: int
    sku: str
    quantity: int
    amount: int


class _Line(NamedTuple):
    order_id: UUID
    position: int
    sku: str
    unit_price: int
    quantity: int
    base: int
    refunded_quantity: int
    refunded_amount: int


def returned_lines(program_id: UUID, order_ids: Collection[UUID]) -> list[ReturnedLine]:
    """The lines of these orders of which something came back, in one statement.

    Of a line all of whose money is back, all units count as returned.
    """
    if not order_ids:
        return []
    rows = fetch_all(
        _Line,
        """SELECT order_id, position, sku, unit_price, quantity, base, refunded_quantity, refunded_amount
           FROM order_lines WHERE program_id = %(program_id)s AND order_id = ANY(%(ids)s::uuid[])
             AND (refunded_quantity > 0 OR refunded_amount > 0) ORDER BY order_id, position""",
        program_id=program_id, ids=list(order_ids),
    )  # fmt: skip
    return [_returned(row.order_id, row.position, RefundableLine(*row[2:])) for row in rows]


def _returned(order_id: UUID, position: int, line: RefundableLine) -> ReturnedLine:
    units = line.quantity if line.base and not line.kept_base else line.refunded_quantity
    return ReturnedLine(order_id, position, line.sku, units, line.base - line.kept_base)
