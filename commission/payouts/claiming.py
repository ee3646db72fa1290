"""Claims queued payouts: the intent is committed before a rail hears of it. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import structlog

from commission.payouts.approval import SEAL
from commission.payouts.booking import Step, book
from commission.payouts.lock import is_locked
from commission.payouts.outcomes import close_attempts
from commission.payouts.payees import Payee, hash_of, payable_among, payee_of, request_of
from commission.payouts.rails.protocol import TransferRequest
from commission.payouts.rules import Status
from commission.payouts.telling import tell
from commission.payouts.transitions import SYSTEM, Move, move
from commission.payouts.wiring import call_time, rail_of
from core.auth.service import program_of
from core.clock import now
from core.db import execute, fetch_all, scalars
from core.ids import new_id

_log = structlog.get_logger(__name__)


class Sending(NamedTuple):
    """A claimed payout: its attempt is written, the rail has not been called."""

    payout_id: UUID
    attempt: int
    rail: str
    request: TransferRequest


class _Due(NamedTuple):
    """A queued payout with the method it goes to."""

    id: UUID
    member_id: UUID
    rail: str
    net: int
    currency: str
    attempt: int
    method_id: UUID
    account: str | None
    account_name: str | None
    fingerprint: bytes
    method_deleted_at: datetime | None
    is_as_approved: bool


_DUE: LiteralString = f"""
    SELECT p.id, p.member_id, p.rail, p.net, p.currency, p.attempt, p.method_id, m.account, m.account_name,
           m.fingerprint, m.deleted_at, p.seal IS NOT DISTINCT FROM {SEAL}
    FROM payouts p JOIN payout_methods m ON m.program_id = p.program_id AND m.id = p.method_id
    WHERE p.program_id = %(program_id)s AND p.id = ANY(%(ids)s) AND p.status = 'queued' AND p.rail <> 'manual'
    ORDER BY p.id FOR UPDATE OF p"""  # noqa: S608 -- a constant of ours


def claim(program_id: UUID, payout_ids: Sequence[UUID]) -> list[Sending]:
    """queued → submitting with the attempt that is going to be made; what may not be sent fails instead.

    Nothing is claimed while payouts are locked. The caller commits before it calls the rail.

    Raises:
        NoSuchRail: this installation has no rail of that kind; the payouts stay queued.
    """
    if is_locked():
        _log.warning("payouts are locked: nothing is sent", payouts=len(payout_ids))
        return []
    due = _as_approved(program_id, fetch_all(_Due, _DUE, program_id=program_id, ids=list(payout_ids)))
    for kind in {one.rail for one in due}:
        rail_of(kind)  # refuses before anything is claimed that could not be sent
    payable = payable_among(program_id, [one.member_id for one in due])
    payees = {one.id: payee_of(one) for one in due}
    refusals = {one.id: reason for one in due if (reason := _refusal(one, payees[one.id], payable))}
    _refuse(program_id, refusals)
    return _begin_attempts(program_id, [(one, payees[one.id]) for one in due if one.id not in refusals])


def lease() -> timedelta:
    """How long a claim holds without a sign of life of its worker."""
    return call_time() * 3 // 2


def renew(program_id: UUID, payout_ids: Sequence[UUID]) -> None:
    """A sign of life for claims that wait for their turn or their answer."""
    execute(
        """UPDATE payouts SET next_check_at = %(until)s
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s) AND status = 'submitting'""",
        program_id=program_id, ids=list(payout_ids), until=now() + lease(),
    )  # fmt: skip


def _as_approved(program_id: UUID, due: Sequence[_Due]) -> list[_Due]:
    """Without what is no longer what was approved: somebody wrote past this code, so its amount is not trusted either.

    It stays in the queue, says why, and waits for a person.
    """
    changed = [one.id for one in due if not one.is_as_approved]
    if changed:
        _log.error("payouts differ from what was approved", payouts=[str(one) for one in changed])
        execute(
            """UPDATE payouts SET failure = 'changed_after_approval'
               WHERE program_id = %(program_id)s AND id = ANY(%(ids)s)""",
            program_id=program_id, ids=changed,
        )  # fmt: skip
    return [one for one in due if one.is_as_approved]


def _refusal(payout: _Due, payee: Payee | None, payable: set[UUID]) -> str | None:
    """Why an approved payout is not sent after all."""
    if payout.member_id not in payable:
        return "member_suspended"
    if payout.method_deleted_at is not None:
        return "method_deleted"
    return "account_unreadable" if payee is None else None


def _refuse(program_id: UUID, reasons: dict[UUID, str]) -> None:
    if not reasons:
        return
    text = "Not sent: {}. The money is back in the balance."
    moves = [Move(key, text.format(reason), failure=reason) for key, reason in reasons.items()]
    refused = move(program_id, moves, Status.FAILED, SYSTEM, only_from={Status.QUEUED})
    close_attempts(program_id, refused, "canceled")  # a throttled one: the rail never took it
    program = program_of(program_id)
    book(program, [(Step.RELEASED, refused)])
    tell(program, [(Status.FAILED, refused)])


def _begin_attempts(program_id: UUID, payable: Sequence[tuple[_Due, Payee | None]]) -> list[Sending]:
    sendings = [
        Sending(one.id, one.attempt, one.rail, request_of(one, payee)) for one, payee in payable if payee is not None
    ]
    moves = [Move(one.payout_id, f"Sent to the rail {one.rail}, attempt {one.attempt}.") for one in sendings]
    moved = {one.id for one in move(program_id, moves, Status.SUBMITTING, SYSTEM, check_at=now() + lease())}
    begun = _insert_attempts(program_id, [one for one in sendings if one.payout_id in moved])
    return [one for one in sendings if one.payout_id in begun]


_INSERT: LiteralString = """
    INSERT INTO payout_attempts (program_id, id, payout_id, number, rail, key, request_hash, status, sends, created_at,
                                 last_sent_at)
    SELECT %(program_id)s, id, payout_id, number, rail, key, hash, 'open', 1, %(at)s, %(at)s
    FROM unnest(%(ids)s::uuid[], %(payouts)s::uuid[], %(numbers)s::int[], %(rails)s::text[], %(keys)s::text[],
                %(hashes)s::bytea[]) AS given (id, payout_id, number, rail, key, hash)
    ON CONFLICT (program_id, payout_id, number) DO UPDATE
      SET sends = payout_attempts.sends + 1, last_sent_at = excluded.last_sent_at
      WHERE payout_attempts.status = 'open' AND payout_attempts.request_hash = excluded.request_hash
    RETURNING payout_id"""


def _insert_attempts(program_id: UUID, sendings: Sequence[Sending]) -> set[Any]:
    """An attempt that the rail did not take the last time (throttled) goes out again, if nothing in it has changed."""
    if not sendings:
        return set()
    begun = scalars(
        _INSERT, program_id=program_id, at=now(), ids=[new_id() for _ in sendings],
        payouts=[one.payout_id for one in sendings], numbers=[one.attempt for one in sendings],
        rails=[one.rail for one in sendings], keys=[one.request.key for one in sendings],
        hashes=[hash_of(one.request) for one in sendings],
    )  # fmt: skip
    return set(begun)
