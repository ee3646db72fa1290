"""Marks that sellers pass, each told once. Callers hold the transaction; nothing here commits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from community.notices.health import MILESTONES
from community.notices.models import MilestoneRow
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import now
from core.db import fetch_all
from core.events.reading import NumberedEvent
from core.events.service import Event, announce
from core.money import CURRENCY_EXPONENTS

ORDER_MARKS = {1: "first_order", 10: "orders_10", 100: "orders_100", 1_000: "orders_1000", 10_000: "orders_10000"}
SALES_MARKS = {units: f"sales_{units}" for units in (1_000, 10_000, 100_000, 1_000_000, 10_000_000)}
"""In whole units of the program's currency."""

KINDS = ("order.attributed", "order.refunded", "order.canceled", "order.reattributed")


class Sold(NamedTuple):
    """What a member's orders come to."""

    orders: int = 0
    sales: int = 0  # minor units

    def __add__(self, other: "Sold") -> "Sold":  # type: ignore[override]  # a sum, not a longer tuple
        return Sold(self.orders + other.orders, self.sales + other.sales)


def changes_of(event: NumberedEvent) -> Iterator[tuple[str | None, Sold]]:
    """What an event adds to whose sums, or takes from them. Pure."""
    facts = event.facts
    if event.kind == "order.attributed":
        yield facts["member_id"], Sold(1, facts["total"])
    elif event.kind == "order.refunded":
        yield facts["member_id"], Sold(0, -facts["amount"])
    elif event.kind == "order.canceled" and facts["was_paid"]:
        yield facts["member_id"], Sold(-1, 0)
    elif event.kind == "order.reattributed":
        kept = facts["total"] - facts["refunded"]
        yield facts["member_before_id"], Sold(-1, -kept)
        yield facts["member_id"], Sold(1, kept)


def passed(before: Sold, after: Sold, currency: str) -> Iterator[tuple[str, int]]:
    """The marks between two sums, each with its value: orders, or minor units. Pure."""
    for count, name in ORDER_MARKS.items():
        if before.orders < count <= after.orders:
            yield name, count
    unit = 10 ** CURRENCY_EXPONENTS[currency]
    for units, name in SALES_MARKS.items():
        if before.sales < units * unit <= after.sales:
            yield name, units * unit


class _Summed(NamedTuple):
    member_id: UUID
    orders: int
    sales: int


class _Reached(NamedTuple):
    member_id: UUID
    milestone: str
    value: int
    reached_at: datetime


def count(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Add the orders of these events and announce the marks that were passed, in a few statements.

    A mark is reached once for ever. One that is passed and lost again by refunds within the same events is not.
    """
    changes: dict[UUID, Sold] = defaultdict(Sold)
    for event in events:
        for member_id, change in changes_of(event):
            if member_id is not None:
                changes[UUID(member_id)] += change
    if not changes:
        return
    sums = _add(program.id, dict(sorted(changes.items())))
    at = now()
    reached = [
        _Reached(member_id, name, value, at)
        for member_id, after in sums.items()
        for name, value in passed(after + _negative(changes[member_id]), after, program.currency)
    ]
    _announce_new(program.id, reached)


def _negative(sold: Sold) -> Sold:
    return Sold(-sold.orders, -sold.sales)


def _add(program_id: UUID, changes: dict[UUID, Sold]) -> dict[UUID, Sold]:
    """The sums after the changes. Locks them in the order of ids."""
    rows = fetch_all(
        _Summed,
        """INSERT INTO milestone_sums AS s (program_id, member_id, orders, sales)
           SELECT %(program_id)s, given.*
           FROM unnest(%(ids)s::uuid[], %(orders)s::bigint[], %(sales)s::bigint[]) AS given
           ON CONFLICT (program_id, member_id)
             DO UPDATE SET orders = s.orders + excluded.orders, sales = s.sales + excluded.sales
           RETURNING member_id, orders, sales""",
        program_id=program_id, ids=list(changes), orders=[one.orders for one in changes.values()],
        sales=[one.sales for one in changes.values()],
    )  # fmt: skip
    return {row.member_id: Sold(row.orders, row.sales) for row in rows}


def _announce_new(program_id: UUID, reached: Sequence[_Reached]) -> None:
    new = insert_rows(
        MilestoneRow, reached, program_id=program_id, on_conflict="DO NOTHING", returning="member_id, milestone"
    )
    first = set(new)
    told = [one for one in reached if (one.member_id, one.milestone) in first]
    for one in told:
        MILESTONES.labels(one.milestone).inc()
    if told:
        announce(program_id, [Event("milestone.reached", one.reached_at, _facts(one)) for one in told])


def _facts(one: _Reached) -> dict[str, Any]:
    return {"member_id": str(one.member_id), "milestone": one.milestone, "value": one.value}
