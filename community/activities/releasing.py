"""What time ends of group buys: seats that were not paid and teams that are not complete. Callers hold the transaction.

A payment is told seconds after it was made: what it would have saved waits for it a little longer than its time.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import LiteralString, NamedTuple
from uuid import UUID

from community.activities import queries
from community.activities.announcing import tell_released
from community.activities.limits import count_out, hold_counters
from community.activities.seats import move_seats
from core.auth.actor import Program
from core.clock import now
from core.db import fetch_all, scalar, scalars

GRACE = timedelta(seconds=30)
_MOST = 500
_DUE_TEAMS: LiteralString = """
    FROM activity_teams t JOIN activities a ON a.program_id = t.program_id AND a.id = t.activity_id
    WHERE t.program_id = %(p)s AND t.status = 'open' AND (t.expires_at <= %(due)s OR a.status = 'canceled')"""


class _Freed(NamedTuple):
    id: UUID
    activity_id: UUID
    team_id: UUID
    order_external_id: str | None


def any_overdue(program_id: UUID) -> bool:
    """Whether a seat or a team waits to be released."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT FROM activity_teams
                              WHERE program_id = %(p)s AND status = 'open' AND expires_at <= %(at)s)
                   OR EXISTS (SELECT FROM activity_participations
                              WHERE program_id = %(p)s AND status = 'reserved' AND expires_at <= %(at)s)
                   OR EXISTS (SELECT FROM activity_teams t JOIN activities a ON a.program_id = t.program_id
                                AND a.id = t.activity_id AND a.status = 'canceled'
                              WHERE t.program_id = %(p)s AND t.status = 'open')""",
            p=program_id, at=now() - GRACE,
        )
    )  # fmt: skip


def release_overdue(program: Program) -> int:
    """Release teams whose time is over or whose activity was canceled, then seats that were not paid; how many."""
    return _release_teams(program) + _release_seats(program)


def _release_teams(program: Program) -> int:
    at = now()
    activity_ids = scalars("SELECT DISTINCT t.activity_id" + _DUE_TEAMS, p=program.id, due=at - GRACE)
    hold_counters(program.id, activity_ids)
    ended: dict[UUID, UUID] = dict(
        fetch_all(
            _Ended,
            """WITH due AS MATERIALIZED (
                 SELECT t.id DUE_TEAMS AND t.activity_id = ANY(%(activities)s::uuid[])
                 ORDER BY t.id LIMIT %(most)s FOR UPDATE OF t SKIP LOCKED)
               UPDATE activity_teams t SET status = 'released', ended_at = %(at)s FROM due
               WHERE t.program_id = %(p)s AND t.id = due.id RETURNING t.id, t.activity_id
            """.replace("DUE_TEAMS", _DUE_TEAMS),
            p=program.id, activities=activity_ids, due=at - GRACE, at=at, most=_MOST,
        )
    )  # fmt: skip
    freed = fetch_all(
        _Freed,
        """UPDATE activity_participations SET status = 'released', reason = 'team_incomplete'
           WHERE program_id = %(p)s AND team_id = ANY(%(teams)s::uuid[]) AND status IN ('reserved', 'counted')
           RETURNING id, activity_id, team_id, order_external_id""",
        p=program.id, teams=list(ended),
    )  # fmt: skip
    count_out(program.id, [one.activity_id for one in freed])
    tell_released(
        program.id,
        [(activity_id, team_id, "team_incomplete", _orders(freed, team_id)) for team_id, activity_id in ended.items()],
    )
    return len(ended)


class _Ended(NamedTuple):
    id: UUID
    activity_id: UUID


def _orders(freed: Sequence[_Freed], team_id: UUID) -> list[str]:
    return sorted(one.order_external_id for one in freed if one.team_id == team_id and one.order_external_id)


def _release_seats(program: Program) -> int:
    found = fetch_all(
        _Ended,
        """SELECT DISTINCT team_id, activity_id FROM (
             SELECT team_id, activity_id FROM activity_participations
             WHERE program_id = %(p)s AND status = 'reserved' AND expires_at <= %(due)s
             ORDER BY expires_at LIMIT %(most)s) late""",
        p=program.id, due=now() - GRACE, most=_MOST,
    )  # fmt: skip
    due = [one.id for one in found]
    hold_counters(program.id, {one.activity_id for one in found})
    queries.teams_by_id(program.id, due, lock=True)
    freed = fetch_all(
        _Freed,
        """UPDATE activity_participations SET status = 'released', reason = 'not_paid'
           WHERE program_id = %(p)s AND team_id = ANY(%(teams)s::uuid[]) AND status = 'reserved'
             AND expires_at <= %(due)s
           RETURNING id, activity_id, team_id, order_external_id""",
        p=program.id, teams=due, due=now() - GRACE,
    )  # fmt: skip
    seats = Counter(one.team_id for one in freed)
    move_seats(program.id, seats=list(seats.items()), paid=[])
    count_out(program.id, [one.activity_id for one in freed])
    return len(freed)


def take_out(program_id: UUID, part_ids: Sequence[UUID]) -> None:
    """Seats whose orders were refunded: in an open team they are free again, a complete one stays complete."""
    rows = fetch_all(
        _Freed,
        """SELECT id, activity_id, team_id, order_external_id FROM activity_participations
           WHERE program_id = %(p)s AND id = ANY(%(ids)s::uuid[]) AND team_id IS NOT NULL""",
        p=program_id, ids=list(part_ids),
    )  # fmt: skip
    queries.teams_by_id(program_id, [one.team_id for one in rows], lock=True)
    freed = Counter(one.team_id for one in rows)
    move_seats(
        program_id, seats=list(freed.items()), paid=[(team_id, -number) for team_id, number in freed.items()]
    )  # fmt: skip
