"""What sold of each product: orders add their lines, and what comes back of them is taken off the day they were sold.

What came back is read from the order as it stands, which may be ahead of the event; what of it is taken off already is
kept beside, line by line. So the event of a refund that was seen before takes nothing more. Callers hold the
transaction, and the reader's cursor with it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from commission.orders import service as orders
from commission.orders.service import Origin
from community.boards.models import ProductDayRow, ProductReturnRow
from community.boards.rules import Fact, Place, Sold, SoldLine
from core.bulk import insert_rows
from core.db import fetch_all

_PAID, _BACK = "order.attributed", frozenset({"order.refunded", "order.canceled"})


class _ProductDay(NamedTuple):
    day: date
    scope: str
    sku: str
    name: str | None
    quantity: int
    sales: int


def fold_products(program_id: UUID, placed: Sequence[tuple[Origin, Fact]]) -> None:
    """Add orders' lines to products, and take off what came back of lines since their orders were looked at last."""
    found: dict[tuple[date, str, str], _ProductDay] = {}
    for place, sku, name, sold in [*_bought(program_id, placed), *_came_back(program_id, placed)]:
        for scope in place.scopes:
            key = (place.day, scope, sku)
            before = found.get(key, _ProductDay(*key, None, 0, 0))
            found[key] = before._replace(
                name=name or before.name, quantity=before.quantity + sold.quantity, sales=before.sales + sold.amount
            )
    insert_rows(
        ProductDayRow, [row for _, row in sorted(found.items())], program_id=program_id,
        on_conflict="""(program_id, day, scope, sku) DO UPDATE SET
          name = coalesce(excluded.name, product_days.name), quantity = product_days.quantity + excluded.quantity,
          sales = product_days.sales + excluded.sales""",
    )  # fmt: skip


_Part = tuple[Place, str, str | None, Sold]


def _bought(program_id: UUID, placed: Sequence[tuple[Origin, Fact]]) -> Iterator[_Part]:
    places = {origin.order_id: fact.place for origin, fact in placed if fact.kind == _PAID}
    for line in orders.sold_lines(program_id, sorted(places)):
        yield places[line.order_id], line.sku, line.name, Sold(line.quantity, line.amount)


def _came_back(program_id: UUID, placed: Sequence[tuple[Origin, Fact]]) -> Iterator[_Part]:
    places = {origin.order_id: fact.place for origin, fact in placed if fact.kind in _BACK}
    lines = _lines(program_id, places)
    _keep(program_id, lines)
    for line in lines:
        more = Sold(*map(int.__sub__, line.taken_off, line.state.back))
        yield places[line.order_id], line.sku, None, more


class _Line(NamedTuple):
    """A line of which something came back. `taken_off`: what of that is in the sums."""

    order_id: UUID
    position: int
    sku: str
    state: SoldLine
    taken_off: Sold


class _LineRow(NamedTuple):
    order_id: UUID
    position: int
    sku: str
    quantity: int
    base: int
    refunded_quantity: int
    refunded_amount: int
    quantity_off: int
    amount_off: int


def _lines(program_id: UUID, places: Mapping[UUID, Place]) -> list[_Line]:
    if not places:
        return []
    rows = fetch_all(
        _LineRow,
        """SELECT l.order_id, l.position, l.sku, l.quantity, l.base, l.refunded_quantity, l.refunded_amount,
                  coalesce(r.quantity, 0), coalesce(r.amount, 0)
           FROM order_lines l LEFT JOIN product_returns r
             ON r.program_id = l.program_id AND r.order_id = l.order_id AND r.position = l.position
           WHERE l.program_id = %(program_id)s AND l.order_id = ANY(%(ids)s::uuid[])
             AND (l.refunded_quantity > 0 OR l.refunded_amount > 0)
           ORDER BY l.order_id, l.position""",
        program_id=program_id, ids=list(places),
    )  # fmt: skip
    return [
        _Line(
            row.order_id, row.position, row.sku,
            SoldLine(row.quantity, row.base, row.refunded_quantity, row.refunded_amount),
            Sold(row.quantity_off, row.amount_off),
        )
        for row in rows
    ]  # fmt: skip


class _Return(NamedTuple):
    order_id: UUID
    position: int
    quantity: int
    amount: int


def _keep(program_id: UUID, lines: Collection[_Line]) -> None:
    insert_rows(
        ProductReturnRow, [_Return(one.order_id, one.position, *one.state.back) for one in lines],
        program_id=program_id,
        on_conflict="""(program_id, order_id, position) DO UPDATE SET
          quantity = excluded.quantity, amount = excluded.amount""",
    )  # fmt: skip
