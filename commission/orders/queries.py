"""Every SELECT on orders, lines and refunds. Sets of orders cost as many statements as one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from commission.earnings.service import commissions_of_orders
from commission.orders.records import LineRecord, OrderRecord, OrderView, RefundRecord
from core.db import connection, fetch_all, scalar

_ORDER = ", ".join(OrderRecord._fields)
_LINE = ", ".join(LineRecord._fields)
_REFUND = ", ".join(RefundRecord._fields)


class KnownOrder(NamedTuple):
    """Enough to tell a repeat from a clash."""

    external_id: str
    id: UUID
    request_hash: bytes


def known_orders(program_id: UUID, external_ids: Sequence[str]) -> dict[str, KnownOrder]:
    rows = fetch_all(
        KnownOrder,
        """SELECT external_id, id, request_hash FROM orders
           WHERE program_id = %(program_id)s AND external_id = ANY(%(external_ids)s)""",
        program_id=program_id, external_ids=list(external_ids),
    )  # fmt: skip
    return {row.external_id: row for row in rows}


def order_id_of(program_id: UUID, external_id: str) -> UUID | None:
    found = scalar(
        "SELECT id FROM orders WHERE program_id = %(program_id)s AND external_id = %(external_id)s",
        program_id=program_id, external_id=external_id,
    )  # fmt: skip
    return None if found is None else UUID(str(found))


def orders_by_id(program_id: UUID, order_ids: Sequence[UUID], *, lock: bool = False) -> dict[UUID, OrderRecord]:
    """Orders by id; `lock` takes their rows in id order, so that two batches cannot deadlock."""
    rows = connection().execute(
        f"SELECT {_ORDER} FROM orders WHERE program_id = %s AND id = ANY(%s) ORDER BY id{' FOR UPDATE' if lock else ''}",
        (program_id, list(order_ids)),
    )
    return {record.id: record for record in map(OrderRecord._make, rows)}


def lines_of(program_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, list[LineRecord]]:
    """The lines of each order, in their order."""
    rows = connection().execute(
        f"SELECT {_LINE} FROM order_lines WHERE program_id = %s AND order_id = ANY(%s) ORDER BY order_id, position",
        (program_id, list(order_ids)),
    )
    lines: dict[UUID, list[LineRecord]] = {order_id: [] for order_id in order_ids}
    for record in map(LineRecord._make, rows):
        lines[record.order_id].append(record)
    return lines


def refunds_of(program_id: UUID, order_ids: Sequence[UUID]) -> list[RefundRecord]:
    rows = connection().execute(
        f"SELECT {_REFUND} FROM refunds WHERE program_id = %s AND order_id = ANY(%s) ORDER BY order_id, id",
        (program_id, list(order_ids)),
    )
    return [RefundRecord._make(row) for row in rows]


def known_refunds(program_id: UUID, external_ids: Sequence[str]) -> dict[str, RefundRecord]:
    rows = connection().execute(
        f"SELECT {_REFUND} FROM refunds WHERE program_id = %s AND external_id = ANY(%s)",
        (program_id, list(external_ids)),
    )
    return {str(record.external_id): record for record in map(RefundRecord._make, rows)}


def views_of(program_id: UUID, order_ids: Sequence[UUID]) -> list[OrderView]:
    """Orders with all that is shown of them, in the given order; four statements for any number."""
    orders = orders_by_id(program_id, order_ids)
    lines = lines_of(program_id, order_ids)
    by_order: dict[UUID, OrderView] = {
        order_id: OrderView(order, lines[order_id], [], []) for order_id, order in orders.items()
    }
    for commission in commissions_of_orders(program_id, order_ids):
        by_order[commission.order_id].commissions.append(commission)
    for refund in refunds_of(program_id, order_ids):
        by_order[refund.order_id].refunds.append(refund)
    return [by_order[order_id] for order_id in order_ids if order_id in by_order]


class OrderFilter(NamedTuple):
    """What a list of orders is narrowed by; `from_` and `to` look at paid_at, or placed_at while unpaid."""

    external_id: str | None
    customer_external_id: str | None
    member_id: UUID | None
    status: str | None
    from_: datetime | None
    to: datetime | None


def order_ids(program_id: UUID, wanted: OrderFilter, after: UUID | None, most: int) -> list[UUID]:
    """Newest first. `member_id` finds orders that are attributed to the member."""
    rows = connection().execute(
        """SELECT o.id FROM orders o
           WHERE o.program_id = %(program_id)s AND (%(after)s::uuid IS NULL OR o.id < %(after)s)
             AND (%(external_id)s::text IS NULL OR o.external_id = %(external_id)s)
             AND (%(customer)s::text IS NULL OR o.customer_id = (
                   SELECT m.id FROM members m WHERE m.program_id = %(program_id)s AND m.external_id = %(customer)s))
             AND (%(member_id)s::uuid IS NULL OR o.attributed_member_id = %(member_id)s)
             AND (%(status)s::text IS NULL OR o.status = %(status)s)
             AND (%(from)s::timestamptz IS NULL OR coalesce(o.paid_at, o.placed_at) >= %(from)s)
             AND (%(to)s::timestamptz IS NULL OR coalesce(o.paid_at, o.placed_at) < %(to)s)
           ORDER BY o.id DESC LIMIT %(most)s""",
        {
            "program_id": program_id, "after": after, "external_id": wanted.external_id,
            "customer": wanted.customer_external_id, "member_id": wanted.member_id, "status": wanted.status,
            "from": wanted.from_, "to": wanted.to, "most": most,
        },
    )  # fmt: skip
    return [row[0] for row in rows]


def orders_of_customer(program_id: UUID, customer_id: UUID, after: UUID | None, most: int) -> list[UUID]:
    rows: Any = connection().execute(
        """SELECT id FROM orders WHERE program_id = %(program_id)s AND customer_id = %(customer_id)s
             AND (%(after)s::uuid IS NULL OR id < %(after)s) ORDER BY id DESC LIMIT %(most)s""",
        {"program_id": program_id, "customer_id": customer_id, "after": after, "most": most},
    )
    return [row[0] for row in rows]
