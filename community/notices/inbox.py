"""The members' inbox: facts, which become words when somebody reads them. Callers hold the transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from community.notices.models import NoticeRow
from community.notices.notice import Notice
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all, scalar
from core.ids import first_id_at, new_id

KEPT = timedelta(days=180)
MOST_COUNTED = 1_000  # unread ones beyond are not counted
_PRUNED = 5_000


class InboxNotice(NamedTuple):
    """One row of `notices` without program_id."""

    id: UUID
    member_id: UUID
    key: str
    topic: str
    facts: dict[str, Any]
    happened_at: datetime
    read_at: datetime | None
    created_at: datetime


class _Row(NamedTuple):
    id: UUID
    member_id: UUID
    key: str
    topic: str
    facts: dict[str, Any]
    happened_at: datetime
    created_at: datetime


def keep(program_id: UUID, told: Sequence[tuple[UUID, Notice]]) -> int:
    """Put notices into their members' inboxes, in one statement; how many are new."""
    at = now()
    rows = [
        _Row(new_id(), member_id, one.key, one.topic, one.facts, one.happened_at, at) for member_id, one in told
    ]  # fmt: skip
    # by key, so that two who tell the same cannot deadlock; the order in an inbox is that of the ids
    rows.sort(key=lambda row: (row.member_id, row.key))
    return len(insert_rows(NoticeRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="id"))


_NOTICE: LiteralString = """SELECT id, member_id, key, topic, facts, happened_at, read_at, created_at
FROM notices WHERE program_id = %(program_id)s"""
# only the filters that are given: a statement for all of them together would be planned for none
_FILTERS: dict[str, LiteralString] = {
    "member_id": " AND member_id = %(member_id)s",
    "topic": " AND topic = %(topic)s",
    "before": " AND id < %(before)s",
}
_UNREAD: dict[bool, LiteralString] = {True: " AND read_at IS NULL", False: " AND read_at IS NOT NULL"}


def notices_of(
    program_id: UUID, member_id: UUID | None, *, topic: str | None, unread: bool | None, before: UUID | None, most: int
) -> list[InboxNotice]:
    """Newest first; of one member, or of all."""
    given = {"member_id": member_id, "topic": topic, "before": before}
    statement: LiteralString = _NOTICE + "".join([_FILTERS[name] for name in given if given[name] is not None])
    if unread is not None:
        statement += _UNREAD[unread]
    return fetch_all(
        InboxNotice, statement + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given
    )  # fmt: skip


def find_notice(program_id: UUID, notice_id: UUID) -> InboxNotice | None:
    """A notice of any member."""
    found = fetch_all(InboxNotice, _NOTICE + " AND id = %(id)s", program_id=program_id, id=notice_id)
    return found[0] if found else None


def unread_count(program_id: UUID, member_id: UUID) -> int:
    """His unread notices, counted up to MOST_COUNTED."""
    counted: int = scalar(
        """SELECT count(*) FROM (
             SELECT FROM notices WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND read_at IS NULL
             LIMIT %(most)s) AS unread""",
        program_id=program_id, member_id=member_id, most=MOST_COUNTED,
    )  # fmt: skip
    return counted


_READ: LiteralString = """UPDATE notices SET read_at = %(at)s
WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND read_at IS NULL"""


def mark_read(program_id: UUID, member_id: UUID, ids: Collection[UUID] | None, up_to: UUID | None) -> int:
    """Read these, or all up to one; how many were not yet. Ids that are not his have no effect."""
    chosen: LiteralString = " AND id = ANY(%(ids)s::uuid[])" if ids is not None else " AND id <= %(up_to)s"
    return execute(
        _READ + chosen, program_id=program_id, member_id=member_id, ids=list(ids or ()), up_to=up_to, at=now()
    )


def any_old(program_id: UUID) -> bool:
    """Whether there is something to forget."""
    return bool(
        scalar(
            "SELECT EXISTS (SELECT FROM notices WHERE program_id = %(program_id)s AND id < %(before)s)",
            program_id=program_id, before=first_id_at(now() - KEPT),
        )
    )  # fmt: skip


def prune(program_id: UUID) -> bool:
    """Forget one turn of what is older than KEPT; whether there may be more."""
    gone = execute(
        """WITH old AS MATERIALIZED (
             SELECT id FROM notices WHERE program_id = %(program_id)s AND id < %(before)s ORDER BY id LIMIT %(most)s)
           DELETE FROM notices n USING old WHERE n.program_id = %(program_id)s AND n.id = old.id""",
        program_id=program_id, before=first_id_at(now() - KEPT), most=_PRUNED,
    )  # fmt: skip
    return gone == _PRUNED
