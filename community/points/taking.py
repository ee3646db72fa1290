"""Awards taken back, in part or whole. Callers hold the transaction; nothing here commits."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from commission.ledger.service import Entry
from community.points import booking
from community.points.purse import Draw, Lot, Purse, Taken
from community.points.purses import close_purses, living, open_purses
from community.points.telling import tell
from core.auth.actor import Program
from core.clock import day_of, now
from core.db import fetch_all, scalars
from core.events.service import Event


class TakeBack(NamedTuple):
    """`amount` of the award called `award_key` is undone, once for `key`."""

    key: str
    award_key: str
    amount: int


def take_back(program: Program, wanted: Sequence[TakeBack | tuple[str, str, int]]) -> None:
    """Undo awards, each once for its key, never more than an award has left to undo; unknown awards are passed over.

    Points come from the award's own lot first, then from those that end first; what is lacking becomes debt. What had
    expired of the award is not owed. Announces `points.taken_back`. Locks as `award` does, and holds beside it only
    if the same members were locked before.
    """
    asked = {one.key: one for one in (TakeBack(*given) for given in reversed(wanted))}

    def decide(lots: dict[str, Lot]) -> list[TakeBack]:
        done = _done(program.id, asked)
        return [one for key, one in sorted(asked.items()) if key not in done and one.award_key in lots]

    carry_out(program, {one.award_key for one in asked.values()}, decide, now())


def _done(program_id: UUID, keys: Collection[str]) -> set[str]:
    prefix = f"{booking.TAKEN_BACK}:"
    found = scalars(
        "SELECT source_key FROM ledger_transactions WHERE program_id = %(p)s AND source_key = ANY(%(keys)s)",
        p=program_id, keys=[prefix + key for key in keys],
    )  # fmt: skip
    return {key.removeprefix(prefix) for key in found}


Decide = Callable[[dict[str, Lot]], Sequence[TakeBack]]


def carry_out(program: Program, award_keys: Collection[str], decide: Decide, at: datetime) -> None:
    """Lock the owners of the awards, let `decide` say what is undone of their lots (by key), and undo it.

    Owners who were erased have nothing any more: theirs are left as they are.
    """
    owners = _owners(program.id, award_keys)
    alive = living(program.id, set(owners.values()))
    keys = [key for key, member_id in owners.items() if member_id in alive]
    if not keys:
        return
    purses = open_purses(program.id, alive, keys=keys)
    lots = {lot.source_key: lot for purse in purses.values() for lot in purse.lots}
    wanted = [one for one in decide(lots) if one.amount > 0]
    _undo(program, purses, lots, wanted, at)


class _Owner(NamedTuple):
    source_key: str
    member_id: UUID


def _owners(program_id: UUID, keys: Collection[str]) -> dict[str, UUID]:
    rows = fetch_all(
        _Owner,
        "SELECT source_key, member_id FROM point_lots WHERE program_id = %(program_id)s AND source_key = ANY(%(keys)s)",
        program_id=program_id, keys=list(keys),
    )  # fmt: skip
    return dict(rows)


def _undo(
    program: Program, purses: dict[UUID, Purse], lots: dict[str, Lot], wanted: Sequence[TakeBack], at: datetime
) -> None:
    timezone = program.settings.timezone
    day = day_of(at, timezone)
    entries: list[Entry] = []
    events: list[Event] = []
    for member_id in dict.fromkeys(lots[one.award_key].member_id for one in wanted):
        # what is due to expire would otherwise pay for what is taken back, if only the job came late
        draws = purses[member_id].expire(now())
        entries += [booking.expired(draw, timezone) for draw in draws]
        events += expired_events(draws)
    for one in wanted:
        lot = lots[one.award_key]
        taken = purses[lot.member_id].take_back(lot, one.amount)
        if taken != Taken(0, 0):
            entries.append(booking.taken_back(one.key, lot, taken, day))
        if taken.from_member:
            events.append(booking.told(booking.TAKEN_BACK, at, lot.member_id, taken.from_member, lot))
    touched = {one.award_key for one in wanted}
    changed = [lot for lot in lots.values() if lot.left != lot.before or lot.source_key in touched]
    close_purses(program.id, changed, entries)
    tell(program.id, events)


def expired_events(draws: Sequence[Draw]) -> list[Event]:
    """One for each lot that ended."""
    return [
        booking.told(booking.EXPIRED, draw.lot.expires_at, draw.lot.member_id, draw.amount, draw.lot)
        for draw in draws
        if draw.lot.expires_at is not None
    ]
