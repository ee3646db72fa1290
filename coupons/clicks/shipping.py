"""From records to clicks and their sums: a program at a time, each in one transaction of its own.

The insert decides what is new, and only what is new is judged and counted; so shipping anything twice has no effect.
One shipping of a program at a time: they would meet at its hour's sums anyway, and so a visitor's clicks are judged
one after the other, whatever machine or segment they come from.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from core.auth.actor import Program
from core.auth.service import program_of
from core.clock import now
from core.db import execute, savepoint, transaction
from coupons.clicks.judging import BOT, COUNTED, HOUR, Judged, Seen, instant_of, judge, seen_of, with_repeats
from coupons.clicks.partitions import ensure_months
from coupons.clicks.records import ClickRecord
from coupons.clicks.storing import claim_days, counted_around, insert_clicks, months_of
from coupons.traffic.service import Change, Riding, Sums, count_now


class Shipped(NamedTuple):
    """What became of some records."""

    kinds: Mapping[str, int]  # of the new ones
    known: int  # that were there already, or came twice

    @property
    def new(self) -> int:
        return sum(self.kinds.values())


class _SomeKnown(Exception):
    """Not all of the clicks were new: what was judged with them together is undone."""

    def __init__(self, new: set[UUID]) -> None:
        self.new = new


def ship(records: Sequence[ClickRecord]) -> Shipped:
    """Store and count each record exactly once, however often and by however many it is shipped.

    Opens one transaction for each program; what raises has no effect on its program, and the others stand.

    Raises:
        NotFound: there is no such program.
        psycopg.DataError: a record holds what PostgreSQL cannot store.
    """
    kinds: dict[str, int] = {}
    known = 0
    for program_id, own in by_program(records):
        shipped = ship_for(program_id, own)
        known += shipped.known
        for kind, count in shipped.kinds.items():
            kinds[kind] = kinds.get(kind, 0) + count
    return Shipped(kinds, known)


def by_program(records: Iterable[ClickRecord]) -> list[tuple[UUID, list[ClickRecord]]]:
    """The records of each program."""
    ordered = sorted(records, key=lambda record: record.program_id.int)
    return [(program_id, list(own)) for program_id, own in groupby(ordered, lambda record: record.program_id)]


def ship_for(program_id: UUID, records: Sequence[ClickRecord]) -> Shipped:
    """The same for records of one program."""
    try:
        return _ship_for(program_id, records)
    except psycopg.errors.CheckViolation:  # no partition for one of them: a clock, or a shipper long asleep
        with transaction():
            ensure_months(months_of(records))
        return _ship_for(program_id, records)


def _ship_for(program_id: UUID, records: Sequence[ClickRecord]) -> Shipped:
    with transaction(program_id):
        program = program_of(program_id)
        _take_turn(program_id)
        stored = _store(program, seen_of(records, program.settings.timezone))
        count_now(program_id, _changes(stored))
    kinds: dict[str, int] = {}
    for click in stored:
        kinds[click.kind] = kinds.get(click.kind, 0) + 1
    return Shipped(kinds, len(records) - len(stored))


def _take_turn(program_id: UUID) -> None:
    execute(
        """INSERT INTO click_shippings (program_id, shippings, shipped_at) VALUES (%(program_id)s, 1, %(at)s)
           ON CONFLICT (program_id) DO UPDATE SET
             shippings = click_shippings.shippings + 1, shipped_at = excluded.shipped_at""",
        program_id=program_id, at=now(),
    )  # fmt: skip


def _store(program: Program, clicks: Sequence[Seen]) -> list[Judged]:
    """Those that were new, as they were judged and stored."""
    try:
        with savepoint():
            return _store_all(program, clicks)
    except _SomeKnown as known:
        new = known.new
    return _store(program, [click for click in clicks if click.record.id in new]) if new else []


def _store_all(program: Program, clicks: Sequence[Seen]) -> list[Judged]:
    """Raises: _SomeKnown."""
    judged = _judged(program, clicks)
    new = insert_clicks(program.id, judged)
    if len(new) < len(judged):
        raise _SomeKnown(new)
    return judged


def _judged(program: Program, clicks: Sequence[Seen]) -> list[Judged]:
    dedupe_seconds = program.settings.click_dedupe_seconds
    if dedupe_seconds:
        clicks = list(with_repeats(clicks, counted_around(program.id, clicks, dedupe_seconds), dedupe_seconds))
    return judge(clicks, claim_days(program.id, clicks))


_riding = attrgetter(*Riding._fields)


def _changes(clicks: Iterable[Judged]) -> list[Change]:
    """What the clicks add to the sums, by hour and by what rides on the link."""
    found: dict[tuple[int, date, tuple[Any, ...]], list[int]] = {}
    for seen, kind, is_unique in clicks:
        if kind in (COUNTED, BOT):
            sums = found.setdefault((seen.at // HOUR, seen.day, _riding(seen.record)), [0, 0, 0])
            sums[_BOTS if kind == BOT else _CLICKS] += 1
            sums[_UNIQUE] += is_unique
    return [
        Change(instant_of(hour * HOUR), day, Riding(*riding), Sums(*sums))
        for (hour, day, riding), sums in found.items()
    ]


_CLICKS, _UNIQUE, _BOTS = range(3)  # where they stand among the sums
