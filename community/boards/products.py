"""What sold of each product: orders add their lines, and what comes back of them is taken off the day they were sold.

What came back is read from the order as it stands, which may be ahead of the event; what of it is taken off already is
kept beside, line by line. So the event of a refund that was seen before takes nothing more. Callers hold the
transaction, and the reader's cursor with it.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from commission.orders import service as orders
from commission.orders.service import Origin, ReturnedLine
from community.boards.models import ProductDayRow, ProductReturnRow
from community.boards.rules import Fact, Place
from core.bulk import insert_rows
from core.db import fetch_all

_PAID, _BACK = "order.attributed", frozenset({"order.refunded", "order.canceled"})


class Sold(NamedTuple):
    """Units of a product, and what they came to in minor units; either sign."""

    quantity: int
    amount: int


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
    returned = orders.returned_lines(program_id, sorted(places))
    before = _taken_off(program_id, {line.order_id for line in returned})
    _keep(program_id, returned)
    for line in returned:
        quantity, amount = before.get((line.order_id, line.position), Sold(0, 0))
        yield places[line.order_id], line.sku, None, Sold(quantity - line.quantity, amount - line.amount)


class _Return(NamedTuple):
    order_id: UUID
    position: int
    quantity: int
    amount: int


def _taken_off(program_id: UUID, order_ids: Collection[UUID]) -> dict[tuple[UUID, int], Sold]:
    """What of each line is off the sums already."""
    if not order_ids:
        return {}
    rows = fetch_all(
        _Return,
        """SELECT order_id, position, quantity, amount FROM product_returns
           WHERE program_id = %(program_id)s AND order_id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=list(order_ids),
    )  # fmt: skip
    return {(row.order_id, row.position): Sold(row.quantity, row.amount) for row in rows}


def _keep(program_id: UUID, returned: Sequence[ReturnedLine]) -> None:
    insert_rows(
        ProductReturnRow, [_Return(one.order_id, one.position, one.quantity, one.amount) for one in returned],
        program_id=program_id,
        on_conflict="""(program_id, order_id, position) DO UPDATE SET
          quantity = excluded.quantity, amount = excluded.amount""",
    )  # fmt: skip
