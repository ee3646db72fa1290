"""Every SELECT on orders, lines and refunds. Sets of orders cost as many statements as one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from commission.earnings.service import commissions_of_orders
from commission.orders.records import LineRecord, OrderRecord, OrderView, RefundRecord
from core.db import connection, fetch_all, scalar, scalars


def _select(row: type[NamedTuple], table: LiteralString, condition: LiteralString) -> str:
    columns = ", ".join(row._fields)
    return f"SELECT {columns} FROM {table} WHERE program_id = %s AND {condition}"  # noqa: S608 -- names are the rows'


_ORDERS = _select(OrderRecord, "orders", "id = ANY(%s) ORDER BY id")
_LINES = _select(LineRecord, "order_lines", "order_id = ANY(%s) ORDER BY order_id, position")
_REFUNDS_OF_ORDERS = _select(RefundRecord, "refunds", "order_id = ANY(%s) ORDER BY order_id, id")
_REFUNDS_BY_NAME = _select(RefundRecord, "refunds", "external_id = ANY(%s)")


class KnownOrder(NamedTuple):
    """Enough to tell a repeat from a clash."""

    external_id: str
    id: UUID
    request_hash: bytes


def has_orders(program_id: UUID) -> bool:
    """Whether an order was ever told."""
    return bool(scalar("SELECT EXISTS (SELECT FROM orders WHERE program_id = %(program_id)s)", program_id=program_id))


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
    statement = _ORDERS + " FOR UPDATE" if lock else _ORDERS
    rows = connection().execute(statement, (program_id, list(order_ids)))
    return {record.id: record for record in map(OrderRecord._make, rows)}


def lines_of(program_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, list[LineRecord]]:
    """The lines of each order, in their order."""
    rows = connection().execute(_LINES, (program_id, list(order_ids)))
    lines: dict[UUID, list[LineRecord]] = {order_id: [] for order_id in order_ids}
    for record in map(LineRecord._make, rows):
        lines[record.order_id].append(record)
    return lines


def refunds_of(program_id: UUID, order_ids: Sequence[UUID]) -> list[RefundRecord]:
    rows = connection().execute(_REFUNDS_OF_ORDERS, (program_id, list(order_ids)))
    return [RefundRecord._make(row) for row in rows]


def known_refunds(program_id: UUID, external_ids: Sequence[str]) -> dict[str, RefundRecord]:
    rows = connection().execute(_REFUNDS_BY_NAME, (program_id, list(external_ids)))
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


class AttributionStep(NamedTuple):
    """What stood before a re-attribution, and why it was made; `version` is of the attribution that ended."""

    version: int
    source: str
    member_id: UUID | None
    evidence: dict[str, Any]
    reason: str
    created_at: datetime


def earlier_attributions(program_id: UUID, order_id: UUID) -> list[AttributionStep]:
    """The attributions of an order that do not stand any more, oldest first."""
    return fetch_all(
        AttributionStep,
        """SELECT version - 1, source_before, member_before, evidence_before, reason, created_at
           FROM order_attributions WHERE program_id = %(program_id)s AND order_id = %(order_id)s ORDER BY version""",
        program_id=program_id, order_id=order_id,
    )  # fmt: skip


class OrderFilter(NamedTuple):
    """What a list of orders is narrowed to; None: not narrowed.

    `from_` ≤ paid_at < `to`; of an order not paid it is placed_at, or when it came in. `customer_id` is for a
    customer's own list.
    """

    external_id: str | None = None
    customer_external_id: str | None = None
    member_id: UUID | None = None
    status: str | None = None
    from_: datetime | None = None
    to: datetime | None = None
    customer_id: UUID | None = None


# only what is asked for stands in the statement: a plan for all of it at once could not use the index of each
_CONDITIONS: dict[str, LiteralString] = {
    "external_id": "external_id = %(external_id)s",
    "customer_external_id": """customer_id = (
        SELECT id FROM members WHERE program_id = %(program_id)s AND external_id = %(customer_external_id)s)""",
    "member_id": "attributed_member_id = %(member_id)s",
    "status": "status = %(status)s",
    "from_": "coalesce(paid_at, placed_at, created_at) >= %(from_)s",
    "to": "coalesce(paid_at, placed_at, created_at) < %(to)s",
    "customer_id": "customer_id = %(customer_id)s",
    "after": "id < %(after)s",
}


def order_ids(program_id: UUID, wanted: OrderFilter, after: UUID | None, most: int) -> list[UUID]:
    """Newest first. `member_id` finds orders that are attributed to the member."""
    given = {name: value for name, value in (wanted._asdict() | {"after": after}).items() if value is not None}
    statement: LiteralString = " AND ".join(
        ["SELECT id FROM orders WHERE program_id = %(program_id)s", *(_CONDITIONS[name] for name in given)]
    )
    return scalars(statement + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given)
