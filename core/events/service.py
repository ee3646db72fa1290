"""Telling whoever stands above. Callers hold the transaction: what is rolled back was never told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.events.models import EventRow
from core.ids import new_id

__all__ = ["Event", "announce"]


class Event(NamedTuple):
    """`kind` is noun.verb. `facts` is JSON: UUIDs as text under `…_id` names, amounts in minor units, no personal data.

    `happened_at` is business time (an order's paid_at), which may lie long before the moment it is told.
    """

    kind: str
    happened_at: datetime
    facts: dict[str, Any]


class _Row(NamedTuple):
    id: UUID
    kind: str
    facts: dict[str, Any]
    happened_at: datetime
    created_at: datetime


def announce(program_id: UUID, events: Sequence[Event]) -> None:
    """Append events to the program's log, in one statement for any number. Consumers have them within seconds."""
    at = now()
    rows = [_Row(new_id(), event.kind, event.facts, event.happened_at, at) for event in events]
    insert_rows(EventRow, rows, program_id=program_id)
