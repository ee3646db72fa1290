"""Segments: members chosen by what they bought, when, and by grade. Found when used, page by page.

Callers hold the transaction. Reads the sums of customers; an order is in them within seconds.
"""

from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from community.boards.errors import SegmentNotFound
from community.boards.models import SegmentRow
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all, fetch_one, json, scalar, scalars
from core.ids import new_id

NEW_FOR_DAYS = 30


class Segment(NamedTuple):
    """Which members: all that is given must hold; nothing given means every active member.

    `kind`: new, whose first order is at most `new_days` old (None: NEW_FOR_DAYS); returning, who ordered at least
    twice. `quiet_days`: who ordered, but not for so many days. Spend is in minor units, less refunds, over all time.
    """

    kind: str | None = None
    new_days: int | None = None
    quiet_days: int | None = None
    min_spend: int | None = None
    max_spend: int | None = None
    grade: str | None = None


class SavedSegment(NamedTuple):
    """A segment with a name."""

    id: UUID
    name: str
    terms: dict[str, Any]
    created_by: UUID
    created_at: datetime
    updated_at: datetime

    @property
    def segment(self) -> Segment:
        return Segment(**self.terms)


# only what is asked for stands in the statement; s is what a customer bought
_CONDITIONS: dict[str, LiteralString] = {
    "new_since": " AND s.first_order_at >= %(new_since)s",
    "returning": " AND s.orders >= 2",
    "quiet_since": " AND s.last_order_at < %(quiet_since)s",
    "min_spend": " AND s.spent >= %(min_spend)s",
    "max_spend": " AND coalesce(s.spent, 0) <= %(max_spend)s",
    "grade": " AND m.grade = %(grade)s",
    "after": " AND m.id > %(after)s",
}
_MEMBERS: LiteralString = " FROM members m"
_BUYERS: LiteralString = """
  JOIN customer_sums s ON s.program_id = %(program_id)s AND s.customer_id = m.id"""
_ACTIVE: LiteralString = " WHERE m.program_id = %(program_id)s AND m.status = 'active'"


def members_in_segment(program_id: UUID, segment: Segment, after: UUID | None, most: int) -> list[UUID]:
    """Active members of the segment by id, behind one of them: the next page begins behind the last."""
    source, given = _chosen(segment, after)
    return scalars(
        "SELECT m.id" + source + " ORDER BY m.id LIMIT %(most)s", program_id=program_id, most=most, **given
    )  # fmt: skip


def size_of(program_id: UUID, segment: Segment) -> int:
    """How many active members the segment has now."""
    source, given = _chosen(segment, None)
    return int(scalar("SELECT count(*)" + source, program_id=program_id, **given) or 0)


def _chosen(segment: Segment, after: UUID | None) -> tuple[LiteralString, dict[str, Any]]:
    """FROM and WHERE of a segment, and what is to be filled in."""
    at = now()
    given: dict[str, Any] = {
        "new_since": at - timedelta(days=segment.new_days or NEW_FOR_DAYS) if segment.kind == "new" else None,
        "returning": True if segment.kind == "returning" else None,
        "quiet_since": None if segment.quiet_days is None else at - timedelta(days=segment.quiet_days),
        "min_spend": segment.min_spend or None,
        "max_spend": segment.max_spend,
        "grade": segment.grade,
        "after": after,
    }
    given = {name: value for name, value in given.items() if value is not None}
    bought: LiteralString = ""
    if given.keys() & {"new_since", "returning", "quiet_since", "min_spend"}:
        bought = _BUYERS
    elif "max_spend" in given:  # who has bought nothing has spent nothing
        bought = " LEFT" + _BUYERS
    conditions: LiteralString = "".join([_CONDITIONS[name] for name in given])
    return _MEMBERS + bought + _ACTIVE + conditions, given


_SAVED: LiteralString = """
  SELECT id, name, terms, created_by, created_at, updated_at FROM segments WHERE program_id = %(program_id)s"""


def segment_of(program_id: UUID, segment_id: UUID) -> SavedSegment:
    """Raises: SegmentNotFound."""
    found = fetch_one(SavedSegment, _SAVED + " AND id = %(id)s", program_id=program_id, id=segment_id)
    if found is None:
        raise SegmentNotFound()
    return found


def segments_of(program_id: UUID, before: UUID | None, most: int) -> list[SavedSegment]:
    """Saved segments, newest first."""
    behind: LiteralString = " AND id < %(before)s" if before else ""
    return fetch_all(
        SavedSegment, _SAVED + behind + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, before=before,
        most=most,
    )  # fmt: skip


def save_segment(program_id: UUID, name: str, segment: Segment, made_by: UUID) -> SavedSegment:
    """A new segment; each call makes another."""
    at = now()
    saved = SavedSegment(new_id(), name, terms_of(segment), made_by, at, at)
    insert_rows(SegmentRow, [saved], program_id=program_id)
    return saved


def terms_of(segment: Segment) -> dict[str, Any]:
    """As it is stored and shown: only what is said."""
    return {name: value for name, value in segment._asdict().items() if value is not None}


def change_segment(program_id: UUID, segment_id: UUID, name: str | None, segment: Segment | None) -> SavedSegment:
    """Rename a segment, or give it other terms as a whole.

    Raises:
        SegmentNotFound: no such segment in the program.
    """
    execute(
        """UPDATE segments SET name = coalesce(%(name)s, name), terms = coalesce(%(terms)s::jsonb, terms),
                  updated_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=program_id, id=segment_id, name=name, at=now(),
        terms=None if segment is None else json(terms_of(segment)),
    )  # fmt: skip
    return segment_of(program_id, segment_id)


def delete_segment(program_id: UUID, segment_id: UUID) -> None:
    """Forget a segment. Raises: SegmentNotFound."""
    if not execute(
        "DELETE FROM segments WHERE program_id = %(program_id)s AND id = %(id)s", program_id=program_id, id=segment_id
    ):
        raise SegmentNotFound()
