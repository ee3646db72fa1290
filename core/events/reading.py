"""The log's order and its readers. Numbers are given after the commit, by one at a time: a reader who has seen a number
has seen all before it. Callers hold the transaction; nothing here commits.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from core.clock import now
from core.db import execute, fetch_all, scalar

MOST_NUMBERED = 5_000
MOST_READ = 1_000
KEPT = timedelta(days=30)


class NumberedEvent(NamedTuple):
    """An event at its place in the log."""

    seq: int
    id: UUID
    kind: str
    facts: dict[str, Any]
    happened_at: datetime
    created_at: datetime


def any_unnumbered(program_id: UUID) -> bool:
    """Whether events wait for their numbers."""
    return bool(
        scalar("SELECT EXISTS (SELECT FROM events WHERE program_id = %(p)s AND seq IS NULL)", p=program_id)
    )  # fmt: skip


def number_events(program_id: UUID, most: int = MOST_NUMBERED) -> int:
    """Give the next numbers, in the order of ids, to up to `most` events; how many it were. Locks the head."""
    execute(
        "INSERT INTO event_heads (program_id, seq) VALUES (%(p)s, 0) ON CONFLICT DO NOTHING", p=program_id
    )  # fmt: skip
    head = scalar("SELECT seq FROM event_heads WHERE program_id = %(p)s FOR UPDATE", p=program_id)
    numbered = execute(
        """WITH next AS MATERIALIZED (
             SELECT id, row_number() OVER (ORDER BY id) AS place FROM (
               SELECT id FROM events WHERE program_id = %(p)s AND seq IS NULL ORDER BY id LIMIT %(most)s) AS waiting)
           UPDATE events e SET seq = %(head)s + next.place FROM next
           WHERE e.program_id = %(p)s AND e.id = next.id""",
        p=program_id, head=head, most=most,
    )  # fmt: skip
    execute("UPDATE event_heads SET seq = %(seq)s WHERE program_id = %(p)s", p=program_id, seq=head + numbered)
    return numbered


def any_unread(program_id: UUID, consumer: str, kinds: Collection[str]) -> bool:
    """Whether the consumer has something to read."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT FROM events WHERE program_id = %(p)s AND kind = ANY(%(kinds)s)
                 AND seq > coalesce((SELECT seq FROM event_cursors
                                     WHERE program_id = %(p)s AND consumer = %(consumer)s), 0))""",
            p=program_id, consumer=consumer, kinds=list(kinds),
        )
    )  # fmt: skip


def take_unread(program_id: UUID, consumer: str, kinds: Collection[str], most: int = MOST_READ) -> list[NumberedEvent]:
    """The next events of these kinds, in order, with the cursor moved behind them. Locks the cursor.

    Whatever is done about them belongs into the same transaction: then it is done exactly once.
    """
    execute(
        "INSERT INTO event_cursors (program_id, consumer, seq) VALUES (%(p)s, %(consumer)s, 0) ON CONFLICT DO NOTHING",
        p=program_id, consumer=consumer,
    )  # fmt: skip
    cursor = scalar(
        "SELECT seq FROM event_cursors WHERE program_id = %(p)s AND consumer = %(consumer)s FOR UPDATE",
        p=program_id, consumer=consumer,
    )  # fmt: skip
    found = events_after(program_id, cursor, kinds, most)
    if found:
        execute(
            "UPDATE event_cursors SET seq = %(seq)s WHERE program_id = %(p)s AND consumer = %(consumer)s",
            p=program_id, consumer=consumer, seq=found[-1].seq,
        )  # fmt: skip
    return found


def events_after(program_id: UUID, seq: int, kinds: Collection[str] | None, most: int) -> list[NumberedEvent]:
    """The log behind a place, oldest first; of these kinds, or of all."""
    return fetch_all(
        NumberedEvent,
        """SELECT seq, id, kind, facts, happened_at, created_at FROM events
           WHERE program_id = %(p)s AND seq > %(seq)s AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))
           ORDER BY seq LIMIT %(most)s""",
        p=program_id, seq=seq, kinds=None if kinds is None else list(kinds), most=most,
    )  # fmt: skip


def prune_events(program_id: UUID, consumers: Sequence[str]) -> int:
    """Forget events that are older than KEPT and that every one of these consumers has read."""
    return execute(
        """DELETE FROM events e WHERE e.program_id = %(p)s AND e.created_at < %(before)s AND e.seq <= (
             SELECT min(coalesce(c.seq, 0)) FROM unnest(%(consumers)s::text[]) AS given (name)
             LEFT JOIN event_cursors c ON c.program_id = %(p)s AND c.consumer = given.name)""",
        p=program_id, before=now() - KEPT, consumers=list(consumers),
    )  # fmt: skip


__all__ = [
    "NumberedEvent", "any_unnumbered", "any_unread", "events_after", "number_events", "prune_events", "take_unread",
]  # fmt: skip
