"""What time does to activities: they begin, their settlement begins, canceled ones give their budget back.

Every move is guarded by the state it expects: twice, late or at once by two it happens once. Callers hold the
transaction.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from community.activities import queries
from community.activities.announcing import tell
from community.activities.budgets import close_budget
from community.activities.rules import Kind, settles_at
from core.auth.actor import Program
from core.clock import now
from core.db import scalar, scalars

READER = "activities.follow_orders"
ORDER_EVENTS = ("order.attributed", "order.refunded")
_MOST = 100
_FRESH = timedelta(seconds=5)  # what was told after the settlement was due, and only now, need not be waited for


def any_due(program_id: UUID) -> bool:
    """Whether an activity waits to be moved."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT FROM activities WHERE program_id = %(p)s AND (
                 (status = 'scheduled' AND starts_at <= %(at)s)
                 OR (status = 'running' AND ends_at + settle_after_seconds * interval '1 second' <= %(at)s)
                 OR (status = 'canceled' AND EXISTS (
                   SELECT FROM activity_budgets b WHERE b.program_id = activities.program_id
                   AND b.activity_id = activities.id AND b.status <> 'closed'))))""",
            p=program_id, at=now(),
        )
    )  # fmt: skip


def advance(program: Program) -> None:
    """Move whatever is due."""
    start_due(program.id)
    _begin_settlements(program.id)
    _close_canceled(program)


def start_due(program_id: UUID) -> None:
    """Activities whose time has come begin, and are told."""
    at = now()
    started = scalars(
        """UPDATE activities SET status = 'running', started_at = %(at)s, updated_at = %(at)s
           WHERE program_id = %(p)s AND status = 'scheduled' AND starts_at <= %(at)s RETURNING id""",
        p=program_id, at=at,
    )  # fmt: skip
    if started:
        tell(program_id, "activity.started", list(queries.activities_by_id(program_id, started).values()))


def _begin_settlements(program_id: UUID) -> None:
    at = now()
    due = scalars(
        """SELECT id FROM activities
           WHERE program_id = %(p)s AND status = 'running'
             AND ends_at + settle_after_seconds * interval '1 second' <= %(at)s
           ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED""",
        p=program_id, at=at, most=_MOST,
    )  # fmt: skip
    ready = [one.id for one in queries.activities_by_id(program_id, due).values() if _is_complete(program_id, one)]
    scalars(
        """UPDATE activities SET status = 'settling', updated_at = %(at)s
           WHERE program_id = %(p)s AND id = ANY(%(ids)s::uuid[]) AND status = 'running' RETURNING id""",
        p=program_id, ids=ready, at=at,
    )  # fmt: skip


def _is_complete(program_id: UUID, activity: queries.Activity) -> bool:
    """Whether all that was told up to its end is counted: no order waits to be followed, no team is open."""
    if activity.kind == Kind.GROUP_BUY and _has_open_team(program_id, activity.id):
        return False
    waits_for_orders = activity.kind in {Kind.INVITE, Kind.GROUP_BUY}
    until = max(settles_at(activity.ends_at, activity.settle_after_seconds), now() - _FRESH)
    return not (waits_for_orders and _is_behind(program_id, ORDER_EVENTS, until))


def _has_open_team(program_id: UUID, activity_id: UUID) -> bool:
    return bool(
        scalar(
            """SELECT EXISTS (SELECT FROM activity_teams
                              WHERE program_id = %(p)s AND activity_id = %(id)s AND status = 'open')""",
            p=program_id, id=activity_id,
        )
    )  # fmt: skip


def _is_behind(program_id: UUID, kinds: Sequence[str], until: datetime) -> bool:
    """Whether the reader of orders has not read all that was told up to an instant."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT FROM events
                              WHERE program_id = %(p)s AND seq IS NULL AND created_at <= %(until)s)
                   OR EXISTS (SELECT FROM events
                              WHERE program_id = %(p)s AND kind = ANY(%(kinds)s) AND created_at <= %(until)s
                                AND seq > coalesce((SELECT seq FROM event_cursors
                                                    WHERE program_id = %(p)s AND consumer = %(reader)s), 0))""",
            p=program_id, kinds=list(kinds), until=until, reader=READER,
        )
    )  # fmt: skip


def _close_canceled(program: Program) -> None:
    """Budgets of canceled activities, once nothing that was earned before waits to be given."""
    waiting = scalars(
        """SELECT a.id FROM activities a
           JOIN activity_budgets b ON b.program_id = a.program_id AND b.activity_id = a.id AND b.status <> 'closed'
           WHERE a.program_id = %(p)s AND a.status = 'canceled'
             AND NOT EXISTS (SELECT FROM activity_rewards r WHERE r.program_id = a.program_id
                             AND r.activity_id = a.id AND r.status IN ('due', 'reclaim'))
           ORDER BY a.id LIMIT %(most)s""",
        p=program.id, most=_MOST,
    )  # fmt: skip
    for activity_id in waiting:
        close_budget(program, activity_id)
