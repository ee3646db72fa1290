"""What a group brings: the traffic that names it, who joined and left, what was sent. Reads sums, and stays by time."""

from datetime import UTC, date, datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from community.groups.queries import Group
from community.groups.service import group_keys
from core.auth.actor import Program
from core.db import fetch_all
from coupons.traffic.service import Asked, Stats, Sums, stats_of

HOUR = "hour"


class Life(NamedTuple):
    """What happened in the group itself."""

    joined: int = 0
    left: int = 0
    sent: int = 0
    refused: int = 0

    def plus(self, other: "Life") -> "Life":
        return Life(*map(int.__add__, self, other))


class GroupPoint(NamedTuple):
    """One hour, day or month, by its beginning."""

    at: datetime | date
    sums: Sums
    life: Life


class GroupStats(NamedTuple):
    """Everything in the span, cut into points without a gap; and how many are in the group now."""

    interval: str
    sums: Sums
    life: Life
    member_count: int
    series: list[GroupPoint]


def stats_of_group(program: Program, group: Group, interval: str, asked: Asked) -> GroupStats:
    """The group under each of its names, by hours in UTC or days of the program.

    Raises:
        Invalid: the span is too long for its interval, or ends before it begins.
    """
    named = [stats_of(program, "group", key, interval, asked) for key in sorted(group_keys(group))]
    points = [point.at for point in named[0].series]
    sums = [_added(named, place) for place in range(len(points))]
    lives = _lives(program, group.id, interval, points)
    series = [GroupPoint(at, one, lives.get(at, Life())) for at, one in zip(points, sums, strict=True)]
    total, life = Sums(), Life()
    for point in series:
        total, life = total.plus(point.sums), life.plus(point.life)
    return GroupStats(interval, total, life, member_count_of(program.id, group.id), series)


def _added(named: list[Stats], place: int) -> Sums:
    total = Sums()
    for stats in named:
        total = total.plus(stats.series[place].sums)
    return total


class _Count(NamedTuple):
    """What happened at a point, by its beginning as PostgreSQL cuts it."""

    at: datetime
    joined: int
    left: int
    sent: int
    refused: int


_BY_HOUR: LiteralString = """
  SELECT at, sum(joined)::bigint, sum(gone)::bigint, sum(sent)::bigint, sum(refused)::bigint FROM (
    SELECT date_trunc('hour', joined_at, 'UTC') AS at, 1 AS joined, 0 AS gone, 0 AS sent, 0 AS refused
    FROM group_members WHERE program_id = %(p)s AND group_id = %(group_id)s
    UNION ALL
    SELECT date_trunc('hour', left_at, 'UTC'), 0, 1, 0, 0
    FROM group_members WHERE program_id = %(p)s AND group_id = %(group_id)s AND left_at IS NOT NULL
    UNION ALL
    SELECT hour, 0, 0, sent, refused FROM group_sendings WHERE program_id = %(p)s AND group_id = %(group_id)s
  ) AS told WHERE at BETWEEN %(first)s AND %(last)s GROUP BY at"""
_BY_DAY: LiteralString = """
  SELECT date_trunc(%(interval)s, day), sum(joined)::bigint, sum(gone)::bigint, sum(sent)::bigint,
         sum(refused)::bigint FROM (
    SELECT joined_at AT TIME ZONE %(timezone)s AS day, 1 AS joined, 0 AS gone, 0 AS sent, 0 AS refused
    FROM group_members WHERE program_id = %(p)s AND group_id = %(group_id)s
    UNION ALL
    SELECT left_at AT TIME ZONE %(timezone)s, 0, 1, 0, 0
    FROM group_members WHERE program_id = %(p)s AND group_id = %(group_id)s AND left_at IS NOT NULL
    UNION ALL
    SELECT day::timestamp, 0, 0, sent, refused
    FROM group_sendings WHERE program_id = %(p)s AND group_id = %(group_id)s
  ) AS told GROUP BY 1 HAVING date_trunc(%(interval)s, day) BETWEEN %(first)s::date AND %(last)s::date"""


def _lives(
    program: Program, group_id: UUID, interval: str, points: list[datetime | date]
) -> dict[datetime | date, Life]:  # fmt: skip
    rows = fetch_all(
        _Count, _BY_HOUR if interval == HOUR else _BY_DAY,
        p=program.id, group_id=group_id, interval=interval, timezone=program.settings.timezone, first=points[0],
        last=points[-1],
    )  # fmt: skip
    return {row.at.astimezone(UTC) if interval == HOUR else row.at.date(): Life(*row[1:]) for row in rows}


def member_count_of(program_id: UUID, group_id: UUID) -> int:
    """How many are in the group now."""
    return members_now(program_id, [group_id]).get(group_id, 0)


class _Members(NamedTuple):
    group_id: UUID
    members: int


def members_now(program_id: UUID, group_ids: list[UUID]) -> dict[UUID, int]:
    """How many are in each of these groups; those without anybody are left out."""
    rows = fetch_all(
        _Members,
        """SELECT group_id, count(*) FROM group_members
           WHERE program_id = %(p)s AND group_id = ANY(%(ids)s::uuid[]) AND left_at IS NULL GROUP BY group_id""",
        p=program_id, ids=group_ids,
    )  # fmt: skip
    return dict(rows)
