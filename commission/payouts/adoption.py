"""Takes over attempts that a rail's book has and ours lost in a restore. Callers hold the transaction."""

from collections.abc import Sequence
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.payouts.booking import Step, book
from commission.payouts.payees import hash_of, payee_of, request_of
from commission.payouts.rules import Status, key_of, request_hash
from commission.payouts.transitions import SYSTEM, Move, move
from core.auth.service import program_of
from core.clock import now
from core.db import execute, fetch_all
from core.ids import new_id


class _Lost(NamedTuple):
    """A payout that goes on as unknown under the attempt the rail knows."""

    id: UUID
    rail: str
    net: int
    currency: str
    attempt: int
    method_id: UUID
    account: str | None
    account_name: str | None
    fingerprint: bytes
    was_failed: bool


def adopt(program_id: UUID, found: Sequence[tuple[UUID, int]]) -> None:
    """Let payouts be unknown under the attempt number that the rail's book shows; the rail is asked what became of it.

    What had failed before, and was tried again in the lost time, has its money reserved anew: the rail has taken it,
    so available may go below zero.
    """
    if not found:
        return
    lost = fetch_all(
        _Lost, _LOST, program_id=program_id, ids=[payout_id for payout_id, _ in found],
        numbers=[number for _, number in found],
    )  # fmt: skip
    _renumber(program_id, lost)
    moves = [Move(one.id, "Found in the rail's book after a restore.", failure="restored") for one in lost]
    moved = move(program_id, moves, Status.UNKNOWN, SYSTEM)
    failed_before = {one.id for one in lost if one.was_failed}
    again = [one for one in moved if one.id in failed_before]
    book(program_of(program_id), [(Step.RESERVED, again)])
    for one in lost:
        _insert_attempt(program_id, one)


_LOST: LiteralString = """
    SELECT p.id, p.rail, p.net, p.currency, given.number, p.method_id, m.account, m.account_name, m.fingerprint,
           p.status = 'failed'
    FROM unnest(%(ids)s::uuid[], %(numbers)s::int[]) AS given (payout_id, number)
    JOIN payouts p ON p.program_id = %(program_id)s AND p.id = given.payout_id
    JOIN payout_methods m ON m.program_id = %(program_id)s AND m.id = p.method_id
    WHERE p.status IN ('requested', 'approved', 'queued', 'failed') ORDER BY p.id FOR UPDATE OF p"""


def _renumber(program_id: UUID, lost: Sequence[_Lost]) -> None:
    execute(
        """UPDATE payouts p SET attempt = given.number, adopted_at = %(at)s
           FROM unnest(%(ids)s::uuid[], %(numbers)s::int[]) AS given (id, number)
           WHERE p.program_id = %(program_id)s AND p.id = given.id""",
        program_id=program_id, at=now(), ids=[one.id for one in lost], numbers=[one.attempt for one in lost],
    )  # fmt: skip


def _insert_attempt(program_id: UUID, lost: _Lost) -> None:
    payee = payee_of(lost)
    # without a readable payee nothing can ever be sent again under this key, which is right
    hashed = hash_of(request_of(lost, payee)) if payee else request_hash(["unreadable", key_of(lost.id, lost.attempt)])
    execute(
        """INSERT INTO payout_attempts (program_id, id, payout_id, number, rail, key, request_hash, status, sends,
                                        created_at, last_sent_at, acknowledged_at)
           VALUES (%(program_id)s, %(id)s, %(payout_id)s, %(number)s, %(rail)s, %(key)s, %(hash)s, 'open', 1, %(at)s,
                   %(at)s, %(at)s)""",
        program_id=program_id, id=new_id(), payout_id=lost.id, number=lost.attempt, rail=lost.rail,
        key=key_of(lost.id, lost.attempt), hash=hashed, at=now(),
    )  # fmt: skip
