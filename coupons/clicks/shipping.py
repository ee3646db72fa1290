"""From records to clicks and their sums: a program at a time, each in one transaction of its own.

Only what is not stored yet is judged and counted, together with storing it; so shipping anything twice has no effect.
One shipping of a program at a time: they would meet at its hour's sums anyway, and so a visitor's clicks are judged
one after the other, whatever machine or segment they come from.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

import psycopg

from core.auth.actor import Program
from core.auth.service import program_of
from core.clock import now
from core.db import execute, savepoint, transaction
from coupons.clicks.judging import (
    BOT,
    COUNTED,
    HOUR,
    KINDS,
    QUARTER,
    Clicks,
    clicks_of,
    day_at,
    first_of_days,
    instant_of,
    mark_repeats,
)
from coupons.clicks.partitions import ensure_months
from coupons.clicks.records import ClickRecord, Frame, Static, frame_of
from coupons.clicks.storing import Sort, claim_days, counted_around, insert_clicks, known_among, months_of
from coupons.traffic.service import Change, Riding, Sums, count_now


class Shipped(NamedTuple):
    """What became of some records."""

    kinds: Mapping[str, int]  # of the new ones
    known: int  # that were there already, or came twice

    @property
    def new(self) -> int:
        return sum(self.kinds.values())


class _Stored(NamedTuple):
    """What was stored: how many of each sort in each quarter of an hour."""

    sorts: Mapping[int, Sort]
    counts: Mapping[tuple[int, int], int]


_NOTHING = _Stored({}, {})


def ship(records: Sequence[ClickRecord]) -> Shipped:
    """Store and count each record exactly once, however often and by however many it is shipped.

    Opens one transaction for each program; what raises has no effect on its program, and the others stand.

    Raises:
        NotFound: there is no such program.
        psycopg.DataError: a record holds what PostgreSQL cannot store.
    """
    kinds: Counter[str] = Counter()
    known = 0
    for program_id, own in by_program(map(frame_of, records)):
        shipped = ship_for(program_id, own)
        known += shipped.known
        kinds.update(shipped.kinds)
    return Shipped(dict(kinds), known)


def by_program(frames: Iterable[Frame]) -> list[tuple[UUID, list[Frame]]]:
    """The records of each program."""
    found: dict[bytes, list[Frame]] = {}
    for frame in frames:
        found.setdefault(frame.static[:16], []).append(frame)
    return [(own[0].program_id, own) for _, own in sorted(found.items())]


def ship_for(program_id: UUID, frames: Sequence[Frame]) -> Shipped:
    """The same for records of one program."""
    try:
        return _ship_for(program_id, frames)
    except psycopg.errors.CheckViolation:  # no partition for one of them: a clock, or a shipper long asleep
        with transaction():
            ensure_months(months_of(frame.id for frame in frames))
        return _ship_for(program_id, frames)


def _ship_for(program_id: UUID, frames: Sequence[Frame]) -> Shipped:
    with transaction(program_id):
        program = program_of(program_id)
        _take_turn(program_id)
        stored = _store(program, frames)
        count_now(program_id, _changes(stored, program.settings.timezone))
    kinds: Counter[str] = Counter()
    for (number, _), count in stored.counts.items():
        kinds[KINDS[stored.sorts[number].kind]] += count
    return Shipped(dict(kinds), len(frames) - kinds.total())


def _take_turn(program_id: UUID) -> None:
    execute(
        """INSERT INTO click_shippings (program_id, shippings, shipped_at) VALUES (%(program_id)s, 1, %(at)s)
           ON CONFLICT (program_id) DO UPDATE SET
             shippings = click_shippings.shippings + 1, shipped_at = excluded.shipped_at""",
        program_id=program_id, at=now(),
    )  # fmt: skip


def _store(program: Program, frames: Sequence[Frame]) -> _Stored:
    """Those that were new. They are taken for new, which they nearly always are, and the table's key contradicts."""
    clicks = clicks_of(frames)
    try:
        with savepoint():
            return _store_all(program, clicks)
    except psycopg.errors.UniqueViolation:
        known = known_among(program.id, clicks)
        if not known:
            raise
    new = [frame for frame in frames if frame.id not in known]
    return _store(program, new) if new else _NOTHING


def _store_all(program: Program, clicks: Clicks) -> _Stored:
    """Raises: psycopg.errors.UniqueViolation."""
    settings = program.settings
    if settings.click_dedupe_seconds:
        counted = counted_around(program.id, clicks, settings.click_dedupe_seconds)
        mark_repeats(clicks, counted, settings.click_dedupe_seconds)
    unique = claim_days(program.id, first_of_days(clicks, settings.timezone))
    numbers, sorts = _sorted(clicks, unique)
    insert_clicks(program.id, clicks, numbers, sorts)
    quarters = [at // QUARTER for at in clicks.at]
    return _Stored(sorts, Counter(zip(numbers, quarters, strict=True)))


def _sorted(clicks: Clicks, unique: Iterable[int]) -> tuple[list[int], dict[int, Sort]]:
    """The number of each click's sort, and the sorts. A number is its static's, kind, way and uniqueness in one."""
    numbers = [
        static << 5 | kind << 3 | by_api << 1  # by_api is 0 or 2
        for static, kind, by_api in zip(clicks.numbers, clicks.kinds, clicks.by_api, strict=True)
    ]
    for place in unique:
        numbers[place] |= 1
    return numbers, {
        number: Sort(clicks.statics[number >> 5], bool(number >> 1 & 3), number >> 3 & 3, bool(number & 1))
        for number in set(numbers)
    }


def _changes(stored: _Stored, timezone: str) -> list[Change]:
    """What the clicks add to the sums, by hour and by what they have in common."""
    found: dict[tuple[int, int, date], list[int]] = {}
    statics: dict[int, Static] = {}
    for (number, quarter), count in stored.counts.items():
        sort = stored.sorts[number]
        if sort.kind in (COUNTED, BOT):
            statics[number >> 5] = sort.static
            hour = quarter * QUARTER // HOUR
            sums = found.setdefault((number >> 5, hour, day_at(quarter, timezone)), [0, 0, 0])
            sums[_BOTS if sort.kind == BOT else _CLICKS] += count
            sums[_UNIQUE] += count if sort.is_unique else 0
    return [
        Change(instant_of(hour * HOUR), day, Riding(*statics[static][1:8]), Sums(*sums))
        for (static, hour, day), sums in found.items()
    ]


_CLICKS, _UNIQUE, _BOTS = range(3)  # where they stand among the sums
