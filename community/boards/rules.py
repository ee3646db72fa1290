"""Periods, and what events add to which sums. Pure: events and what is known of their orders in, sums out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from core.clock import day_of

EVER = date(1970, 1, 1)
PROGRAM = ""
"""The scope of the whole program; any other is the `group_id` that orders named."""


class Measure(StrEnum):
    SALES = "sales"
    COMMISSION = "commission"
    INVITES = "invites"
    POINTS = "points"
    ORDERS = "orders"


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ALL = "all"


def start_of(period: str, day: date) -> date:
    """The first day of the period a day lies in; weeks begin on Monday."""
    if period == Period.WEEK:
        return day - timedelta(days=day.weekday())
    if period == Period.MONTH:
        return day.replace(day=1)
    return EVER if period == Period.ALL else day


def end_of(period: str, day: date) -> date | None:
    """The last day of the period a day lies in; None: it has none."""
    start = start_of(period, day)
    if period == Period.WEEK:
        return start + timedelta(days=6)
    if period == Period.MONTH:
        return (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return None if period == Period.ALL else day


class Sums(NamedTuple):
    """What is added to a member's sums; either sign."""

    sales: int = 0
    orders: int = 0
    commission: int = 0
    invites: int = 0
    points: int = 0


class DaySums(NamedTuple):
    """What is added to a day; either sign."""

    sales: int = 0
    orders: int = 0
    commission: int = 0
    new_members: int = 0
    new_customers: int = 0


class Place(NamedTuple):
    """Where something counts: on which day, and in which group as its order named it."""

    day: date
    group: str | None

    @property
    def scopes(self) -> tuple[str, ...]:
        return (PROGRAM, self.group) if self.group else (PROGRAM,)


class Change(NamedTuple):
    """What one event adds to one member (None: to nobody's sums) and to the day."""

    place: Place
    member_id: UUID | None
    sums: Sums = Sums()
    day: DaySums = DaySums()


class Fact(NamedTuple):
    """An event as far as sums depend on it: ids are ids, and its order is known."""

    kind: str
    facts: Mapping[str, Any]
    place: Place

    def id(self, name: str) -> UUID | None:
        value = self.facts.get(name)
        return None if value is None else UUID(value)


def changes_of(fact: Fact) -> list[Change]:
    """What an event changes, but for invites: these need to know what was counted before."""
    return _CHANGES[fact.kind](fact) if fact.kind in _CHANGES else []


def _paid(fact: Fact) -> list[Change]:
    total, first = fact.facts["total"], int(fact.facts["is_first"])
    return [
        Change(fact.place, fact.id("member_id"), Sums(total, 1), DaySums(sales=total, orders=1, new_customers=first))
    ]


def _refunded(fact: Fact) -> list[Change]:
    amount = -fact.facts["amount"]
    return [Change(fact.place, fact.id("member_id"), Sums(amount), DaySums(sales=amount))]


def _canceled(fact: Fact) -> list[Change]:
    """The money of it is told as a refund."""
    return [Change(fact.place, fact.id("member_id"), Sums(orders=-1), DaySums(orders=-1))]


def _reattributed(fact: Fact) -> list[Change]:
    left = fact.facts["total"] - fact.facts["refunded"]
    before, after = fact.id("member_before_id"), fact.id("member_id")
    return [Change(fact.place, before, Sums(-left, -1)), Change(fact.place, after, Sums(left, 1))]


def _accrued(fact: Fact) -> list[Change]:
    return _of_commissions(fact, 1)


def _reversed(fact: Fact) -> list[Change]:
    return _of_commissions(fact, -1)


def _of_commissions(fact: Fact, sign: int) -> list[Change]:
    return [
        Change(
            fact.place, UUID(one["member_id"]), Sums(commission=sign * one["amount"]),
            DaySums(commission=sign * one["amount"]),
        )
        for one in fact.facts["commissions"]
    ]  # fmt: skip


def _points(fact: Fact, sign: int) -> list[Change]:
    return [Change(fact.place, fact.id("member_id"), Sums(points=sign * fact.facts["amount"]))]


def _earned(fact: Fact) -> list[Change]:
    return _points(fact, 1)


def _taken_back(fact: Fact) -> list[Change]:
    return _points(fact, -1)


def _joined(fact: Fact) -> list[Change]:
    return [Change(fact.place, None, day=DaySums(new_members=1))]


_CHANGES = {
    "order.attributed": _paid, "order.refunded": _refunded, "order.canceled": _canceled,
    "order.reattributed": _reattributed, "commission.accrued": _accrued, "commission.reversed": _reversed,
    "points.earned": _earned, "points.taken_back": _taken_back, "member.created": _joined,
}  # fmt: skip
KINDS = tuple(_CHANGES)
OF_ORDERS = frozenset(kind for kind in KINDS if kind.startswith(("order.", "commission.")))


MemberKey = tuple[str, date, str, UUID]
"""Period, its first day, scope, member."""

DayKey = tuple[date, str]


def member_sums(changes: Iterable[Change]) -> dict[MemberKey, Sums]:
    """What is added to each member in each period and scope; nothing where it comes to nothing."""
    found: dict[MemberKey, Sums] = {}
    for change in changes:
        if change.member_id is not None and any(change.sums):
            for key in _keys(change.place, change.member_id):
                found[key] = Sums(*map(int.__add__, found.get(key, Sums()), change.sums))
    return {key: sums for key, sums in found.items() if any(sums)}


def _keys(place: Place, member_id: UUID) -> Iterator[MemberKey]:
    for period in Period:
        start = start_of(period, place.day)
        for scope in place.scopes:
            yield (period.value, start, scope, member_id)


def day_sums(changes: Iterable[Change]) -> dict[DayKey, DaySums]:
    """What is added to each day and scope."""
    found: dict[DayKey, DaySums] = {}
    for change in changes:
        if any(change.day):
            for scope in change.place.scopes:
                key = (change.place.day, scope)
                found[key] = DaySums(*map(int.__add__, found.get(key, DaySums()), change.day))
    return {key: sums for key, sums in found.items() if any(sums)}


def place_of(at: datetime, group: str | None, timezone: str) -> Place:
    return Place(day_of(at, timezone), group)


class Ranked(NamedTuple):
    """A place on a board: of equal values all have the first one's rank."""

    rank: int
    member_id: UUID
    value: int


def ranked(rows: Sequence[tuple[UUID, int]], before: Ranked | None, count_before: int) -> list[Ranked]:
    """Ranks of rows that stand best first, behind `before`, which is the last of `count_before`."""
    found: list[Ranked] = []
    last = before
    for number, (member_id, value) in enumerate(rows, start=count_before + 1):
        rank = last.rank if last is not None and last.value == value else number
        last = Ranked(rank, member_id, value)
        found.append(last)
    return found
