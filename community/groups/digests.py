"""Digests: what a day brought, told to a group once. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from community.boards.service import DaySums, day_sums
from community.groups.errors import GroupInOtherState
from community.groups.metrics import POSTS
from community.groups.models import GroupDigestRow
from community.groups.queries import Group
from community.groups.rules import NOON, Scope, Status, Times, instant_of
from community.groups.service import group_keys, groups_of
from community.notices.service import Notice, tell
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import day_of, now
from core.db import execute, fetch_all, fetch_one, scalar
from core.errors import Invalid
from coupons.traffic.service import WHOLE_PROGRAM, Asked, stats_of

FRESH = timedelta(hours=2)
"""How late a digest may be: after an outage yesterday's is left out. Staff can still send it."""

MOST = 100
MOST_ROWS = 5


class Digest(NamedTuple):
    """The digest of a day. `text` is None where nothing was said of it, or it names somebody who was erased."""

    group_id: UUID
    day: date
    text: str | None
    made_at: datetime


def make_digest(program: Program, group: Group, day: date) -> tuple[Digest, bool]:
    """Tell a group what a day of the program brought, and whether this call did: each day is told once.

    Raises:
        GroupInOtherState: it is paused or has ended.
        Invalid: the day has not begun.
    """
    at = now()
    if day > day_of(at, program.settings.timezone):
        raise Invalid.at("/day", "It has not begun.")
    standing = digest_of(program.id, group.id, day)
    if standing is not None:
        return standing, False
    if group.status != Status.ACTIVE:
        raise GroupInOtherState(status_now=group.status)
    told = bool(_tell(program, [(group, day)], at))
    digest = digest_of(program.id, group.id, day)
    if digest is None:
        raise AssertionError("a digest was neither made nor there")
    return digest, told


class _Row(NamedTuple):
    group_id: UUID
    day: date
    made_at: datetime


def _tell(program: Program, wanted: Sequence[tuple[Group, date]], at: datetime) -> list[UUID]:
    """Tell those that were not told; which groups these are. The rows decide who tells, whoever comes at once."""
    rows = [_Row(group.id, day, at) for group, day in sorted(wanted, key=lambda one: one[0].id)]
    new = insert_rows(
        GroupDigestRow, rows, program_id=program.id, on_conflict="DO NOTHING", returning="group_id"
    )  # fmt: skip
    made = {group_id for (group_id,) in new}
    known: dict[tuple[date, tuple[str, ...]], dict[str, Any]] = {}
    notices = [_notice(program, group, day, at, known) for group, day in wanted if group.id in made]
    tell(program, notices)
    return sorted(made)


def _notice(
    program: Program, group: Group, day: date, at: datetime, known: dict[tuple[date, tuple[str, ...]], dict[str, Any]]
) -> Notice:  # fmt: skip
    # groups that hear of the whole program share its figures
    scopes = () if group.scope == Scope.PROGRAM else tuple(sorted(group_keys(group)))
    if (day, scopes) not in known:
        known[day, scopes] = _facts(program, group, day, scopes)
    key = f"digest:{group.id}:{day}"
    return Notice("digest", key, known[day, scopes], at, group_ids=[group.id], asked_for=True)


def _facts(program: Program, group: Group, day: date, scopes: tuple[str, ...]) -> dict[str, Any]:
    """As the topic's templates read them. Without scopes those of the whole program, else the group's."""
    sums = day_sums(program.id, day, scopes or None, MOST_ROWS)
    return {
        "day": day.isoformat(),
        "orders": sums.totals.orders,
        "sales": sums.totals.sales,
        "commission": sums.totals.commission,
        "new_members": _joined(program, group, day) if scopes else sums.totals.new_members,
        "clicks": _clicks(program, day, scopes),
        **_lists(sums),
    }


def _lists(sums: DaySums) -> dict[str, Any]:
    return {
        "top": [
            {"rank": one.rank, "member_id": str(one.member_id), "amount": one.value} for one in sums.top_sellers
        ],
        "products": [{"name": one.name or one.sku, "count": one.quantity} for one in sums.hot_products],
        "coupons": [{"name": one.name, "left": one.total_quantity} for one in sums.new_coupons],
    }  # fmt: skip


def _joined(program: Program, group: Group, day: date) -> int:
    """Who joined the group on a day of the program and is there still."""
    timezone = program.settings.timezone
    found: int = scalar(
        """SELECT count(*) FROM group_members WHERE program_id = %(p)s AND group_id = %(group_id)s
             AND left_at IS NULL AND joined_at >= %(since)s AND joined_at < %(until)s""",
        p=program.id, group_id=group.id, since=instant_of(day, 0, timezone),
        until=instant_of(day + timedelta(days=1), 0, timezone),
    )  # fmt: skip
    return found


def _clicks(program: Program, day: date, scopes: tuple[str, ...]) -> int:
    asked = Asked(day, day)
    if not scopes:
        return stats_of(program, WHOLE_PROGRAM, "", "day", asked).totals.clicks
    return sum(stats_of(program, "group", key, "day", asked).totals.clicks for key in scopes)


def digest_of(program_id: UUID, group_id: UUID, day: date) -> Digest | None:
    """What was told of a day."""
    return fetch_one(
        Digest,
        """SELECT d.group_id, d.day, nullif(m.text, ''), d.made_at FROM group_digests d
           LEFT JOIN messages m ON m.program_id = d.program_id AND m.key = %(key)s
           WHERE d.program_id = %(p)s AND d.group_id = %(group_id)s AND d.day = %(day)s""",
        p=program_id, group_id=group_id, day=day, key=f"digest:{group_id}:{day}@{group_id}",
    )  # fmt: skip


class _Due(NamedTuple):
    group_id: UUID
    due_at: datetime


def any_due(program_id: UUID) -> bool:
    """Whether a digest is to be told."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT FROM groups WHERE program_id = %(p)s AND next_digest_at <= %(at)s
                              AND status = 'active')""",
            p=program_id, at=now(),
        )
    )  # fmt: skip


def tell_due(program: Program, most: int = MOST) -> int:
    """Tell the digests that are due and move the groups on to their next; how many groups it were.

    The rows are moved in the transaction that tells: a death in between undoes both. Rows that somebody else has are
    left to him.
    """
    at = now()
    due = fetch_all(
        _Due,
        """SELECT id, next_digest_at FROM groups
           WHERE program_id = %(p)s AND next_digest_at <= %(at)s AND status = 'active'
           ORDER BY next_digest_at, id LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED""",
        p=program.id, at=at, most=most,
    )  # fmt: skip
    groups = {one.id: one for one in groups_of(program.id, [one.group_id for one in due])}
    _move_on(program.id, [groups[one.group_id] for one in due], at)
    fresh = [one for one in due if at - one.due_at <= FRESH]
    _tell(program, [(groups[one.group_id], day_told(program, groups[one.group_id], one.due_at)) for one in fresh], at)
    POSTS.labels("digest", "posted").inc(len(fresh))
    return len(due)


def day_told(program: Program, group: Group, due_at: datetime) -> date:
    """Which day of the program a digest tells of: from noon on the present one, before noon the one that is over."""
    day = day_of(due_at, program.settings.timezone)
    early = group.digest_minute is not None and group.digest_minute < NOON
    return day - timedelta(days=1) if early else day


def _move_on(program_id: UUID, groups: Sequence[Group], at: datetime) -> None:
    following = [
        None if group.digest_minute is None else Times(group.digest_minute, group.timezone).next_after(at)
        for group in groups
    ]
    execute(
        """UPDATE groups g SET next_digest_at = t.next_at
           FROM unnest(%(ids)s::uuid[], %(next)s::timestamptz[]) AS t (id, next_at)
           WHERE g.program_id = %(p)s AND g.id = t.id""",
        p=program_id, ids=[group.id for group in groups], next=following,
    )  # fmt: skip
