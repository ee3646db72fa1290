"""Lanes that several groups share: one bot's calls are limited for all its groups together."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from community.delivery import queries
from community.delivery.models import SharedLaneRow
from community.delivery.pacing import Window, free_from, milliseconds, still_counted
from core.bulk import insert_rows, number_array
from core.db import execute


class _New(NamedTuple):
    name: str
    recent: Sequence[int]


class Share(NamedTuple):
    """What a group's calls have to do with a shared lane."""

    name: str
    windows: Sequence[Window]


class Counted(NamedTuple):
    """Calls that ended: counted at the end of their lease before, at `at` from now on (None: they were not made)."""

    name: str
    calls: int
    leased_until: int
    at: int | None


class SharedLanes:
    """The shared lanes of the groups of one claim, locked as far as nobody else holds them."""

    def __init__(self, program_id: UUID, shares: Mapping[UUID, Share], at: datetime) -> None:
        self._program_id, self._shares, self._at = program_id, shares, milliseconds(at)
        names = {share.name for share in shares.values()}
        _ensure(program_id, names)
        rows = queries.locked_shared_lanes(program_id, names, wait=False) if names else []
        self._recent = {row.name: row.recent for row in rows}

    def room_for(self, group_id: UUID, calls: int, priority: int) -> int | None:
        """When (ms) the group's calls may be made: a time that is not past when it has to wait; None: another worker
        holds the lane, which is as good as busy for now."""
        share = self._shares.get(group_id)
        if share is None:
            return 0
        if share.name not in self._recent:
            return None
        free = free_from(share.windows, self._recent[share.name], calls, priority)
        # calls under way count until their lease ends, but most end at once: look again after a window
        return min(free, self._at + max(window.span for window in share.windows))

    def take(self, group_id: UUID, calls: int, leased_until: int) -> None:
        """Count calls that are going to be made."""
        share = self._shares.get(group_id)
        if share is not None:
            kept = still_counted(share.windows, self._recent[share.name], self._at)
            self._recent[share.name] = kept + [leased_until] * calls

    def write(self) -> None:
        _write(self._program_id, list(self._recent.items()))


def count_ended(program_id: UUID, ended: Sequence[Counted]) -> None:
    """Let calls count from when they ended. Locks the lanes in the order of their names."""
    if not ended:
        return
    rows = {row.name: row for row in queries.locked_shared_lanes(program_id, {one.name for one in ended}, wait=True)}
    recent = {name: list(row.recent) for name, row in rows.items()}
    for one in ended:
        for _ in range(min(one.calls, recent[one.name].count(one.leased_until))):
            recent[one.name].remove(one.leased_until)
        recent[one.name] += [] if one.at is None else [one.at] * one.calls
    _write(program_id, list(recent.items()))


def _ensure(program_id: UUID, names: Collection[str]) -> None:
    rows = [_New(name, ()) for name in sorted(names)]
    insert_rows(SharedLaneRow, rows, program_id=program_id, on_conflict="DO NOTHING")


def _write(program_id: UUID, lanes: Sequence[tuple[str, Sequence[int]]]) -> None:
    if not lanes:
        return
    execute(
        """UPDATE shared_lanes l SET recent = t.recent::bigint[]
           FROM unnest(%(names)s::text[], %(recents)s::text[]) AS t (name, recent)
           WHERE l.program_id = %(program_id)s AND l.name = t.name""",
        program_id=program_id, names=[name for name, _ in lanes], recents=[number_array(recent) for _, recent in lanes],
    )  # fmt: skip
