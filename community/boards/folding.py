"""Adds events to the sums: a few statements for any number. Callers hold the transaction, and the reader's cursor with
it: so there is one who adds, each event is added once, and corrections go to the day on which the order was paid.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from commission.orders import service as orders
from commission.orders.service import Origin
from community.boards import customers
from community.boards.customers import Bought
from community.boards.fans import fold_check_ins, fold_purchases
from community.boards.models import BoardSumRow, DaySumRow
from community.boards.products import fold_products
from community.boards.rules import OF_ORDERS, Change, Fact, changes_of, day_sums, member_sums, place_of
from core.auth.actor import Program
from core.bulk import insert_rows
from core.events.reading import NumberedEvent

_OF_CUSTOMERS = frozenset({"order.attributed", "order.refunded", "order.canceled"})


def fold(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Add what happened to every sum it concerns."""
    timezone = program.settings.timezone
    origins = _origins(program.id, events)
    placed = [(event, origin, _fact(event, origin, timezone)) for event, origin in _known(events, origins)]
    changes = [change for _, _, fact in placed for change in changes_of(fact)]
    bought = [
        Bought(fact, origin.customer_id, origin.paid_at)
        for _, origin, fact in placed
        if origin is not None and origin.customer_id is not None and fact.kind in _OF_CUSTOMERS
    ]
    changes += _follow_customers(program.id, bought, timezone)
    _add_to_members(program.id, changes)
    _add_to_days(program.id, changes)
    fold_products(program.id, [(origin, fact) for _, origin, fact in placed if origin is not None])
    fold_check_ins(program.id, events)
    fold_purchases(program.id, bought)


def _origins(program_id: UUID, events: Iterable[NumberedEvent]) -> dict[UUID, Origin]:
    named = {UUID(event.facts["order_id"]) for event in events if event.facts.get("order_id")}
    return orders.origins_of(program_id, sorted(named))


def _known(events: Iterable[NumberedEvent], origins: dict[UUID, Origin]) -> list[tuple[NumberedEvent, Origin | None]]:
    """Events with their orders, without those of orders that were never paid: these are in no sum."""
    found = []
    for event in events:
        order_id = event.facts.get("order_id")
        origin = origins.get(UUID(order_id)) if order_id else None
        if origin is not None or event.kind not in OF_ORDERS:
            found.append((event, origin))
    return found


def _fact(event: NumberedEvent, origin: Origin | None, timezone: str) -> Fact:
    at, group = (origin.paid_at, origin.group_id) if origin else (event.happened_at, None)
    return Fact(event.kind, event.facts, place_of(at, group, timezone))


def _follow_customers(program_id: UUID, bought: Sequence[Bought], timezone: str) -> list[Change]:
    present = customers.known(program_id, sorted({one.customer_id for one in bought}))
    changes = customers.apply(present, bought, timezone)
    customers.store(program_id, present)
    return changes


class _MemberSums(NamedTuple):
    period: str
    starts_on: date
    scope: str
    member_id: UUID
    sales: int
    orders: int
    commission: int
    invites: int
    points: int


def _add_to_members(program_id: UUID, changes: Sequence[Change]) -> None:
    rows = [_MemberSums(*key, *sums) for key, sums in sorted(member_sums(changes).items())]
    insert_rows(
        BoardSumRow, rows, program_id=program_id,
        on_conflict="""(program_id, period, starts_on, scope, member_id) DO UPDATE SET
          sales = board_sums.sales + excluded.sales, orders = board_sums.orders + excluded.orders,
          commission = board_sums.commission + excluded.commission, invites = board_sums.invites + excluded.invites,
          points = board_sums.points + excluded.points""",
    )  # fmt: skip


class _DaySums(NamedTuple):
    day: date
    scope: str
    sales: int
    orders: int
    commission: int
    new_members: int
    new_customers: int


def _add_to_days(program_id: UUID, changes: Sequence[Change]) -> None:
    rows = [_DaySums(*key, *sums) for key, sums in sorted(day_sums(changes).items())]
    insert_rows(
        DaySumRow, rows, program_id=program_id,
        on_conflict="""(program_id, day, scope) DO UPDATE SET
          sales = day_sums.sales + excluded.sales, orders = day_sums.orders + excluded.orders,
          commission = day_sums.commission + excluded.commission,
          new_members = day_sums.new_members + excluded.new_members,
          new_customers = day_sums.new_customers + excluded.new_customers""",
    )  # fmt: skip
