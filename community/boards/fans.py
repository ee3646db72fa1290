"""Who is close to a group: what members buy in it, and the days on which they check in. Callers hold the transaction,
and the reader's cursor with it.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from community.boards.customers import Bought
from community.boards.models import CheckInDayRow, FanDayRow
from community.boards.rules import PROGRAM, Fact
from core.bulk import insert_rows
from core.events.reading import NumberedEvent

CHECKED_IN = "activity.checked_in"


class _FanDay(NamedTuple):
    scope: str
    day: date
    member_id: UUID
    orders: int
    spent: int


def fold_purchases(program_id: UUID, bought: Sequence[Bought]) -> None:
    """Add what customers bought in groups to their days."""
    found: dict[tuple[str, date, UUID], _FanDay] = {}
    for fact, customer_id, _ in bought:
        if fact.place.group:
            key = (fact.place.group, fact.place.day, customer_id)
            before, (count, spent) = found.get(key, _FanDay(*key, 0, 0)), _bought(fact)
            found[key] = before._replace(orders=before.orders + count, spent=before.spent + spent)
    insert_rows(
        FanDayRow, [row for _, row in sorted(found.items())], program_id=program_id,
        on_conflict="""(program_id, scope, day, member_id) DO UPDATE SET
          orders = fan_days.orders + excluded.orders, spent = fan_days.spent + excluded.spent""",
    )  # fmt: skip


def _bought(fact: Fact) -> tuple[int, int]:
    """Orders and money that an event adds to what a customer bought."""
    if fact.kind == "order.attributed":
        return 1, fact.facts["total"]
    return (0, -fact.facts["amount"]) if fact.kind == "order.refunded" else (-1, 0)


class _CheckInDay(NamedTuple):
    scope: str
    member_id: UUID
    day: date
    check_ins: int


def fold_check_ins(program_id: UUID, events: Iterable[NumberedEvent]) -> None:
    """Add check-ins to their members' days, in each group of their activity or, where it names none, in the program."""
    found: dict[tuple[str, UUID, date], int] = {}
    for event in events:
        if event.kind == CHECKED_IN:
            member_id, day = UUID(event.facts["member_id"]), date.fromisoformat(event.facts["day"])
            for scope in event.facts["group_ids"] or [PROGRAM]:
                found[scope, member_id, day] = found.get((scope, member_id, day), 0) + 1
    insert_rows(
        CheckInDayRow, [_CheckInDay(*key, count) for key, count in sorted(found.items())], program_id=program_id,
        on_conflict="""(program_id, scope, member_id, day) DO UPDATE SET
          check_ins = check_in_days.check_ins + excluded.check_ins""",
    )  # fmt: skip
