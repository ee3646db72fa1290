"""What was told to anybody: groups' lines from delivery's log, members' from their inboxes, as one list."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from community.delivery import service as delivery
from community.delivery.service import LoggedMessage
from community.notices.errors import NoticeNotFound
from community.notices.inbox import find_notice, notices_of
from community.notices.pushing import PushTry, pushes_of
from community.notices.reading import ReadNotice, in_words
from core.auth.actor import Program

IN_INBOX = "sent"
"""The status of everything that lies in an inbox."""


class Attempt(NamedTuple):
    """A try to say it: to a group's platform, or by a subscribe message."""

    channel: str  # group | mini_program
    status: str
    reason: str | None
    at: datetime


class LoggedNotice(NamedTuple):
    """Something told to one group or one member."""

    id: UUID
    topic: str
    text: str
    status: str
    group_id: UUID | None
    member_id: UUID | None
    created_at: datetime
    read_at: datetime | None
    attempts: Sequence[Attempt]


def logged_notices(
    program: Program, *, group_id: UUID | None, member_id: UUID | None, status: str | None, topic: str | None,
    before: UUID | None, most: int,
) -> list[LoggedNotice]:  # fmt: skip
    """Newest first. A group's, a member's, or everybody's."""
    found: list[LoggedNotice] = []
    if member_id is None:
        told = delivery.log_of(program.id, group_id=group_id, status=status, topic=topic, before=before, most=most)
        found += map(_of_group, told)
    if group_id is None and status in (None, IN_INBOX):
        rows = notices_of(program.id, member_id, topic=topic, unread=None, before=before, most=most)
        found += _of_members(program, in_words(program, rows))
    return sorted(found, key=lambda one: one.id, reverse=True)[:most]


def logged_notice(program: Program, notice_id: UUID) -> LoggedNotice:
    """Raises: NoticeNotFound."""
    row = find_notice(program.id, notice_id)
    if row is not None:
        return _of_members(program, in_words(program, [row]))[0]
    behind = UUID(int=min(notice_id.int + 1, (1 << 128) - 1))
    newest = delivery.log_of(program.id, before=behind, most=1)
    if not newest or newest[0].id != notice_id:
        raise NoticeNotFound()
    return _of_group(newest[0])


def _of_group(message: LoggedMessage) -> LoggedNotice:
    tries = [Attempt("group", one.status, one.reason, one.started_at) for one in message.attempts]
    return LoggedNotice(
        message.id, message.topic, message.text, message.status, message.group_id, None, message.created_at, None, tries
    )


def _of_members(program: Program, read: Sequence[ReadNotice]) -> list[LoggedNotice]:
    pushes = pushes_of(program.id, [(one.notice.member_id, one.notice.key) for one in read])
    return [_of_member(one, pushes.get((one.notice.member_id, one.notice.key))) for one in read]


def _of_member(read: ReadNotice, push: PushTry | None) -> LoggedNotice:
    notice = read.notice
    tries = [] if push is None else [Attempt("mini_program", push.status, push.reason, push.at)]
    return LoggedNotice(
        notice.id, notice.topic, read.text, IN_INBOX, None, notice.member_id, notice.created_at, notice.read_at, tries
    )
