"""How often members take part: limits of a member hold through his row in the activity, a total one through a counter.

Callers hold the transaction and the members' rows; the counter is locked after them.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from community.activities.errors import ParticipationLimit
from community.activities.queries import Activity
from community.activities.rules import PLEDGED, Room, has_room
from core.db import execute, fetch_all, scalars


class _Standing(NamedTuple):
    member_id: UUID
    counted: int
    that_day: int


def check_room(program_id: UUID, activity: Activity, days: Mapping[UUID, date]) -> None:
    """One more participation for the member on his day; the caller holds his row in the activity.

    Raises:
        ParticipationLimit: a limit is reached.
    """
    if with_room(program_id, activity, days) != set(days):
        raise ParticipationLimit()
    if not count_in(program_id, activity, len(days)):
        raise ParticipationLimit("The activity has as many participations as are allowed.")


def with_room(program_id: UUID, activity: Activity, days: Mapping[UUID, date]) -> set[UUID]:
    """Those of these members, whose rows in the activity the caller holds, who may take part once more on their day."""
    if activity.limits["per_member"] is None and activity.limits["per_day"] is None:
        return set(days)
    rows = fetch_all(
        _Standing,
        """SELECT g.member_id, count(p.id), count(p.id) FILTER (WHERE p.day = g.day)
           FROM unnest(%(members)s::uuid[], %(days)s::date[]) AS g (member_id, day)
           LEFT JOIN activity_participations p ON p.program_id = %(program_id)s AND p.activity_id = %(activity_id)s
             AND p.member_id = g.member_id AND p.status = ANY(%(pledged)s)
           GROUP BY g.member_id""",
        program_id=program_id, activity_id=activity.id, members=list(days), days=list(days.values()),
        pledged=list(PLEDGED),
    )  # fmt: skip
    return {row.member_id for row in rows if has_room(activity.limits, Room(row.counted, row.that_day))}


def count_in(program_id: UUID, activity: Activity, number: int) -> bool:
    """Count participations against the activity's total limit; False when that many are not left. Guarded."""
    total = activity.limits["total"]
    if total is None:
        return True
    return bool(
        execute(
            """UPDATE activity_counters SET admitted = admitted + %(number)s
               WHERE program_id = %(program_id)s AND activity_id = %(id)s AND admitted + %(number)s <= %(total)s""",
            program_id=program_id, id=activity.id, number=number, total=total,
        )
    )  # fmt: skip


def hold_counters(program_id: UUID, activity_ids: Collection[UUID]) -> None:
    """Lock the counters of these activities in id order; before any of their teams."""
    scalars(
        """SELECT 1 FROM activity_counters
           WHERE program_id = %(program_id)s AND activity_id = ANY(%(ids)s::uuid[]) ORDER BY activity_id FOR UPDATE""",
        program_id=program_id, ids=list(activity_ids),
    )  # fmt: skip


def count_out(program_id: UUID, activity_ids: Sequence[UUID]) -> None:
    """Participations that count no more, one each; activities without a total limit are not counted.

    The caller has held the counters before it locked teams.
    """
    execute(
        """UPDATE activity_counters c SET admitted = c.admitted - g.number
           FROM (SELECT id, count(*) AS number FROM unnest(%(ids)s::uuid[]) AS given (id) GROUP BY id) g
           WHERE c.program_id = %(program_id)s AND c.activity_id = g.id""",
        program_id=program_id, ids=list(activity_ids),
    )  # fmt: skip
