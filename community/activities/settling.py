"""Settlement: what every member earned is written down, chunk by chunk, and when all is given the activity is settled.

The place is kept with the rows it made, in one transaction: killed anywhere, or done by two at once, it goes on from
the last commit, and an occasion is rewarded once whatever happens. Callers hold the transaction.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import LiteralString, NamedTuple
from uuid import UUID

from community.activities import queries
from community.activities.announcing import facts_of
from community.activities.budgets import close_budget
from community.activities.engagement import note_reached
from community.activities.holding import blank_part, insert_parts, note_members
from community.activities.queries import Activity
from community.activities.rewarding import grant, participations_of
from community.activities.rules import Kind, Status, Took, reached, settles_at
from community.groups import service as groups
from core.auth.actor import Program
from core.clock import day_of, now
from core.db import execute, fetch_all, scalars
from core.events.service import Event, announce

CHUNK = 1000
UNDECIDED_FOR = timedelta(days=30)
"""What is held waits for a decision so long after the end, then gets nothing."""

_FIRST = UUID(int=0)


_ACTIVE: LiteralString = """
    SELECT a.id FROM activities a
    WHERE a.program_id = %(p)s AND a.status = 'settling' AND (NOT a.computed
      OR a.ends_at + a.settle_after_seconds * interval '1 second' <= %(undecided)s
      OR NOT EXISTS (SELECT FROM activity_participations h WHERE h.program_id = a.program_id
                     AND h.activity_id = a.id AND h.status = 'held'))
      AND (NOT a.computed
      OR NOT EXISTS (SELECT FROM activity_rewards r WHERE r.program_id = a.program_id
                     AND r.activity_id = a.id AND r.status IN ('due', 'reclaim')))"""


def settling_ids(program_id: UUID) -> list[UUID]:
    """Activities whose settlement can go on: one that waits for decisions or for rewards to be given is left alone."""
    return scalars(_ACTIVE + " ORDER BY a.id", p=program_id, undecided=now() - UNDECIDED_FOR)


def any_to_settle(program_id: UUID) -> bool:
    return bool(settling_ids(program_id))


def settle_chunk(program: Program, activity_id: UUID) -> bool:
    """Do the next piece of a settlement; whether there is another at once. Locks the activity."""
    most = CHUNK
    activity = queries.activity(program.id, activity_id, lock="update")
    if activity is None or activity.status != Status.SETTLING:
        return False
    if activity.computed:
        _finish(program, activity)
        return False
    if activity.kind == Kind.SHARE:
        member_ids = _count_shares(program, activity, most)
    else:
        member_ids = _next_members(program.id, activity, most)
    grant(program, activity, member_ids)
    if activity.kind == Kind.ENGAGEMENT:
        _note_reached(program.id, activity, member_ids)
    _move_on(program.id, activity, member_ids, is_last=len(member_ids) < most)
    return True


def _next_members(program_id: UUID, activity: Activity, most: int) -> list[UUID]:
    return scalars(
        """SELECT member_id FROM activity_members
           WHERE program_id = %(p)s AND activity_id = %(id)s AND member_id > %(after)s
           ORDER BY member_id LIMIT %(most)s""",
        p=program_id, id=activity.id, after=activity.settled_to or _FIRST, most=most,
    )  # fmt: skip


def _move_on(program_id: UUID, activity: Activity, member_ids: Sequence[UUID], *, is_last: bool) -> None:
    execute(
        """UPDATE activities SET settled_to = %(to)s, computed = %(is_last)s, updated_at = %(at)s
           WHERE program_id = %(p)s AND id = %(id)s AND status = 'settling'""",
        p=program_id, id=activity.id, to=max(member_ids, default=activity.settled_to), is_last=is_last, at=now(),
    )  # fmt: skip


class _Clicks(NamedTuple):
    member_id: UUID
    clicks: int


# links of the chunk's members; their sums by hour, which leave out bots, prefetches and repeats
_CLICKS: LiteralString = """
    WITH owners AS MATERIALIZED (
      SELECT DISTINCT member_id FROM links
      WHERE program_id = %(p)s AND member_id > %(after)s
      ORDER BY member_id LIMIT %(most)s)
    SELECT w.member_id, coalesce(sum(s.clicks), 0)::bigint FROM owners w
    LEFT JOIN LATERAL (
      SELECT sum(h.unique_clicks) AS clicks FROM links l
      JOIN traffic_hours h ON h.program_id = l.program_id AND h.dimension = 'link' AND h.key = l.id::text
        AND h.hour >= %(since)s AND h.hour < %(until)s
      WHERE l.program_id = %(p)s AND l.member_id = w.member_id
        AND (%(campaign)s::text IS NULL OR l.campaign_id = %(campaign)s)
        AND (%(groups)s::text[] IS NULL OR l.group_id = ANY(%(groups)s))) s ON true
    GROUP BY w.member_id ORDER BY w.member_id"""


def _count_shares(program: Program, activity: Activity, most: int) -> list[UUID]:
    """The next owners of links; those whose links were clicked take part, by what the sums of clicks say."""
    rows = fetch_all(
        _Clicks, _CLICKS, p=program.id, after=activity.settled_to or _FIRST, most=most, since=activity.starts_at,
        until=activity.ends_at, campaign=activity.goal["campaign_id"], groups=_group_keys(program.id, activity),
    )  # fmt: skip
    day, goal = day_of(activity.ends_at, program.settings.timezone), activity.goal["clicks"]
    clicked = [row for row in rows if row.clicks > 0]
    note_members(program.id, activity.id, [row.member_id for row in clicked], activity.ends_at)
    parts = [
        blank_part(
            activity.id, row.member_id, "clicks", Took.COUNTED if row.clicks >= goal else Took.REFUSED, day,
            activity.ends_at,
        )._replace(value=row.clicks, reason=None if row.clicks >= goal else "goal_not_reached")
        for row in clicked
    ]  # fmt: skip
    insert_parts(program.id, parts)
    return [row.member_id for row in rows]


def _group_keys(program_id: UUID, activity: Activity) -> list[str] | None:
    """What the group of a link may be, where the activity is for some groups."""
    if not activity.group_ids:
        return None
    found = groups.groups_of(program_id, activity.group_ids)
    return sorted({key for group in found for key in groups.group_keys(group)})


def _note_reached(program_id: UUID, activity: Activity, member_ids: Sequence[UUID]) -> None:
    """Posts whose last reactions were told at the same moment, so that neither saw the goal reached."""
    found = [
        (member_id, one.occasion)
        for member_id, took in participations_of(program_id, activity, member_ids).items()
        for one in took
        if one.status == Took.COUNTED and reached(activity.goal, one.engagement)
    ]
    ids = scalars(
        """SELECT p.id FROM activity_participations p
           JOIN unnest(%(members)s::uuid[], %(occasions)s::text[]) AS g (member_id, occasion)
             ON g.member_id = p.member_id AND g.occasion = p.occasion
           WHERE p.program_id = %(p)s AND p.activity_id = %(id)s AND p.reached_at IS NULL""",
        p=program_id, id=activity.id, members=[one[0] for one in found], occasions=[one[1] for one in found],
    )  # fmt: skip
    note_reached(program_id, activity, ids)


def _finish(program: Program, activity: Activity) -> None:
    """All is worked out: once nothing waits to be given or decided, the rest of the budget goes back."""
    if settles_at(activity.ends_at, activity.settle_after_seconds) + UNDECIDED_FOR <= now():
        _refuse_undecided(program.id, activity.id)
    if queries.any_held(program.id, activity.id) or queries.any_open_reward(program.id, activity.id):
        return
    settled = execute(
        """UPDATE activities SET status = 'settled', settled_at = %(at)s, updated_at = %(at)s
           WHERE program_id = %(p)s AND id = %(id)s AND status = 'settling'""",
        p=program.id, id=activity.id, at=now(),
    )  # fmt: skip
    if settled:
        close_budget(program, activity.id)
        _tell_settled(program.id, activity)


def _refuse_undecided(program_id: UUID, activity_id: UUID) -> None:
    execute(
        """UPDATE activity_participations SET status = 'refused', reason = 'undecided'
           WHERE program_id = %(p)s AND activity_id = %(id)s AND status = 'held'""",
        p=program_id, id=activity_id,
    )  # fmt: skip


def _tell_settled(program_id: UUID, activity: Activity) -> None:
    paid = next((one for one in queries.rewards_by_status(program_id, activity.id) if one.status == "paid"), None)
    facts = facts_of(activity) | {
        "members": queries.member_count(program_id, activity.id),
        "rewards": paid.number if paid else 0,
        "amount": paid.amount if paid else 0,
    }
    announce(program_id, [Event("activity.settled", now(), facts)])


__all__ = ["CHUNK", "UNDECIDED_FOR", "any_to_settle", "settle_chunk", "settling_ids"]
