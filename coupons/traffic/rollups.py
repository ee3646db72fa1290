"""The sums themselves: changes come in, hours and days of every dimension go up. Callers hold the transaction.

Both tables are always touched in the same order, rows by key, so that two who add up at once never deadlock.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from core.bulk import insert_rows
from coupons.traffic.models import TrafficDayRow, TrafficHourRow


class Riding(NamedTuple):
    """What the sums are kept for: what rides on a link, and whose it is."""

    link_id: UUID | None
    member_id: UUID | None
    campaign_id: str | None
    channel: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None


class Sums(NamedTuple):
    """What is summed; either sign."""

    clicks: int = 0
    unique_clicks: int = 0
    bot_clicks: int = 0
    orders: int = 0
    sales: int = 0  # minor units
    commission: int = 0

    def plus(self, other: "Sums") -> "Sums":
        return Sums(*map(int.__add__, self, other))


class Change(NamedTuple):
    """What is added to one hour, and to the day it lies in."""

    hour: datetime  # its beginning, UTC
    day: date  # in the program's time zone
    riding: Riding
    sums: Sums


DIMENSIONS = ("link", "member", "campaign", "channel", "group", "content", "session")
"""What one can ask for, in the order of Riding. Beside them stands the whole program, without a key."""

WHOLE_PROGRAM = "program"

T = TypeVar("T", datetime, date)
Key = tuple[str, str]


class _Hour(NamedTuple):
    dimension: str
    key: str
    hour: datetime
    clicks: int
    unique_clicks: int
    bot_clicks: int
    orders: int
    sales: int
    commission: int


class _Day(NamedTuple):
    dimension: str
    key: str
    day: date
    clicks: int
    unique_clicks: int
    bot_clicks: int
    orders: int
    sales: int
    commission: int


def add_up(program_id: UUID, changes: Sequence[Change]) -> None:
    """Add the changes to the sums, in two statements however many they are. What sums to nothing is not written."""
    hours = [_Hour(*key, hour, *sums) for (key, hour), sums in _summed((change.hour, change) for change in changes)]
    insert_rows(
        TrafficHourRow,
        hours,
        program_id=program_id,
        on_conflict="""(program_id, dimension, key, hour) DO UPDATE SET
                       clicks = traffic_hours.clicks + excluded.clicks,
                       unique_clicks = traffic_hours.unique_clicks + excluded.unique_clicks,
                       bot_clicks = traffic_hours.bot_clicks + excluded.bot_clicks,
                       orders = traffic_hours.orders + excluded.orders,
                       sales = traffic_hours.sales + excluded.sales,
                       commission = traffic_hours.commission + excluded.commission""",
    )
    days = [_Day(*key, day, *sums) for (key, day), sums in _summed((change.day, change) for change in changes)]
    insert_rows(
        TrafficDayRow,
        days,
        program_id=program_id,
        on_conflict="""(program_id, dimension, day, key) DO UPDATE SET
                       clicks = traffic_days.clicks + excluded.clicks,
                       unique_clicks = traffic_days.unique_clicks + excluded.unique_clicks,
                       bot_clicks = traffic_days.bot_clicks + excluded.bot_clicks,
                       orders = traffic_days.orders + excluded.orders,
                       sales = traffic_days.sales + excluded.sales,
                       commission = traffic_days.commission + excluded.commission""",
    )


def _summed(changes: Iterable[tuple[T, Change]]) -> list[tuple[tuple[Key, T], Sums]]:
    """The sums by dimension, key and time, in that order."""
    found: dict[tuple[Key, T], Sums] = {}
    for at, change in changes:
        for key in _keys_of(change.riding):
            before = found.get((key, at))
            found[key, at] = change.sums if before is None else before.plus(change.sums)
    return sorted((place, sums) for place, sums in found.items() if any(sums))


def _keys_of(riding: Riding) -> Iterator[Key]:
    for dimension, value in zip(DIMENSIONS, riding, strict=True):
        if value is not None:
            yield dimension, str(value)
    yield WHOLE_PROGRAM, ""
