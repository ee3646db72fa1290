"""Grades by points: who has earned enough within a year has the grade that the rules name for it.

Grades that no rules ever named are somebody else's: who has such a one keeps it. Callers hold the transaction.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from community.points import rule_versions
from community.points.rules import GRADE_WINDOW, GradeThreshold, grade_for, next_grade
from core.clock import now
from core.db import fetch_all, scalars
from referral.members import service as members
from referral.members.service import STANDARD_GRADE, GradeChange

SWEEP = "points.sweep_grades"
EVERY = timedelta(hours=6)
CHUNK = 2000


class Standing(NamedTuple):
    """A member's grade, what he earned within a year, and the grade ahead of him."""

    grade: str
    points: int
    next: GradeThreshold | None


class _Earned(NamedTuple):
    member_id: UUID
    grade: str
    points: int


def are_managed(program_id: UUID) -> bool:
    """Whether the rules name grades."""
    return bool(rule_versions.current(program_id).rules.grades)


def standing_of(program_id: UUID, member_id: UUID) -> Standing:
    (found,) = _earned(program_id, [member_id])
    return Standing(found.grade, found.points, next_grade(rule_versions.current(program_id).rules.grades, found.points))


def _earned(program_id: UUID, member_ids: Collection[UUID]) -> list[_Earned]:
    return fetch_all(
        _Earned,
        """SELECT m.id, m.grade, (
             SELECT coalesce(sum(l.earned - l.taken_back), 0) FROM point_lots l
             WHERE l.program_id = m.program_id AND l.member_id = m.id AND l.earned_at > %(since)s)::bigint
           FROM members m WHERE m.program_id = %(program_id)s AND m.id = ANY(%(ids)s)""",
        program_id=program_id, ids=list(member_ids), since=now() - GRADE_WINDOW,
    )  # fmt: skip


def regrade(program_id: UUID, member_ids: Collection[UUID]) -> None:
    """Give members the grades that their points reach, down as well as up; `grade.changed` is told of those who
    change. Locks the members that change.
    """
    versions = rule_versions.versions_of(program_id)
    if not versions or not versions[-1].rules.grades:
        return
    # a grade that only earlier rules name is managed as well: nobody is left in it
    managed = {STANDARD_GRADE, *(one.grade for version in versions for one in version.rules.grades)}
    found = [one for one in _earned(program_id, member_ids) if one.grade in managed]
    changes = [change for one in found if (change := _change(one, versions[-1].rules.grades))]
    if changes:
        members.change_grades(program_id, changes)


def _change(one: _Earned, thresholds: Sequence[GradeThreshold]) -> GradeChange | None:
    grade = grade_for(thresholds, one.points, STANDARD_GRADE)
    return None if grade == one.grade else GradeChange(one.member_id, one.grade, grade)


def sweep_chunk(program_id: UUID, after: UUID | None) -> UUID | None:
    """Judge the next members by id; where to go on, None at the end."""
    ids = scalars(
        """SELECT id FROM members WHERE program_id = %(program_id)s
             AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT %(most)s""",
        program_id=program_id, after=after, most=CHUNK,
    )  # fmt: skip
    regrade(program_id, ids)
    return ids[-1] if len(ids) == CHUNK else None
