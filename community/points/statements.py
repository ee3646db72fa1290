"""A member's points as he reads them: what they are, what ends when, and every movement. Reads only."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from commission.ledger.service import POINTS
from community.points.purses import spendable
from core.auth.actor import Program
from core.clock import day_of, now
from core.db import fetch_all
from core.ids import parse_public_id

SOON = timedelta(days=30)
_DAY = timedelta(days=1)


class Expiring(NamedTuple):
    """Points that can be spent on this day for the last time."""

    date: date
    amount: int


class Overview(NamedTuple):
    """What a member may spend, below zero what he owes; and what ends within 30 days, by its last day."""

    balance: int
    expiring: list[Expiring]


class _Ending(NamedTuple):
    expires_at: datetime
    amount: int


def overview_of(program: Program, member_id: UUID) -> Overview:
    at = now()
    rows = fetch_all(
        _Ending,
        """SELECT expires_at, sum(left_points)::bigint FROM point_lots
           WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND left_points > 0
             AND expires_at > %(at)s AND expires_at <= %(until)s
           GROUP BY expires_at ORDER BY expires_at""",
        program_id=program.id, member_id=member_id, at=at, until=at + SOON,
    )  # fmt: skip
    days: dict[date, int] = {}
    for row in rows:
        day = day_of(row.expires_at - timedelta(microseconds=1), program.settings.timezone)
        days[day] = days.get(day, 0) + row.amount
    return Overview(spendable(program.id, [member_id])[member_id], [Expiring(*one) for one in days.items()])


class _Moved(NamedTuple):
    transaction_id: UUID
    effective_on: date
    kind: str
    amount: int
    balance: int
    order_id: UUID | None
    note: dict[str, Any] | None


class Movement(NamedTuple):
    """One line: what it changed, and the balance after it. `source` says what an award was for, `reason` in words."""

    transaction_id: UUID
    date: date
    kind: str
    source: str | None
    amount: int
    balance: int
    order_id: UUID | None
    redemption_id: UUID | None
    reward: str | None
    reason: str | None


# the balance runs over all of it, whatever page is shown; ids are made under the member's lock, so they are in order
_LINES: LiteralString = """
    WITH moved AS (
      SELECT transaction_id, sum(amount) AS amount FROM ledger_postings
      WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND currency = %(points)s
      GROUP BY transaction_id),
    running AS (
      SELECT transaction_id, amount, sum(amount) OVER (ORDER BY transaction_id) AS balance FROM moved)
    SELECT t.id, t.effective_on, t.kind, r.amount::bigint, r.balance::bigint, t.order_id, t.note FROM running r
    JOIN ledger_transactions t ON t.program_id = %(program_id)s AND t.id = r.transaction_id
    WHERE %(before)s::uuid IS NULL OR r.transaction_id < %(before)s
    ORDER BY r.transaction_id DESC LIMIT %(most)s"""


def movements_of(program_id: UUID, member_id: UUID, before: UUID | None, most: int) -> list[Movement]:
    """The member's movements of points, the latest first, before the one called so."""
    rows = fetch_all(
        _Moved, _LINES, program_id=program_id, member_id=member_id, points=POINTS, before=before, most=most
    )  # fmt: skip
    words = _words(program_id, rows)
    return [_movement(row, words) for row in rows]


def _movement(row: _Moved, words: dict[UUID, str]) -> Movement:
    noted = row.note or {}
    named = {name: parse_public_id(prefix, str(noted.get(name))) for name, prefix in _NAMED.items()}
    reason = words.get(named["adjustment_id"] or named["lot_id"] or row.transaction_id)
    reward = words.get(named["reward_id"] or row.transaction_id)
    return Movement(
        row.transaction_id, row.effective_on, row.kind, noted.get("source"), row.amount, row.balance, row.order_id,
        named["redemption_id"], reward, reason,
    )  # fmt: skip


_NAMED = {"lot_id": "lot", "adjustment_id": "pta", "reward_id": "rwd", "redemption_id": "rdm"}


class _Words(NamedTuple):
    id: UUID
    words: str


def _words(program_id: UUID, rows: Sequence[_Moved]) -> dict[UUID, str]:
    """Reasons and rewards' names, by the ids of lots, adjustments and rewards that the notes name."""
    ids: list[UUID] = []
    for row in rows:
        noted = row.note or {}
        found = [parse_public_id(prefix, str(noted.get(name))) for name, prefix in _NAMED.items()]
        ids += [one for one in found if one is not None]
    return dict(_words_called(program_id, ids))


def _words_called(program_id: UUID, ids: Collection[UUID]) -> list[_Words]:
    # an adjustment that gave is a lot as well, whose award is named by it
    return fetch_all(
        _Words,
        """SELECT l.id, coalesce(l.reason, a.reason) FROM point_lots l
           LEFT JOIN point_adjustments a ON a.program_id = l.program_id AND l.source_key = 'adjustment:' || a.id
             AND a.member_id = l.member_id
           WHERE l.program_id = %(program_id)s AND l.id = ANY(%(ids)s) AND coalesce(l.reason, a.reason) IS NOT NULL
           UNION ALL
           SELECT id, reason FROM point_adjustments
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s) AND reason IS NOT NULL
           UNION ALL
           SELECT id, name FROM rewards WHERE program_id = %(program_id)s AND id = ANY(%(ids)s)""",
        program_id=program_id, ids=list(ids),
    )  # fmt: skip
