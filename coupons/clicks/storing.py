"""The rows of clicks and of their days. Callers hold the transaction and the program's turn."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.db import fetch_all
from coupons.clicks.judging import COUNTED, DAY, EPOCH, Counted, Judged, Pair, Seen, first_of_days, instant_of
from coupons.clicks.models import ClickDayRow, ClickRow
from coupons.clicks.records import ClickRecord

_MILLISECOND = timedelta(milliseconds=1)


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


class _Counted(NamedTuple):
    """A counted click near one that is to be judged."""

    link_id: UUID
    visitor_key: bytes
    clicked_at: datetime


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
    rows = [_Day(*key) for key in sorted(firsts, key=_by_bytes)]
    claimed = insert_rows(
        ClickDayRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="link_id, visitor_key, day"
    )
    return {firsts[link_id, visitor_key, day].record.id for link_id, visitor_key, day in claimed}


def _by_bytes(key: tuple[UUID, bytes, date]) -> tuple[int, bytes, date]:
    """Comparing numbers is many times faster than comparing UUID objects."""
    return key[0].int, key[1], key[2]


def counted_around(program_id: UUID, clicks: Sequence[Seen], seconds: int) -> Counted:
    """When the visitors of these clicks were counted on the same links, as far as `seconds` before and after."""
    times: dict[Pair, list[int]] = {}
    for click in clicks:
        if click.kind == COUNTED:
            times.setdefault(click.pair, []).append(click.at)
    around = timedelta(seconds=seconds)
    rows = fetch_all(
        _Counted,
        """SELECT c.link_id, c.visitor_key, c.clicked_at
           FROM unnest(%(links)s::uuid[], %(visitors)s::bytea[], %(since)s::timestamptz[], %(until)s::timestamptz[])
                AS asked (link_id, visitor_key, since, until)
           CROSS JOIN LATERAL (
             SELECT link_id, visitor_key, clicked_at FROM clicks
             WHERE program_id = %(program_id)s AND visitor_key = asked.visitor_key AND link_id = asked.link_id
               AND clicked_at > asked.since AND clicked_at < asked.until AND kind = 'counted') c
           ORDER BY c.clicked_at""",
        program_id=program_id, links=[link for link, _ in times], visitors=[visitor for _, visitor in times],
        since=[instant_of(of_pair[0]) - around for of_pair in times.values()],
        until=[instant_of(of_pair[-1]) + around for of_pair in times.values()],
    )  # fmt: skip
    found: Counted = {}
    for row in rows:
        found.setdefault((row.link_id, row.visitor_key), []).append((row.clicked_at - EPOCH) // _MILLISECOND)
    return found


def months_of(records: Iterable[ClickRecord]) -> set[date]:
    """The months whose partitions these clicks may need, whatever the program's time zone is."""
    days = {(record.id.int >> 80) // DAY for record in records}
    around = {instant_of((day + offset) * DAY).date() for day in days for offset in (-1, 0, 1)}
    return {day.replace(day=1) for day in around}
