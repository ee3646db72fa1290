"""Rewards that members have earned: worked out from what they did, and written down once. They are given by `paying`.

Callers hold the transaction and the activity's row, so that it does not move on meanwhile.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from community.activities.models import ActivityRewardRow
from community.activities.queries import Activity, Reward
from community.activities.rules import REACTIONS, Kind, Participation, earned
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all
from core.ids import new_id


class _Took(NamedTuple):
    id: UUID
    member_id: UUID
    occasion: str
    status: str
    day: date
    team_done: bool
    reported: dict[str, int] | None


class _Reactions(NamedTuple):
    participation_id: UUID
    kind: str
    number: int


def grant(program: Program, activity: Activity, member_ids: Collection[UUID]) -> int:
    """Write down what these members have earned and is not written yet; how much it was.

    The same again has no effect: an occasion of a member is rewarded once. One that was taken back and is earned anew
    is a new reward.
    """
    if activity.reward is None or not member_ids:
        return 0
    at = now()
    rows = [
        reward
        for member_id, took in participations_of(program.id, activity, member_ids).items()
        for reward in _rewards(activity, member_id, took, at)
    ]
    rows.sort(key=lambda row: (row.member_id, row.occasion))  # so that two batches that meet cannot deadlock
    written = insert_rows(
        ActivityRewardRow, rows, program_id=program.id, returning="id",
        on_conflict="""(program_id, activity_id, member_id, occasion) DO UPDATE
            SET id = excluded.id, status = 'due', reason = NULL, paid_at = NULL, created_at = excluded.created_at
            WHERE activity_rewards.status = 'taken_back'""",
    )  # fmt: skip
    return len(written)


def _rewards(activity: Activity, member_id: UUID, took: Sequence[Participation], at: datetime) -> list[Reward]:
    terms = activity.reward or {}
    coupon_id = UUID(terms["coupon_id"]) if terms["coupon_id"] else None
    return [
        Reward(
            new_id(), activity.id, member_id, one.occasion, terms["kind"],
            None if coupon_id else one.amount or terms["amount"], coupon_id, "due", None, None, at,
        )
        for one in earned(activity.kind, activity.goal, took)
    ]  # fmt: skip


def participations_of(
    program_id: UUID, activity: Activity, member_ids: Collection[UUID]
) -> dict[UUID, list[Participation]]:  # fmt: skip
    """What rewards of these members depend on; one statement, and one more for posts."""
    rows = fetch_all(
        _Took,
        """SELECT p.id, p.member_id, p.occasion, p.status, p.day, coalesce(t.status = 'done', false), p.reported
           FROM activity_participations p
           LEFT JOIN activity_teams t ON t.program_id = p.program_id AND t.id = p.team_id
           WHERE p.program_id = %(program_id)s AND p.activity_id = %(activity_id)s
             AND p.member_id = ANY(%(member_ids)s::uuid[])
           ORDER BY p.member_id, p.id""",
        program_id=program_id, activity_id=activity.id, member_ids=list(member_ids),
    )  # fmt: skip
    counts = reactions_to(program_id, activity, member_ids) if activity.kind == Kind.ENGAGEMENT else {}
    found: dict[UUID, list[Participation]] = {}
    for row in rows:
        engagement = _whole(counts.get(row.id, {}), row.reported)
        found.setdefault(row.member_id, []).append(
            Participation(row.occasion, row.status, row.day, row.team_done, engagement)
        )
    return found


def _whole(counted: dict[str, int], reported: dict[str, int] | None) -> dict[str, int]:
    """By reaction whichever is more: what was told one by one, or what staff read elsewhere."""
    return {name: max(counted.get(name, 0), (reported or {}).get(name + "s") or 0) for name in REACTIONS}


def reactions_to(program_id: UUID, activity: Activity, member_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """Reactions to these members' posts within the window, without their own, by participation."""
    rows = fetch_all(
        _Reactions,
        """SELECT p.id, e.kind, count(*) FROM activity_participations p
           JOIN engagements e ON e.program_id = p.program_id AND e.content_id = p.content_id AND e.counted
             AND e.happened_at >= %(since)s AND e.happened_at < %(until)s
             AND e.member_id IS DISTINCT FROM p.member_id
           WHERE p.program_id = %(program_id)s AND p.activity_id = %(activity_id)s
             AND p.member_id = ANY(%(member_ids)s::uuid[])
           GROUP BY p.id, e.kind""",
        program_id=program_id, activity_id=activity.id, member_ids=list(member_ids), since=activity.starts_at,
        until=activity.ends_at,
    )  # fmt: skip
    found: dict[UUID, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.participation_id, {})[row.kind] = row.number
    return found


def revoke(program: Program, activity: Activity, member_ids: Collection[UUID]) -> None:
    """Take back rewards of these members that they have not earned any more: what is given already is reclaimed."""
    if activity.reward is None:
        return
    took = participations_of(program.id, activity, member_ids)
    still = {
        (member_id, one.occasion)
        for member_id in member_ids
        for one in earned(activity.kind, activity.goal, took.get(member_id, ()))
    }
    execute(
        """UPDATE activity_rewards r
           SET status = CASE r.status WHEN 'due' THEN 'taken_back' ELSE 'reclaim' END, reason = 'refunded'
           WHERE r.program_id = %(program_id)s AND r.activity_id = %(activity_id)s
             AND r.member_id = ANY(%(member_ids)s::uuid[]) AND r.status IN ('due', 'paid')
             AND NOT EXISTS (SELECT FROM unnest(%(members)s::uuid[], %(occasions)s::text[]) AS s (member_id, occasion)
                             WHERE s.member_id = r.member_id AND s.occasion = r.occasion)""",
        program_id=program.id, activity_id=activity.id, member_ids=list(member_ids),
        members=[member_id for member_id, _ in still], occasions=[occasion for _, occasion in still],
    )  # fmt: skip
