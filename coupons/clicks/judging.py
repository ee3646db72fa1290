"""What a click is: counted, bot, prefetch or repeat, and whether it is its visitor's first of the day. Pure.

Times are whole milliseconds since 1970, as the clicks' ids carry them.
"""

from bisect import bisect
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from coupons.clicks.bots import agent_of
from coupons.clicks.records import ClickRecord

COUNTED, BOT, PREFETCH, REPEAT = "counted", "bot", "prefetch", "repeat"
HOUR = 3_600_000
DAY = 24 * HOUR
_QUARTER = 900_000  # no time zone changes its offset between two quarters of an hour
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Pair = tuple[UUID, bytes]
"""A link and a visitor."""


class Seen(NamedTuple):
    """A click as it arrived, with what follows from itself alone."""

    record: ClickRecord
    at: int
    day: date  # in the program's time zone
    agent_hash: bytes
    kind: str  # counted, until its visitor's other clicks are looked at

    @property
    def pair(self) -> Pair:
        return self.record.link_id, self.record.visitor_key


class Judged(NamedTuple):
    """A click with what it counts as."""

    seen: Seen
    kind: str
    is_unique: bool


Counted = dict[Pair, list[int]]
"""When clicks of each pair were counted, oldest first."""


def seen_of(records: Iterable[ClickRecord], timezone: str) -> list[Seen]:
    """Each click once, oldest first."""
    ordered = sorted({record.id: record for record in records}.values(), key=_number)
    return [_seen(record, timezone) for record in ordered]


def _number(record: ClickRecord) -> int:
    return record.id.int


def _seen(record: ClickRecord, timezone: str) -> Seen:
    at = record.id.int >> 80
    agent = agent_of(record.user_agent, record.via)
    kind = BOT if agent.is_bot else PREFETCH if record.prefetch else COUNTED
    return Seen(record, at, _day(at // _QUARTER, timezone), agent.hash, kind)


@lru_cache(maxsize=10_000)
def _day(quarter: int, timezone: str) -> date:
    return (EPOCH + timedelta(milliseconds=quarter * _QUARTER)).astimezone(ZoneInfo(timezone)).date()


def instant_of(at: int) -> datetime:
    return EPOCH + timedelta(milliseconds=at)


def first_of_days(clicks: Sequence[Seen]) -> dict[tuple[UUID, bytes, date], Seen]:
    """The first click of each pair on each day among those that may count."""
    found: dict[tuple[UUID, bytes, date], Seen] = {}
    for click in clicks:
        if click.kind == COUNTED:
            found.setdefault((click.record.link_id, click.record.visitor_key, click.day), click)
    return found


def with_repeats(clicks: Iterable[Seen], counted: Counted, dedupe_seconds: int) -> Iterator[Seen]:
    """Clicks oldest first, those marked that are nearer to a counted one than the dedupe window.

    `counted` holds the counted clicks around them and is brought up to date. A click that arrives late is measured
    from the counted ones on both sides of it; how those were judged stays.
    """
    window = 1000 * dedupe_seconds
    for click in clicks:
        if click.kind == COUNTED:
            others = counted.setdefault(click.pair, [])
            place = bisect(others, click.at)
            if any(abs(click.at - other) < window for other in others[max(0, place - 1) : place + 1]):
                yield click._replace(kind=REPEAT)
                continue
            others.insert(place, click.at)
        yield click


def judge(clicks: Iterable[Seen], unique: Container[UUID]) -> list[Judged]:
    """`unique` are the ids of those that are the first of their day."""
    return [Judged(click, click.kind, click.record.id in unique) for click in clicks]
