"""Reads of teams in numbers: the counters, and what is counted anew each time."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import fetch_all, fetch_one, scalar


class LevelCount(NamedTuple):
    """A team's members at one level, and how many of them bought lately."""

    level: int
    members: int
    active: int


class Totals(NamedTuple):
    """A member's counters, as of the last fold."""

    members: int
    orders: int
    sales: int


class Customer(NamedTuple):
    """A member of the first level who has ordered."""

    id: UUID
    orders: int
    last_order_at: datetime


def direct_count(program_id: UUID, member_id: UUID) -> int:
    return int(
        scalar(
            "SELECT count(*) FROM members WHERE program_id = %(program_id)s AND inviter_id = %(member_id)s",
            program_id=program_id, member_id=member_id,
        )
    )  # fmt: skip


def totals(program_id: UUID, member_id: UUID) -> Totals:
    """A member's counters; zero before his first fold."""
    found = fetch_one(
        Totals,
        """SELECT members, orders, sales FROM team_totals
           WHERE program_id = %(program_id)s AND member_id = %(member_id)s""",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip
    return found or Totals(0, 0, 0)


def level_counts(program_id: UUID, member_id: UUID, active_since: datetime) -> list[LevelCount]:
    """The whole team by level, nearest first. Reads every member of it."""
    return fetch_all(
        LevelCount,
        """WITH RECURSIVE team AS (
             SELECT 1 AS level, id FROM members WHERE program_id = %(program_id)s AND inviter_id = %(member_id)s
             UNION ALL
             SELECT t.level + 1, m.id
             FROM team t CROSS JOIN LATERAL (
               SELECT id FROM members WHERE program_id = %(program_id)s AND inviter_id = t.id OFFSET 0) m)
           SELECT team.level, count(*), count(c.last_order_at)
           FROM team LEFT JOIN team_totals c
             ON c.program_id = %(program_id)s AND c.member_id = team.id AND c.last_order_at >= %(active_since)s
           GROUP BY team.level ORDER BY team.level""",
        program_id=program_id, member_id=member_id, active_since=active_since,
    )  # fmt: skip


def customers(program_id: UUID, member_id: UUID, before: UUID | None, most: int) -> list[Customer]:
    """Those of the first level who have ordered, newest member first."""
    return fetch_all(
        Customer,
        """SELECT m.id, c.own_orders, c.last_order_at
           FROM members m JOIN team_totals c
             ON c.program_id = %(program_id)s AND c.member_id = m.id AND c.last_order_at IS NOT NULL
           WHERE m.program_id = %(program_id)s AND m.inviter_id = %(member_id)s
             AND m.id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
           ORDER BY m.id DESC LIMIT %(most)s""",
        program_id=program_id, member_id=member_id, before=before, most=most,
    )  # fmt: skip
