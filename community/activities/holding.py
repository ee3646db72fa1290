"""Rows of participations and of members in an activity: held while it is decided, and written in sets."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from community.activities.models import ActivityMemberRow, ActivityParticipationRow
from community.activities.queries import Part
from core.bulk import insert_rows
from core.clock import now
from core.db import scalars
from core.ids import new_id


class _Member(NamedTuple):
    activity_id: UUID
    member_id: UUID
    joined_at: datetime


def note_members(program_id: UUID, activity_id: UUID, member_ids: Collection[UUID], at: datetime) -> None:
    """Members have a row in the activity from now on, if they had none."""
    rows = [_Member(activity_id, member_id, at) for member_id in sorted(set(member_ids))]
    insert_rows(
        ActivityMemberRow, rows, program_id=program_id, on_conflict="(program_id, activity_id, member_id) DO NOTHING"
    )


def hold_members(program_id: UUID, activity_id: UUID, member_ids: Collection[UUID], at: datetime) -> None:
    """Lock the members' rows in the activity, in id order; nobody else lets them take part until this is over."""
    note_members(program_id, activity_id, member_ids, at)
    scalars(
        """SELECT 1 FROM activity_members
           WHERE program_id = %(program_id)s AND activity_id = %(activity_id)s AND member_id = ANY(%(ids)s::uuid[])
           ORDER BY member_id FOR UPDATE""",
        program_id=program_id, activity_id=activity_id, ids=list(member_ids),
    )  # fmt: skip


def blank_part(
    activity_id: UUID, member_id: UUID, occasion: str, status: str, day: date, happened_at: datetime
) -> Part:  # fmt: skip
    """A participation with nothing but what each has."""
    return Part(
        new_id(), activity_id, member_id, occasion, status, None, day, happened_at, None, None, None, None, None, None,
        None, None, None, None, None, now(),
    )  # fmt: skip


def insert_parts(program_id: UUID, parts: Sequence[Part]) -> set[UUID]:
    """Write participations; the ids of those that are new, for an occasion, an invited customer, a post and an order
    count once in an activity.
    """
    rows = sorted(parts, key=lambda part: (part.activity_id, part.member_id, part.occasion))
    written = insert_rows(
        ActivityParticipationRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="id"
    )
    return {part_id for (part_id,) in written}
