"""The log's order and its readers. Numbers are given after the commit, by one at a time: a reader who has seen a number
has seen all before it. Callers hold the transaction; nothing here commits.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from core.clock import now
from core.db import execute, fetch_all, scalar, scalars

MOST_NUMBERED = 5_000
MOST_READ = 1_000
MOST_PRUNED = 20_000
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


def number_events(program_id: UUID, most: int = MOST_NUMBERED) -> list[str]:
    """Give the next numbers, in the order of ids, to up to `most` events; the kind of each. Locks the head."""
    execute(
        "INSERT INTO event_heads (program_id, seq) VALUES (%(p)s, 0) ON CONFLICT DO NOTHING", p=program_id
    )  # fmt: skip
    head = scalar("SELECT seq FROM event_heads WHERE program_id = %(p)s FOR UPDATE", p=program_id)
    kinds = scalars(
        """WITH next AS MATERIALIZED (
             SELECT id, row_number() OVER (ORDER BY id) AS place FROM (
               SELECT id FROM events WHERE program_id = %(p)s AND seq IS NULL ORDER BY id LIMIT %(most)s) AS waiting)
           UPDATE events e SET seq = %(head)s + next.place FROM next
           WHERE e.program_id = %(p)s AND e.id = next.id RETURNING e.kind""",
        p=program_id, head=head, most=most,
    )  # fmt: skip
    execute("UPDATE event_heads SET seq = %(seq)s WHERE program_id = %(p)s", p=program_id, seq=head + len(kinds))
    return kinds


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
    if kinds is None:
        return fetch_all(NumberedEvent, _ALL, p=program_id, seq=seq, most=most)
    return fetch_all(NumberedEvent, _OF_KINDS, p=program_id, seq=seq, kinds=sorted(set(kinds)), most=most)


_ALL: LiteralString = """
  SELECT seq, id, kind, facts, happened_at, created_at FROM events
  WHERE program_id = %(p)s AND seq > %(seq)s ORDER BY seq LIMIT %(most)s"""
# each kind along its own index: a rare one costs nothing, however long the log is
_OF_KINDS: LiteralString = """
  SELECT e.* FROM unnest(%(kinds)s::text[]) AS wanted (kind) CROSS JOIN LATERAL (
    SELECT seq, id, kind, facts, happened_at, created_at FROM events
    WHERE program_id = %(p)s AND kind = wanted.kind AND seq > %(seq)s ORDER BY seq LIMIT %(most)s) AS e
  ORDER BY e.seq LIMIT %(most)s"""


def prune_events(program_id: UUID, consumers: Mapping[str, Collection[str]], most: int = MOST_PRUNED) -> int:
    """Forget up to `most` events that are older than KEPT and read by whoever reads their kind; how many it were.

    `consumers`: the kinds that each reads. A cursor stands behind the last event of those, wherever the log ends.
    """
    pairs = [(name, kind) for name, kinds in consumers.items() for kind in kinds]
    return execute(
        """WITH gone AS MATERIALIZED (
             SELECT e.id FROM events e
             WHERE e.program_id = %(p)s AND e.seq IS NOT NULL AND e.created_at < %(before)s AND NOT EXISTS (
               SELECT FROM unnest(%(names)s::text[], %(kinds)s::text[]) AS given (name, kind)
               LEFT JOIN event_cursors c ON c.program_id = %(p)s AND c.consumer = given.name
               WHERE given.kind = e.kind AND coalesce(c.seq, 0) < e.seq)
             ORDER BY e.id LIMIT %(most)s)
           DELETE FROM events e USING gone WHERE e.program_id = %(p)s AND e.id = gone.id""",
        p=program_id, before=now() - KEPT, names=[name for name, _ in pairs], kinds=[kind for _, kind in pairs],
        most=most,
    )  # fmt: skip


__all__ = [
    "NumberedEvent", "any_unnumbered", "any_unread", "events_after", "number_events", "prune_events", "take_unread",
]  # fmt: skip
