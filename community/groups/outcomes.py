"""How sending to groups went: their health, the hour's counts, and the pause after refusals in a row.

Callers hold the transaction. Locks the groups in id order, so that two who report at once cannot deadlock.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from community.groups.metrics import count_paused
from community.groups.models import GroupSendingRow
from community.groups.rules import PAUSED_AFTER
from community.platforms.service import Outcome, Refused, Sent, Unknown
from core.auth.service import program_of
from core.bulk import insert_rows
from core.clock import day_of, now
from core.db import execute, scalars
from core.events.service import Event, announce
from core.ids import public_id

_log = structlog.get_logger(__name__)
Told = tuple[UUID, Outcome, datetime]


def note_outcomes(program_id: UUID, told: Sequence[Told]) -> list[UUID]:
    """Take note of outcomes, each group's in the order they happened; the groups that were paused for it.

    A group is paused once PAUSED_AFTER refusals follow each other; what is sent between them, at any hour, starts the
    count anew. Being throttled says nothing about a group, an unknown outcome is remembered as its last error only.
    """
    marks = _marks(told)
    if not marks:
        return []
    scalars(
        "SELECT id FROM groups WHERE program_id = %(p)s AND id = ANY(%(ids)s::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        p=program_id, ids=list(marks),
    )  # fmt: skip
    _write(program_id, marks)
    _count(program_id, told)
    return _pause(program_id, [group_id for group_id, mark in marks.items() if mark.refusals])


class _Mark(NamedTuple):
    """What a batch of outcomes says of one group."""

    sent_at: datetime | None = None
    refusals: int = 0  # after the last one sent
    error: str | None = None  # of the last that was not sent; none after one that was


def _marks(told: Sequence[Told]) -> dict[UUID, _Mark]:
    marks: dict[UUID, _Mark] = {}
    for group_id, outcome, at in told:
        before = marks.get(group_id, _Mark())
        if isinstance(outcome, Sent):
            marks[group_id] = _Mark(max(at, before.sent_at or at))
        elif isinstance(outcome, Refused):
            marks[group_id] = _Mark(before.sent_at, before.refusals + 1, outcome.reason)
        elif isinstance(outcome, Unknown):
            marks[group_id] = before._replace(error=outcome.reason)
    return marks


def _write(program_id: UUID, marks: dict[UUID, _Mark]) -> None:
    execute(
        """UPDATE groups g
           SET last_sent_at = greatest(g.last_sent_at, t.sent_at),
               refusals_in_a_row = t.refusals + CASE WHEN t.sent_at IS NULL THEN g.refusals_in_a_row ELSE 0 END,
               last_error = CASE WHEN t.sent_at IS NULL THEN coalesce(t.error, g.last_error) ELSE t.error END
           FROM unnest(%(ids)s::uuid[], %(sent)s::timestamptz[], %(refusals)s::integer[], %(errors)s::text[])
             AS t (id, sent_at, refusals, error)
           WHERE g.program_id = %(p)s AND g.id = t.id""",
        p=program_id, ids=list(marks), sent=[mark.sent_at for mark in marks.values()],
        refusals=[mark.refusals for mark in marks.values()], errors=[mark.error for mark in marks.values()],
    )  # fmt: skip


class _Sending(NamedTuple):
    group_id: UUID
    hour: datetime
    day: date
    sent: int
    refused: int


def _count(program_id: UUID, told: Sequence[Told]) -> None:
    timezone = program_of(program_id).settings.timezone
    counts: dict[tuple[UUID, datetime, date], Counter[bool]] = defaultdict(Counter)
    for group_id, outcome, at in told:
        if isinstance(outcome, Sent | Refused):
            hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            counts[group_id, hour, day_of(at, timezone)][isinstance(outcome, Sent)] += 1
    rows = [_Sending(*key, count[True], count[False]) for key, count in sorted(counts.items())]
    insert_rows(
        GroupSendingRow,
        rows,
        program_id=program_id,
        on_conflict="""(program_id, group_id, hour, day) DO UPDATE SET sent = group_sendings.sent + excluded.sent,
                       refused = group_sendings.refused + excluded.refused""",
    )


def _pause(program_id: UUID, group_ids: Sequence[UUID]) -> list[UUID]:
    if not group_ids:
        return []
    at = now()
    paused: list[UUID] = scalars(
        """UPDATE groups SET status = 'paused', paused_at = %(at)s, paused_reason = 'refusals', updated_at = %(at)s
           WHERE program_id = %(p)s AND id = ANY(%(ids)s::uuid[]) AND status = 'active'
             AND refusals_in_a_row >= %(most)s
           RETURNING id""",
        p=program_id, ids=list(group_ids), at=at, most=PAUSED_AFTER,
    )  # fmt: skip
    facts = [{"group_id": str(group_id), "reason": "refusals"} for group_id in paused]
    announce(program_id, [Event("group.paused", at, one) for one in facts])
    count_paused("refusals", len(paused))
    for group_id in paused:
        _log.warning("a group was paused", group=public_id("grp", group_id), program=str(program_id), reason="refusals")
    return paused
