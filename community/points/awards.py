"""Points given: a lot for each award, once for its key. Callers hold the transaction; nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from commission.ledger import service as ledger
from commission.ledger.service import POINTS, Entry
from community.points import booking, rule_versions
from community.points.purse import Lot, Purse
from community.points.purses import NewLot, add_lots, living
from community.points.rules import MOST_POINTS, end_of, last_day
from community.points.telling import tell
from core.auth.actor import Program
from core.clock import day_of, now
from core.db import scalars
from core.ids import new_id


class Award(NamedTuple):
    """Points for a member. `key` names what they are for: once per program, however often it is given.

    `expires_on` is the last day on which they can be spent; None: as the program's rules say. `kind` is a word such as
    check_in; `reason` a code or a sentence without personal data. `taken_back` is the part that was undone before it
    was given.
    """

    member_id: UUID
    amount: int
    reason: str | None
    key: str
    at: datetime
    expires_on: date | None
    kind: str
    order_id: UUID | None = None
    rules_version: int | None = None
    taken_back: int = 0


def award(program: Program, awards: Sequence[Award]) -> set[str]:
    """Give points, for any number of members in a handful of statements; the keys that were new.

    An erased member gets nothing. What a member owes is settled first. Announces `points.earned`. Locks members and
    their balances in PTS: to be called once in a transaction, with everything, before money is posted in it.

    Raises:
        ValueError: an amount is not a number of points that one award may have.
        Collision: the same award to another member was made at this moment.
    """
    if any(not 0 < one.amount <= MOST_POINTS or not 0 <= one.taken_back < one.amount for one in awards):
        raise ValueError("an award of no points, or of too many")
    wanted = {one.key: one for one in reversed(awards)}
    alive = living(program.id, {one.member_id for one in wanted.values()})
    available = ledger.lock_available(program.id, alive, POINTS)
    known = _known(program.id, wanted)
    fresh = [one for key, one in wanted.items() if key not in known and one.member_id in alive]
    if fresh:
        _give(program, fresh, available)
    return {one.key for one in fresh}


def _known(program_id: UUID, keys: Collection[str]) -> set[str]:
    found = scalars(
        "SELECT source_key FROM point_lots WHERE program_id = %(program_id)s AND source_key = ANY(%(keys)s)",
        program_id=program_id, keys=list(keys),
    )  # fmt: skip
    return set(found)


def _give(program: Program, awards: Sequence[Award], available: dict[UUID, int]) -> None:
    ordered = sorted(awards, key=_moment)  # earlier points settle a debt first
    ends = _ends(program, ordered)
    purses = {member_id: Purse(amount) for member_id, amount in available.items()}
    rows, entries, events = [], [], []
    for one, end in zip(ordered, ends, strict=True):
        lot = Lot(
            new_id(), one.member_id, one.key, one.amount, 0, taken_back=one.taken_back, expires_at=end, kind=one.kind,
            order_id=one.order_id, rules_version=one.rules_version,
        )  # fmt: skip
        purses[one.member_id].earn(lot)
        rows.append(_row(lot, one))
        entries.append(_entry(program, lot, one))
        events.append(booking.told(booking.EARNED, one.at, one.member_id, lot.revocable, lot))
    add_lots(program.id, rows)
    ledger.post(program.id, POINTS, entries)
    tell(program.id, events)


def _moment(one: Award) -> tuple[datetime, str]:
    return one.at, one.key


def _ends(program: Program, awards: Sequence[Award]) -> list[datetime | None]:
    """When each is gone: by the version that counted it, else by the rules of now."""
    timezone = program.settings.timezone
    versions = {one.version: one.rules.expiry for one in rule_versions.versions_of(program.id)}
    latest = versions[max(versions)] if versions else None
    days = [
        one.expires_on or last_day(day_of(one.at, timezone), versions.get(one.rules_version or 0, latest))
        for one in awards
    ]
    return [end_of(day, timezone) for day in days]


def _entry(program: Program, lot: Lot, one: Award) -> Entry:
    return booking.earned(lot, day_of(one.at, program.settings.timezone))


def _row(lot: Lot, one: Award) -> NewLot:
    return NewLot(
        lot.id, lot.member_id, lot.source_key, lot.kind, one.reason, lot.order_id, lot.rules_version, lot.earned,
        lot.left, lot.taken_back, 0, 0, one.at, lot.expires_at, now(),
    )  # fmt: skip
