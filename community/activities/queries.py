"""Reads of activities and what belongs to them. Every one names the program first."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from core.db import fetch_all, fetch_one, scalar
from core.ids import ExternalRef, Ref


class Activity(NamedTuple):
    """One row of `activities` without program_id."""

    id: UUID
    external_id: str | None
    request_hash: bytes
    kind: str
    name: str
    group_ids: list[UUID]
    starts_at: datetime
    ends_at: datetime
    settle_after_seconds: int
    published: bool
    goal: dict[str, Any]
    limits: dict[str, int | None]
    reward: dict[str, Any] | None
    guard: dict[str, Any]
    texts: dict[str, Any]
    status: str
    settled_to: UUID | None
    computed: bool
    created_by: UUID | None
    started_at: datetime | None
    settled_at: datetime | None
    canceled_at: datetime | None
    cancel_reason: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def pays_at_once(self) -> bool:
        return self.reward is not None and self.reward["pay"] == "at_once"


_ACTIVITY: LiteralString = """
    SELECT id, external_id, request_hash, kind, name, group_ids, starts_at, ends_at, settle_after_seconds, published,
           goal, limits, reward, guard, texts, status, settled_to, computed, created_by, started_at, settled_at,
           canceled_at, cancel_reason, created_at, updated_at
    FROM activities WHERE program_id = %(program_id)s"""

_LOCKS: dict[str | None, LiteralString] = {None: "", "share": " FOR SHARE", "update": " FOR UPDATE"}


def activity(program_id: UUID, ref: Ref, *, lock: str | None = None) -> Activity | None:
    """One activity. Whoever lets somebody take part locks it with "share", so that it does not end meanwhile."""
    if isinstance(ref, ExternalRef):
        named: LiteralString = " AND external_id = %(ref)s"
        return fetch_one(Activity, _ACTIVITY + named + _LOCKS[lock], program_id=program_id, ref=ref.external_id)
    return fetch_one(Activity, _ACTIVITY + " AND id = %(ref)s" + _LOCKS[lock], program_id=program_id, ref=ref)


def activities_by_id(program_id: UUID, ids: Collection[UUID], *, lock: str | None = None) -> dict[UUID, Activity]:
    """In id order, so that two who lock several cannot deadlock."""
    statement: LiteralString = _ACTIVITY + " AND id = ANY(%(ids)s::uuid[]) ORDER BY id" + _LOCKS[lock]
    return {row.id: row for row in fetch_all(Activity, statement, program_id=program_id, ids=list(ids))}


def running(program_id: UUID, kinds: Sequence[str], *, lock: str | None = None) -> list[Activity]:
    """Those that run, in id order."""
    statement: LiteralString = _ACTIVITY + " AND status = 'running' AND kind = ANY(%(kinds)s) ORDER BY id"
    return fetch_all(Activity, statement + _LOCKS[lock], program_id=program_id, kinds=list(kinds))


# only the filters that are given: a statement for all of them together would be planned for none
_FILTERS: dict[str, LiteralString] = {
    "kind": " AND kind = %(kind)s",
    "status": " AND status = %(status)s",
    "statuses": " AND status = ANY(%(statuses)s)",
    "group_id": " AND %(group_id)s = ANY(group_ids)",
    "before": " AND id < %(before)s",
}


def activities_where(program_id: UUID, given: dict[str, Any], most: int) -> list[Activity]:
    """Newest first."""
    conditions: LiteralString = "".join([_FILTERS[name] for name in given])
    return fetch_all(
        Activity, _ACTIVITY + conditions + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given
    )


class Part(NamedTuple):
    """One row of `activity_participations` without program_id."""

    id: UUID
    activity_id: UUID
    member_id: UUID
    occasion: str
    status: str
    reason: str | None
    day: date
    happened_at: datetime
    team_id: UUID | None
    order_id: UUID | None
    order_external_id: str | None
    invited_id: UUID | None
    content_id: str | None
    option: str | None
    body: str | None
    value: int | None
    reported: dict[str, int] | None
    reached_at: datetime | None
    expires_at: datetime | None
    created_at: datetime


_PART: LiteralString = """
    SELECT id, activity_id, member_id, occasion, status, reason, day, happened_at, team_id, order_id,
           order_external_id, invited_id, content_id, option, body, value, reported, reached_at, expires_at, created_at
    FROM activity_participations WHERE program_id = %(program_id)s"""
_PART_FILTERS: dict[str, LiteralString] = {
    "activity_id": " AND activity_id = %(activity_id)s",
    "member_id": " AND member_id = %(member_id)s",
    "status": " AND status = %(status)s",
    "team_id": " AND team_id = %(team_id)s",
    "before": " AND id < %(before)s",
}


def part(program_id: UUID, activity_id: UUID, part_id: UUID, *, lock: bool = False) -> Part | None:
    statement: LiteralString = _PART + " AND activity_id = %(activity_id)s AND id = %(id)s"
    return fetch_one(
        Part, statement + (" FOR UPDATE" if lock else ""), program_id=program_id, activity_id=activity_id, id=part_id
    )  # fmt: skip


def part_of_occasion(program_id: UUID, activity_id: UUID, member_id: UUID, occasion: str) -> Part | None:
    return fetch_one(
        Part,
        _PART + " AND activity_id = %(activity_id)s AND member_id = %(member_id)s AND occasion = %(occasion)s",
        program_id=program_id, activity_id=activity_id, member_id=member_id, occasion=occasion,
    )  # fmt: skip


def parts_where(program_id: UUID, given: dict[str, Any], most: int) -> list[Part]:
    """Newest first."""
    conditions: LiteralString = "".join([_PART_FILTERS[name] for name in given])
    return fetch_all(
        Part, _PART + conditions + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given
    )


def parts_by_id(program_id: UUID, ids: Collection[UUID], *, lock: bool = False) -> list[Part]:
    """In id order."""
    statement: LiteralString = _PART + " AND id = ANY(%(ids)s::uuid[]) ORDER BY id"
    return fetch_all(Part, statement + (" FOR UPDATE" if lock else ""), program_id=program_id, ids=list(ids))


class Team(NamedTuple):
    """One row of `activity_teams` without program_id."""

    id: UUID
    activity_id: UUID
    leader_id: UUID
    size: int
    seats_left: int
    confirmed: int
    status: str
    opened_at: datetime
    expires_at: datetime
    ended_at: datetime | None


_TEAM: LiteralString = """
    SELECT id, activity_id, leader_id, size, seats_left, confirmed, status, opened_at, expires_at, ended_at
    FROM activity_teams WHERE program_id = %(program_id)s"""
_TEAM_FILTERS: dict[str, LiteralString] = {
    "activity_id": " AND activity_id = %(activity_id)s",
    "status": " AND status = %(status)s",
    "before": " AND id < %(before)s",
}


def teams_where(program_id: UUID, given: dict[str, Any], most: int) -> list[Team]:
    """Newest first."""
    conditions: LiteralString = "".join([_TEAM_FILTERS[name] for name in given])
    return fetch_all(
        Team, _TEAM + conditions + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given
    )


def teams_by_id(program_id: UUID, ids: Collection[UUID], *, lock: bool = False) -> dict[UUID, Team]:
    """In id order."""
    statement: LiteralString = _TEAM + " AND id = ANY(%(ids)s::uuid[]) ORDER BY id"
    rows = fetch_all(Team, statement + (" FOR UPDATE" if lock else ""), program_id=program_id, ids=list(ids))
    return {row.id: row for row in rows}


class Reward(NamedTuple):
    """One row of `activity_rewards` without program_id."""

    id: UUID
    activity_id: UUID
    member_id: UUID
    occasion: str
    kind: str
    amount: int | None
    coupon_id: UUID | None
    status: str
    reason: str | None
    paid_at: datetime | None
    created_at: datetime


_REWARD: LiteralString = """
    SELECT id, activity_id, member_id, occasion, kind, amount, coupon_id, status, reason, paid_at, created_at
    FROM activity_rewards WHERE program_id = %(program_id)s"""


def rewards_where(program_id: UUID, given: dict[str, Any], most: int) -> list[Reward]:
    """Newest first."""
    conditions: LiteralString = "".join([_PART_FILTERS[name] for name in given])
    return fetch_all(
        Reward, _REWARD + conditions + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given
    )


_OPEN_REWARDS: LiteralString = " AND status IN ('due', 'reclaim')"


def first_open_reward(program_id: UUID) -> Reward | None:
    """The next to be given or taken back that nobody else holds."""
    statement: LiteralString = _REWARD + _OPEN_REWARDS + " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
    return fetch_one(Reward, statement, program_id=program_id)


def alike_open_rewards(program_id: UUID, like: Reward, most: int) -> list[Reward]:
    """Open rewards of the same kind, coupon and status, oldest first, locked; those that others hold are left out."""
    coupon: LiteralString = " AND coupon_id = %(coupon_id)s" if like.coupon_id else ""
    statement: LiteralString = (
        _REWARD + _OPEN_REWARDS + " AND status = %(status)s AND kind = %(kind)s" + coupon
        + " ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED"
    )  # fmt: skip
    return fetch_all(
        Reward, statement, program_id=program_id, status=like.status, kind=like.kind, coupon_id=like.coupon_id,
        most=most,
    )  # fmt: skip


def any_open_reward(program_id: UUID, activity_id: UUID | None = None) -> bool:
    of_activity: LiteralString = "" if activity_id is None else " AND activity_id = %(activity_id)s"
    statement: LiteralString = "SELECT EXISTS (" + _REWARD + _OPEN_REWARDS + of_activity + ")"
    return bool(scalar(statement, program_id=program_id, activity_id=activity_id))


def any_held(program_id: UUID, activity_id: UUID | None = None) -> bool:
    of_activity: LiteralString = "" if activity_id is None else " AND activity_id = %(activity_id)s"
    statement: LiteralString = "SELECT EXISTS (" + _PART + " AND status = 'held'" + of_activity + ")"
    return bool(scalar(statement, program_id=program_id, activity_id=activity_id))


class Tally(NamedTuple):
    """How many of something."""

    name: str
    number: int


class Given(NamedTuple):
    """Rewards of one status, and what the paid ones come to."""

    status: str
    number: int
    amount: int


def participations_by_status(program_id: UUID, activity_id: UUID) -> list[Tally]:
    return fetch_all(
        Tally,
        """SELECT status, count(*) FROM activity_participations
           WHERE program_id = %(program_id)s AND activity_id = %(activity_id)s GROUP BY status ORDER BY status""",
        program_id=program_id, activity_id=activity_id,
    )  # fmt: skip


def member_count(program_id: UUID, activity_id: UUID) -> int:
    found: int = scalar(
        "SELECT count(*) FROM activity_members WHERE program_id = %(program_id)s AND activity_id = %(activity_id)s",
        program_id=program_id, activity_id=activity_id,
    )  # fmt: skip
    return found


def rewards_by_status(program_id: UUID, activity_id: UUID) -> list[Given]:
    return fetch_all(
        Given,
        """SELECT status, count(*), coalesce(sum(amount) FILTER (WHERE status = 'paid'), 0)::bigint
           FROM activity_rewards WHERE program_id = %(program_id)s AND activity_id = %(activity_id)s
           GROUP BY status ORDER BY status""",
        program_id=program_id, activity_id=activity_id,
    )  # fmt: skip


def teams_by_status(program_id: UUID, activity_id: UUID) -> list[Tally]:
    return fetch_all(
        Tally,
        """SELECT status, count(*) FROM activity_teams
           WHERE program_id = %(program_id)s AND activity_id = %(activity_id)s GROUP BY status ORDER BY status""",
        program_id=program_id, activity_id=activity_id,
    )  # fmt: skip


def votes(program_id: UUID, activity_id: UUID) -> list[Tally]:
    return fetch_all(
        Tally,
        """SELECT option, count(*) FROM activity_participations
           WHERE program_id = %(program_id)s AND activity_id = %(activity_id)s AND option IS NOT NULL
           GROUP BY option ORDER BY option""",
        program_id=program_id, activity_id=activity_id,
    )  # fmt: skip


class _Window(NamedTuple):
    starts_at: datetime
    ends_at: datetime
    multiplier_bps: int


def member_days(program_id: UUID, first: datetime, last: datetime) -> list[tuple[datetime, datetime, int]]:
    """Windows and multipliers of the member days that touch a time, ended ones too; drafts and canceled ones not."""
    rows = fetch_all(
        _Window,
        """SELECT starts_at, ends_at, (goal->>'multiplier_bps')::int FROM activities
           WHERE program_id = %(program_id)s AND kind = 'member_day'
             AND status IN ('scheduled', 'running', 'settling', 'settled')
             AND starts_at <= %(last)s AND ends_at > %(first)s""",
        program_id=program_id, first=first, last=last,
    )  # fmt: skip
    return [(row.starts_at, row.ends_at, row.multiplier_bps) for row in rows]


class Mine(NamedTuple):
    """What a member has done and got in an activity."""

    activity_id: UUID
    counted: int
    paid: int
    due: int


def mine(program_id: UUID, member_id: UUID, activity_ids: Collection[UUID]) -> dict[UUID, Mine]:
    rows = fetch_all(
        Mine,
        """SELECT g.id,
             (SELECT count(*) FROM activity_participations p WHERE p.program_id = %(p)s AND p.activity_id = g.id
              AND p.member_id = %(member_id)s AND p.status IN ('counted', 'winner')),
             (SELECT count(*) FROM activity_rewards r WHERE r.program_id = %(p)s AND r.activity_id = g.id
              AND r.member_id = %(member_id)s AND r.status = 'paid'),
             (SELECT count(*) FROM activity_rewards r WHERE r.program_id = %(p)s AND r.activity_id = g.id
              AND r.member_id = %(member_id)s AND r.status = 'due')
           FROM unnest(%(ids)s::uuid[]) AS g (id)""",
        p=program_id, member_id=member_id, ids=list(activity_ids),
    )  # fmt: skip
    return {row.activity_id: row for row in rows}
