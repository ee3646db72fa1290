"""The log of what groups were told, with every try. Reads; and putting a message that did not arrive back to work."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from community.delivery.errors import MessageInOtherState, MessageNotFound
from community.delivery.rules import KEPT_WAITING, RESENDABLE
from community.delivery.waking import wake
from core.clock import now
from core.db import execute, fetch_all


class Tried(NamedTuple):
    """A try to give it to the platform, as part of a message that may have had other parts."""

    id: UUID
    number: int
    status: str
    reason: str | None
    reference: str | None
    messages: int
    text: str
    started_at: datetime
    finished_at: datetime | None


class LoggedMessage(NamedTuple):
    """A message and its tries, the first one first."""

    id: UUID
    group_id: UUID
    key: str
    topic: str
    priority: int
    text: str
    status: str
    folded: bool
    due_at: datetime
    expires_at: datetime
    status_at: datetime
    created_at: datetime
    attempts: Sequence[Tried]


class _Row(NamedTuple):
    id: UUID
    group_id: UUID
    key: str
    topic: str
    priority: int
    text: str
    status: str
    folded: bool
    due_at: datetime
    expires_at: datetime
    status_at: datetime
    created_at: datetime
    dispatch_ids: list[UUID]


_COLUMNS: LiteralString = """
    SELECT id, group_id, key, topic, priority, text, status, folded, due_at, expires_at, status_at, created_at,
           array_remove(earlier_dispatch_ids || dispatch_id, NULL)
    FROM messages WHERE program_id = %(program_id)s"""
# only the filters that are given: a statement for all of them together would be planned for none
_CONDITIONS: dict[str, LiteralString] = {
    "id": " AND id = %(id)s",
    "group_id": " AND group_id = %(group_id)s",
    "status": " AND status = %(status)s",
    "topic": " AND topic = %(topic)s",
    "before": " AND id < %(before)s",
}


def log_of(
    program_id: UUID, *, group_id: UUID | None = None, status: str | None = None, topic: str | None = None,
    before: UUID | None = None, most: int = 50,
) -> list[LoggedMessage]:  # fmt: skip
    """Messages that meet every given filter, the newest first."""
    return _messages(program_id, most, group_id=group_id, status=status, topic=topic, before=before)


def message_of(program_id: UUID, message_id: UUID) -> LoggedMessage:
    """Raises: MessageNotFound."""
    found = _messages(program_id, 1, id=message_id)
    if not found:
        raise MessageNotFound()
    return found[0]


def _messages(program_id: UUID, most: int, **filters: Any) -> list[LoggedMessage]:
    given = {name: value for name, value in filters.items() if value is not None}
    statement: LiteralString = _COLUMNS + "".join([_CONDITIONS[name] for name in given])
    rows = fetch_all(
        _Row, statement + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given
    )  # fmt: skip
    tries = _tries(program_id, rows)
    return [LoggedMessage(*row[:-1], tries[row.id]) for row in rows]


def _tries(program_id: UUID, rows: Sequence[_Row]) -> dict[UUID, list[Tried]]:
    wanted = {one for row in rows for one in row.dispatch_ids}
    found = fetch_all(
        Tried,
        """SELECT id, number, status, reason, reference, messages, text, started_at, finished_at FROM dispatches
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=list(wanted),
    )  # fmt: skip
    by_id = {one.id: one for one in found}
    tries: dict[UUID, list[Tried]] = defaultdict(list)
    for row in rows:
        tries[row.id] = [by_id[one] for one in row.dispatch_ids if one in by_id]
    return tries


def resend(program_id: UUID, message_id: UUID) -> LoggedMessage:
    """Let a message that did not arrive, or may not have, wait to be said once more; it keeps its place in the order.

    Raises:
        MessageNotFound: no such message in the program.
        MessageInOtherState: it waits, is said or taken back, or its text was blanked.
    """
    message_of(program_id, message_id)
    at = now()
    moved = execute(
        """UPDATE messages SET status = 'waiting', status_at = %(at)s, due_at = %(at)s, expires_at = %(until)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = ANY(%(from)s::text[]) AND text <> ''""",
        program_id=program_id, id=message_id, at=at, until=at + KEPT_WAITING,
        **{"from": [status.value for status in RESENDABLE]},
    )  # fmt: skip
    if not moved:
        raise MessageInOtherState()
    wake(program_id)
    return message_of(program_id, message_id)
