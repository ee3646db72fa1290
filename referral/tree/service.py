"""Who stands above and below whom, for other features. Callers hold the transaction; nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from core.clock import now
from referral.tree import queries, teams
from referral.tree.attributed import bind_attributed
from referral.tree.binding import BindRequest, Bound, bind, bind_many, record_bound
from referral.tree.counters import OrderDelta, count_orders, mark_moved
from referral.tree.queries import HistoryRow, Placed
from referral.tree.rules import depths, new_binding
from referral.tree.teams import Customer, LevelCount

ACTIVE_FOR = timedelta(days=30)
DEEPEST = 1_000_000  # levels a list may be asked for
_FIRST = UUID(int=0)


class ChainMember(NamedTuple):
    """A member of an upline as far as pay depends on him."""

    id: UUID
    status: str
    grade: str
    payable: bool  # active, and enrolled where enrolment is not open; one who left is never paid
    inviter_id: UUID | None
    binding_until: datetime | None  # when his own binding to that inviter ends; None: never


class Team(NamedTuple):
    """A member's whole downline. The totals are as of the last fold, at most 5 s old; the levels are of now."""

    direct_count: int
    total_count: int
    order_count: int
    sales: int  # minor units
    levels: list[LevelCount]


def chains_of(
    program_id: UUID, member_ids: Sequence[UUID], most: int, *, enrolment: str
) -> dict[UUID, list[ChainMember]]:
    """For each member that exists: himself, his inviter, and so on, at most `most` members. One statement for all.

    `enrolment` is the program's setting. Ended bindings are followed; `binding_until` tells them.
    """
    found: dict[UUID, list[ChainMember]] = {}
    for start, *step in queries.chains(program_id, member_ids, most, enrolment_open=enrolment == "open"):
        found.setdefault(start, []).append(ChainMember._make(step))
    return found


def depths_of(program_id: UUID, member_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many stand above each member; one statement for all."""
    return depths(member_ids, queries.links_above(program_id, member_ids))


def upline_of(program_id: UUID, member_id: UUID, levels: int) -> list[Placed]:
    """The members above, nearest first, up to `levels` of them."""
    return queries.upline(program_id, member_id, levels)


def downline_of(program_id: UUID, member_id: UUID, level: int | None, after: Placed | None, most: int) -> list[Placed]:
    """Up to `most` members below, of one level or of all, nearest first and then by id, after a position.

    Levels are read only as deep as the page needs; the reach doubles, so that a deep, thin team is no trap.
    """
    if level == 1:
        return queries.direct_downline(program_id, member_id, after and after.id, most)
    start = after or Placed(0, _FIRST)
    if level is not None:
        return queries.downline_between(program_id, member_id, start, first=level, last=level, most=most)
    reach = 1
    while True:
        last = min(start.level + reach, DEEPEST)
        rows = queries.downline_between(program_id, member_id, start, first=1, last=last, most=most)
        if len(rows) == most or not rows or rows[-1].level < last:
            return rows
        reach *= 2


def team_of(program_id: UUID, member_id: UUID) -> Team:
    totals = teams.totals(program_id, member_id)
    return Team(
        direct_count=teams.direct_count(program_id, member_id),
        total_count=totals.members,
        order_count=totals.orders,
        sales=totals.sales,
        levels=teams.level_counts(program_id, member_id, now() - ACTIVE_FOR),
    )


def teams_of(program_id: UUID, member_ids: Collection[UUID], owner_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """For each member the owners in whose team he is: those above him, and himself if he is one. One statement."""
    if not owner_ids:
        return {}
    above = queries.links_above(program_id, member_ids)
    return {member_id: _owners(member_id, above, frozenset(owner_ids)) for member_id in member_ids}


def _owners(member_id: UUID, above: dict[UUID, UUID | None], owner_ids: frozenset[UUID]) -> set[UUID]:
    found: set[UUID] = set()
    at: UUID | None = member_id
    while at is not None:
        if at in owner_ids:
            found.add(at)
        at = above.get(at)
    return found


def customers_of(program_id: UUID, member_id: UUID, before: UUID | None, most: int) -> list[Customer]:
    """Members of the first level who have ordered, newest member first."""
    return teams.customers(program_id, member_id, before, most)


def history_of(program_id: UUID, member_id: UUID, before: UUID | None, most: int) -> list[HistoryRow]:
    """The changes of a member's inviter, newest first."""
    return queries.history(program_id, member_id, before, most)


__all__ = [
    "BindRequest", "Bound", "ChainMember", "OrderDelta", "Team", "bind", "bind_attributed", "bind_many", "chains_of",
    "count_orders", "customers_of", "depths_of", "downline_of", "history_of", "mark_moved", "new_binding",
    "record_bound", "team_of", "teams_of", "upline_of",
]  # fmt: skip
