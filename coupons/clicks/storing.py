"""The rows of clicks and of their days. Callers hold the transaction and the program's turn."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.db import fetch_all
from coupons.clicks.judging import DAY, EPOCH, Days, Judged, Seen, first_of_days, instant_of
from coupons.clicks.models import ClickDayRow, ClickRow
from coupons.clicks.records import ClickRecord

_MILLISECOND = timedelta(milliseconds=1)
_ONE_DAY = timedelta(days=1)


class _Row(NamedTuple):
    """A row of clicks: what is copied from the record, then what was found out."""

    id: UUID
    link_id: UUID
    member_id: UUID
    visitor_key: bytes
    address_hash: bytes
    via: str
    campaign_id: str | None
    channel: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    sub_ids: tuple[str, ...]
    clicked_at: datetime
    agent_hash: bytes
    kind: str
    is_unique: bool


_copied = attrgetter(*(name for name in _Row._fields if name in ClickRecord._fields))


class _Day(NamedTuple):
    """A row of click_days."""

    link_id: UUID
    visitor_key: bytes
    day: date
    last_counted_at: datetime


def insert_clicks(program_id: UUID, clicks: Sequence[Judged]) -> set[UUID]:
    """Insert them; the ids of those that were not there before."""
    rows = [
        _Row._make((*_copied(seen.record), instant_of(seen.at), seen.agent_hash, kind, is_unique))
        for seen, kind, is_unique in clicks
    ]
    return {
        row[0] for row in insert_rows(ClickRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="id")
    }


def claim_days(program_id: UUID, clicks: Sequence[Seen]) -> set[UUID]:
    """Note the days on which visitors clicked; the ids of the clicks that are the first of theirs."""
    firsts = first_of_days(clicks)
    rows = [_Day(*key, instant_of(firsts[key].at)) for key in sorted(firsts, key=_by_bytes)]
    claimed = insert_rows(
        ClickDayRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="link_id, visitor_key, day"
    )
    return {firsts[link_id, visitor_key, day].record.id for link_id, visitor_key, day in claimed}


def _by_bytes(key: tuple[UUID, bytes, date]) -> tuple[int, bytes, date]:
    """Comparing numbers is many times faster than comparing UUID objects."""
    return key[0].int, key[1], key[2]


def days_of(program_id: UUID, clicks: Sequence[Seen]) -> Days:
    """When the visitors of these clicks were counted last, on the days around."""
    spans: dict[tuple[UUID, bytes], list[date]] = {}
    for click in clicks:
        spans.setdefault(click.pair, []).append(click.day)
    rows = fetch_all(
        _Day,
        """SELECT d.link_id, d.visitor_key, d.day, d.last_counted_at
           FROM unnest(%(links)s::uuid[], %(visitors)s::bytea[], %(since)s::date[], %(until)s::date[])
                AS asked (link_id, visitor_key, since, until)
           CROSS JOIN LATERAL (
             SELECT * FROM click_days
             WHERE program_id = %(program_id)s AND link_id = asked.link_id AND visitor_key = asked.visitor_key
               AND day BETWEEN asked.since AND asked.until LIMIT 1000) d""",
        program_id=program_id, links=[link for link, _ in spans], visitors=[visitor for _, visitor in spans],
        since=[min(days) - _ONE_DAY for days in spans.values()],
        until=[max(days) + _ONE_DAY for days in spans.values()],
    )  # fmt: skip
    found: Days = {}
    for row in rows:
        found.setdefault((row.link_id, row.visitor_key), {})[row.day] = (row.last_counted_at - EPOCH) // _MILLISECOND
    return found


def keep_days(program_id: UUID, clicks: Iterable[Judged]) -> None:
    """Note when each visitor was counted last on each of his days."""
    last: dict[tuple[UUID, bytes, date], int] = {}
    for seen, _, _ in clicks:
        key = (seen.record.link_id, seen.record.visitor_key, seen.day)
        last[key] = max(seen.at, last.get(key, seen.at))
    insert_rows(
        ClickDayRow,
        [_Day(*key, instant_of(last[key])) for key in sorted(last, key=_by_bytes)],
        program_id=program_id,
        on_conflict="""(program_id, link_id, visitor_key, day) DO UPDATE
                       SET last_counted_at = greatest(click_days.last_counted_at, excluded.last_counted_at)""",
    )


def months_of(records: Iterable[ClickRecord]) -> set[date]:
    """The months whose partitions these clicks may need, whatever the program's time zone is."""
    days = {(record.id.int >> 80) // DAY for record in records}
    around = {instant_of((day + offset) * DAY).date() for day in days for offset in (-1, 0, 1)}
    return {day.replace(day=1) for day in around}
