"""What others ask of delivery: say this in that group. Callers hold the transaction; nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from community.delivery.log import LoggedMessage, log_of
from community.delivery.models import MessageImageRow, MessageRow
from community.delivery.rules import KEPT_WAITING, MONEY, NEWS
from community.delivery.waking import wake
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, scalars
from core.ids import new_id

__all__ = ["MONEY", "NEWS", "LoggedMessage", "Outgoing", "cancel", "enqueue", "log_of"]


class Outgoing(NamedTuple):
    """What one group shall be told. Texts are complete and escaped for their form; nothing is rendered here.

    Messages with the same `fold_key` that wait together go out as one, the first lines written out and the rest
    counted by `summary` ("… and {n} more"; in `language` when it is not given). One without `fold_key` stands alone.
    """

    group_id: UUID
    key: str  # unique in the program, for ever: the same key again is not said again
    topic: str
    priority: int  # 0 money … 9; a group's order is kept within a priority
    text: str
    markdown: str | None = None
    image: bytes | None = None  # PNG or JPEG
    fold_key: str | None = None
    summary: str | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None  # stale from then on; KEPT_WAITING after it may be said, unless given
    language: str = "zh"
    ignores_quiet: bool = False  # said in the group's quiet hours as well
    about: tuple[UUID, ...] = ()  # members whose names may be in the texts: they are blanked with the member


class _Row(NamedTuple):
    id: UUID
    group_id: UUID
    key: str
    topic: str
    priority: int
    text: str
    markdown: str | None
    image_hash: bytes | None
    fold_key: str | None
    summary: str | None
    language: str
    ignores_quiet: bool
    about: tuple[UUID, ...]
    due_at: datetime
    expires_at: datetime
    status: str
    status_at: datetime
    folded: bool
    earlier_dispatch_ids: tuple[UUID, ...]
    created_at: datetime


class _Image(NamedTuple):
    hash: bytes
    content: bytes
    used_at: datetime


def enqueue(program_id: UUID, messages: Sequence[Outgoing]) -> int:
    """Let groups be told, in the given order, after this transaction commits; how many are new.

    A few statements for any number; takes no lock that a sender or another caller waits for, but on equal keys.
    """
    at = now()
    rows = [_row(message, at) for message in messages]
    _keep_images(program_id, messages, at)
    # by key, so that two callers who say the same cannot deadlock; their order in the chat is that of their ids
    rows.sort(key=lambda row: row.key)
    new = insert_rows(MessageRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="id")
    if new:
        wake(program_id)
    return len(new)


def _row(message: Outgoing, at: datetime) -> _Row:
    due_at = message.not_before or at
    return _Row(
        id=new_id(), group_id=message.group_id, key=message.key, topic=message.topic, priority=message.priority,
        text=message.text, markdown=message.markdown,
        image_hash=sha256(message.image).digest() if message.image is not None else None,
        fold_key=message.fold_key, summary=message.summary, language=message.language,
        ignores_quiet=message.ignores_quiet, about=message.about, due_at=due_at,
        expires_at=message.expires_at or due_at + KEPT_WAITING, status="waiting", status_at=at, folded=False,
        earlier_dispatch_ids=(), created_at=at,
    )  # fmt: skip


def _keep_images(program_id: UUID, messages: Sequence[Outgoing], at: datetime) -> None:
    images = {sha256(one.image).digest(): one.image for one in messages if one.image is not None}
    rows = [_Image(hashed, content, at) for hashed, content in sorted(images.items())]
    insert_rows(
        MessageImageRow, rows, program_id=program_id,
        on_conflict="(program_id, hash) DO UPDATE SET used_at = excluded.used_at",
    )  # fmt: skip


def cancel(program_id: UUID, keys: Collection[str]) -> int:
    """Take back what waits; how many. What is under way or said is not touched."""
    # locked in id order, as the sender does
    ids = scalars(
        """SELECT id FROM messages
           WHERE program_id = %(program_id)s AND key = ANY(%(keys)s::text[]) AND status = 'waiting'
           ORDER BY id FOR UPDATE""",
        program_id=program_id, keys=list(keys),
    )  # fmt: skip
    return execute(
        """UPDATE messages SET status = 'canceled', status_at = %(at)s
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) AND status = 'waiting'""",
        program_id=program_id, ids=ids, at=now(),
    )  # fmt: skip
