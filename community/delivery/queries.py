"""Reads of what waits, what is under way and what was said. Every one names the program first."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from core.db import fetch_all, scalar, scalars


def id_array(ids: Iterable[UUID | None]) -> str:
    """Ids as one array, written several times faster than each by itself."""
    return "{" + ",".join(["NULL" if one is None else one.hex for one in ids]) + "}"


MOST_READ = 500  # waiting messages of one lane that are looked at together: what is behind them waits for the next turn

# of groups that may hear something: a message that is due and a lane that is free for its priority
_READY: LiteralString = """
    SELECT m.group_id, l.group_id IS NULL FROM (
        SELECT group_id, min(priority) AS priority, min(due_at) AS due_at FROM messages
        WHERE program_id = %(program_id)s AND status = 'waiting' AND due_at <= %(at)s GROUP BY group_id) m
      JOIN groups g ON g.program_id = %(program_id)s AND g.id = m.group_id AND g.status = 'active'
      LEFT JOIN lanes l ON l.program_id = %(program_id)s AND l.group_id = m.group_id
    WHERE l.group_id IS NULL
       OR (l.dispatch_id IS NULL AND l.free_at <= %(at)s AND (m.priority = 0 OR l.news_at <= %(at)s))"""
_UNSETTLED: LiteralString = """
    SELECT group_id, false FROM lanes
    WHERE program_id = %(program_id)s AND dispatch_id IS NOT NULL AND free_at <= %(at)s"""


class Ready(NamedTuple):
    """A group whose sender would find something."""

    group_id: UUID
    is_new: bool  # it has no lane yet


def ready_groups(program_id: UUID, at: datetime, most: int) -> list[Ready]:
    """Groups whose sender died or tries again, then those with something to hear: money first, then the oldest."""
    given = {"program_id": program_id, "at": at, "most": most}
    unsettled = fetch_all(Ready, _UNSETTLED + " ORDER BY free_at LIMIT %(most)s", **given)
    return unsettled + fetch_all(Ready, _READY + " ORDER BY m.priority, m.due_at LIMIT %(most)s", **given)


def has_ready(program_id: UUID, at: datetime) -> bool:
    """Whether a sender would find anything."""
    return bool(
        scalar(
            f"SELECT EXISTS ({_UNSETTLED}) OR EXISTS ({_READY})",
            program_id=program_id, at=at,
        )
    )  # fmt: skip


class Lane(NamedTuple):
    """A lane as its sender finds it, locked."""

    group_id: UUID
    turn: int
    recent: list[int]
    failures: int
    dispatch_id: UUID | None


def locked_lanes(program_id: UUID, group_ids: Sequence[UUID], at: datetime, most: int) -> list[Lane]:
    """The first of these lanes that are free and that nobody else looks at."""
    return fetch_all(
        Lane,
        """SELECT l.group_id, l.turn, l.recent, l.failures, l.dispatch_id
           FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS wanted (id, place)
             JOIN lanes l ON l.program_id = %(program_id)s AND l.group_id = wanted.id
           WHERE l.free_at <= %(at)s
           ORDER BY wanted.place LIMIT %(most)s FOR UPDATE OF l SKIP LOCKED""",
        program_id=program_id, ids=id_array(group_ids), at=at, most=most,
    )  # fmt: skip


class SharedLane(NamedTuple):
    """A lane that several groups share, locked."""

    name: str
    recent: list[int]


_SHARED: LiteralString = """
    SELECT name, recent FROM shared_lanes
    WHERE program_id = %(program_id)s AND name = ANY(%(names)s::text[]) ORDER BY name FOR UPDATE"""


def locked_shared_lanes(program_id: UUID, names: Collection[str], *, wait: bool) -> list[SharedLane]:
    """In the order of their names. Without `wait` those that somebody else looks at are left out."""
    statement = _SHARED if wait else _SHARED + " SKIP LOCKED"
    return fetch_all(SharedLane, statement, program_id=program_id, names=list(names))


class WaitingMessage(NamedTuple):
    """A message of a lane that is due."""

    group_id: UUID
    id: UUID
    priority: int
    text: str
    markdown: str | None
    image_hash: bytes | None
    fold_key: str | None
    summary: str | None
    language: str
    ignores_quiet: bool
    expires_at: datetime


def waiting_messages(program_id: UUID, group_ids: Collection[UUID], at: datetime) -> list[WaitingMessage]:
    """What is due in these groups, each group's in its order, locked: nobody takes it back any more.

    Two statements: rows that were taken back between them are not among those that are locked.
    """
    found = fetch_all(
        WaitingMessage,
        """SELECT m.* FROM unnest(%(ids)s::uuid[]) AS lane (id) CROSS JOIN LATERAL (
             SELECT group_id, id, priority, text, markdown, image_hash, fold_key, summary, language, ignores_quiet,
                    expires_at
             FROM messages
             WHERE program_id = %(program_id)s AND group_id = lane.id AND status = 'waiting' AND due_at <= %(at)s
             ORDER BY priority, id LIMIT %(most)s) m""",
        program_id=program_id, ids=id_array(group_ids), at=at, most=MOST_READ,
    )  # fmt: skip
    held = set(
        scalars(
            """SELECT id FROM messages
               WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) AND status = 'waiting'
               ORDER BY id FOR UPDATE""",
            program_id=program_id, ids=id_array([one.id for one in found]),
        )
    )  # fmt: skip
    return [one for one in found if one.id in held]


class Dispatch(NamedTuple):
    """A try whose outcome is not settled."""

    id: UUID
    group_id: UUID
    key: str
    number: int
    priority: int
    messages: int
    text: str
    markdown: str | None
    image_hash: bytes | None
    status: str  # sending: its sender died | unknown: to be made again


def dispatches(program_id: UUID, ids: Collection[UUID]) -> list[Dispatch]:
    return fetch_all(
        Dispatch,
        """SELECT id, group_id, key, number, priority, messages, text, markdown, image_hash, status FROM dispatches
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=list(ids),
    )  # fmt: skip


class _Image(NamedTuple):
    hash: bytes
    content: bytes


def images(program_id: UUID, hashes: Collection[bytes]) -> dict[bytes, bytes]:
    """Pictures by their hashes."""
    if not hashes:
        return {}
    rows = fetch_all(
        _Image,
        """SELECT hash, content FROM message_images
           WHERE program_id = %(program_id)s AND hash = ANY(%(hashes)s::bytea[])""",
        program_id=program_id, hashes=list(hashes),
    )  # fmt: skip
    return dict(rows)
