"""Grades set by whoever manages them: each only where the member still has the grade that was judged.

Callers hold the transaction; nothing here commits.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from core.clock import now
from core.db import fetch_all
from core.events.service import Event, announce


class GradeChange(NamedTuple):
    """A member who goes from one grade to another."""

    member_id: UUID
    before: str
    after: str


def change_grades(program_id: UUID, changes: Sequence[GradeChange]) -> list[GradeChange]:
    """Set grades, and tell `grade.changed`; those that were really changed. Locks the members in id order.

    Erased members, and those who have another grade meanwhile, are passed over.
    """
    at = now()
    made = fetch_all(
        GradeChange,
        """WITH wanted AS (
             SELECT m.id, t.before, t.after
             FROM unnest(%(ids)s::uuid[], %(before)s::text[], %(after)s::text[]) AS t (id, before, after)
             JOIN members m ON m.program_id = %(program_id)s AND m.id = t.id AND m.grade = t.before
               AND m.status <> 'erased'
             ORDER BY m.id FOR NO KEY UPDATE OF m)
           UPDATE members m SET grade = w.after, updated_at = %(at)s FROM wanted w
           WHERE m.program_id = %(program_id)s AND m.id = w.id AND m.grade = w.before
           RETURNING m.id, w.before, w.after""",
        program_id=program_id, ids=[one.member_id for one in changes], before=[one.before for one in changes],
        after=[one.after for one in changes], at=at,
    )  # fmt: skip
    announce(
        program_id,
        [
            Event("grade.changed", at, {"member_id": one.member_id, "grade_before": one.before, "grade": one.after})
            for one in made
        ],
    )
    return made
