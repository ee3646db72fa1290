"""Reads of the tree: uplines, downlines, teams. Adjacency with recursive statements; sets of members in one pass."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import fetch_all


class ChainRow(NamedTuple):
    """One step of one member's upline; step 1 is the member himself."""

    start: UUID
    id: UUID
    status: str
    grade: str
    payable: bool
    inviter_id: UUID | None
    binding_until: datetime | None


def chains(program_id: UUID, member_ids: Sequence[UUID], most: int, *, enrolment_open: bool) -> list[ChainRow]:
    """Every member's upline up to `most` members, himself included, nearest first within each start."""
    return fetch_all(
        ChainRow,
        """WITH RECURSIVE chain AS (
             SELECT id AS start, 1 AS step, id, status, grade, enrolment, inviter_id, binding_expires_at
             FROM members WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[])
             UNION ALL
             SELECT c.start, c.step + 1, m.id, m.status, m.grade, m.enrolment, m.inviter_id, m.binding_expires_at
             FROM chain c JOIN members m ON m.program_id = %(program_id)s AND m.id = c.inviter_id
             WHERE c.step < %(most)s)
           SELECT start, id, status, grade,
                  status = 'active' AND (enrolment = 'enrolled' OR (%(open)s AND enrolment <> 'exited')),
                  inviter_id, binding_expires_at
           FROM chain ORDER BY start, step""",
        program_id=program_id, ids=list(member_ids), most=most, open=enrolment_open,
    )  # fmt: skip
