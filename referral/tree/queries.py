"""Reads of the tree: uplines, downlines, teams. Adjacency with recursive statements, each for a whole set at once.

The steps of a recursion are LATERAL look-ups behind LIMIT 1 or OFFSET 0, which can only be planned one by one: while a
table is small the planner prefers to read the whole program at every step, and keeps to it until the next ANALYZE.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import fetch_all


class ChainRow(NamedTuple):
    """One step of one member's upline; the first of a start is the member himself."""

    start: UUID
    id: UUID
    status: str
    grade: str
    payable: bool
    inviter_id: UUID | None
    binding_until: datetime | None


class Link(NamedTuple):
    """A member and his inviter."""

    id: UUID
    inviter_id: UUID | None


class Until(NamedTuple):
    """A member's inviter, and when that binding ends."""

    id: UUID
    inviter_id: UUID | None
    expires_at: datetime | None


class Placed(NamedTuple):
    """A member at a distance: level 1 is the nearest."""

    level: int
    id: UUID


class HistoryRow(NamedTuple):
    """One change of a member's inviter."""

    id: UUID
    inviter_id: UUID | None
    previous_inviter_id: UUID | None
    source: str
    reason: str | None
    actor_kind: str
    actor_id: UUID | None
    bound_at: datetime
    protected_until: datetime | None
    expires_at: datetime | None


def chains(program_id: UUID, member_ids: Sequence[UUID], most: int, *, enrolment_open: bool) -> list[ChainRow]:
    """Every member's upline up to `most` members, himself included, nearest first within each start."""
    return fetch_all(
        ChainRow,
        """WITH RECURSIVE chain AS (
             SELECT given.id AS start, 1 AS step, m.*
             FROM (SELECT DISTINCT unnest(%(ids)s::uuid[]) AS id) given CROSS JOIN LATERAL (
               SELECT id, status, grade, enrolment, inviter_id, binding_expires_at
               FROM members WHERE program_id = %(program_id)s AND id = given.id LIMIT 1) m
             UNION ALL
             SELECT c.start, c.step + 1, m.*
             FROM chain c CROSS JOIN LATERAL (
               SELECT id, status, grade, enrolment, inviter_id, binding_expires_at
               FROM members WHERE program_id = %(program_id)s AND id = c.inviter_id LIMIT 1) m
             WHERE c.step < %(most)s)
           SELECT start, id, status, grade,
                  status = 'active' AND (enrolment = 'enrolled' OR (%(open)s AND enrolment <> 'exited')),
                  inviter_id, binding_expires_at
           FROM chain ORDER BY start, step""",
        program_id=program_id, ids=list(member_ids), most=most, open=enrolment_open,
    )  # fmt: skip


def links_above(program_id: UUID, member_ids: Collection[UUID]) -> dict[UUID, UUID | None]:
    """The members and everybody above them, each with his inviter; shared uplines are walked once."""
    if not member_ids:
        return {}
    rows = fetch_all(
        Link,
        """WITH RECURSIVE above AS (
             SELECT m.id, m.inviter_id
             FROM unnest(%(ids)s::uuid[]) AS given (id) CROSS JOIN LATERAL (
               SELECT id, inviter_id FROM members WHERE program_id = %(program_id)s AND id = given.id LIMIT 1) m
             UNION
             SELECT m.id, m.inviter_id
             FROM above a CROSS JOIN LATERAL (
               SELECT id, inviter_id FROM members WHERE program_id = %(program_id)s AND id = a.inviter_id LIMIT 1) m)
           SELECT id, inviter_id FROM above""",
        program_id=program_id, ids=list(member_ids),
    )  # fmt: skip
    return dict(rows)


def bindings(program_id: UUID, member_ids: Collection[UUID]) -> list[Until]:
    """The present bindings of these members, as they stand, ended ones too."""
    return fetch_all(
        Until,
        """SELECT id, inviter_id, binding_expires_at FROM members
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=list(member_ids),
    )  # fmt: skip


def members_with_downline(program_id: UUID, member_ids: Collection[UUID]) -> set[UUID]:
    """Which of the members have invited somebody."""
    rows = fetch_all(
        Link,
        """SELECT given.id, NULL::uuid FROM unnest(%(ids)s::uuid[]) AS given (id)
           WHERE EXISTS (SELECT 1 FROM members m WHERE m.program_id = %(program_id)s AND m.inviter_id = given.id)""",
        program_id=program_id, ids=list(member_ids),
    )  # fmt: skip
    return {row.id for row in rows}


def upline(program_id: UUID, member_id: UUID, levels: int) -> list[Placed]:
    """The inviter (level 1), his inviter (2), and so on."""
    return fetch_all(
        Placed,
        """WITH RECURSIVE above AS (
             SELECT 0 AS level, id, inviter_id FROM members WHERE program_id = %(program_id)s AND id = %(id)s
             UNION ALL
             SELECT a.level + 1, m.id, m.inviter_id
             FROM above a CROSS JOIN LATERAL (
               SELECT id, inviter_id FROM members WHERE program_id = %(program_id)s AND id = a.inviter_id LIMIT 1) m
             WHERE a.level < %(levels)s)
           SELECT level, id FROM above WHERE level > 0 ORDER BY level""",
        program_id=program_id, id=member_id, levels=levels,
    )  # fmt: skip


def direct_downline(program_id: UUID, member_id: UUID, after: UUID | None, most: int) -> list[Placed]:
    """Whom the member invited himself, by id: one read of the index."""
    return fetch_all(
        Placed,
        """SELECT 1, id FROM members
           WHERE program_id = %(program_id)s AND inviter_id = %(member_id)s
             AND id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
           ORDER BY id LIMIT %(most)s""",
        program_id=program_id, member_id=member_id, after=after, most=most,
    )  # fmt: skip


def downline_between(
    program_id: UUID, member_id: UUID, after: Placed, *, first: int, last: int, most: int
) -> list[Placed]:
    """The team's members of levels `first` to `last` that come after a position, nearest first, then by id."""
    return fetch_all(
        Placed,
        """WITH RECURSIVE team AS (
             SELECT 1 AS level, id FROM members WHERE program_id = %(program_id)s AND inviter_id = %(member_id)s
             UNION ALL
             SELECT t.level + 1, m.id
             FROM team t CROSS JOIN LATERAL (
               SELECT id FROM members WHERE program_id = %(program_id)s AND inviter_id = t.id OFFSET 0) m
             WHERE t.level < %(last)s)
           SELECT level, id FROM team
           WHERE level >= %(first)s AND (level, id) > (%(after_level)s, %(after_id)s)
           ORDER BY level, id LIMIT %(most)s""",
        program_id=program_id, member_id=member_id, first=first, last=last, after_level=after.level,
        after_id=after.id, most=most,
    )  # fmt: skip


def history(program_id: UUID, member_id: UUID, before: UUID | None, most: int) -> list[HistoryRow]:
    """The changes of a member's inviter, newest first."""
    return fetch_all(
        HistoryRow,
        """SELECT id, inviter_id, previous_inviter_id, source, reason, actor_kind, actor_id, bound_at,
                  protected_until, expires_at
           FROM member_bindings
           WHERE program_id = %(program_id)s AND member_id = %(member_id)s
             AND id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
           ORDER BY id DESC LIMIT %(most)s""",
        program_id=program_id, member_id=member_id, before=before, most=most,
    )  # fmt: skip
