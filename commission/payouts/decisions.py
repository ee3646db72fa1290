"""What people decide about payouts: approve, reject, cancel, try again, paid by hand. Callers hold the transaction."""

from collections.abc import Sequence
from uuid import UUID

from commission.payouts import queries
from commission.payouts.booking import Step, book
from commission.payouts.errors import BalanceTooLow, DigestMismatch, NotRetryable, PayoutNotFound
from commission.payouts.outcomes import close_attempts
from commission.payouts.queries import Held
from commission.payouts.queueing import publish_submissions
from commission.payouts.rules import MANUAL, Status, combined_digest, key_of, request_hash
from commission.payouts.service import approve, queue, release
from commission.payouts.telling import tell
from commission.payouts.transitions import Move, Moved, by, move
from core.auth.actor import Actor
from core.clock import now
from core.db import execute
from core.errors import SamePerson, WrongState
from core.ids import new_id, public_id


def approve_withdrawals(actor: Actor, payout_ids: Sequence[UUID], digest: str) -> None:
    """Approve requested withdrawals and queue them; all of them or none.

    Raises:
        PayoutNotFound: an id is not there.
        WrongState: one is no withdrawal or is not waiting any more.
        SamePerson: the approver asked for one of them.
        DigestMismatch: the digest is not that of exactly these payouts.
    """
    held = _held(actor.program_id, payout_ids)
    _require_waiting(held)
    if any(one.requested_by == actor.id for one in held):
        raise SamePerson()
    if combined_digest({one.id: one.digest for one in held}) != digest:
        raise DigestMismatch()
    approved = approve(actor.program_id, [one.id for one in held], by(actor))
    queue(actor.program_id, [one.id for one in approved], by(actor))


def reject_withdrawals(actor: Actor, payout_ids: Sequence[UUID], reason: str) -> None:
    """Reject requested withdrawals and give their money back; all of them or none.

    Raises:
        PayoutNotFound: an id is not there.
        WrongState: one is no withdrawal or is not waiting any more.
    """
    held = _held(actor.program_id, payout_ids)
    _require_waiting(held)
    release(actor.program_id, [one.id for one in held], Status.REJECTED, reason, actor)


def cancel_payout(actor: Actor, payout_id: UUID) -> None:
    """Give a payout up that nobody has sent yet.

    Raises:
        PayoutNotFound: it is not there.
        WrongState: it was sent or has ended, or its settlement is not approved yet (then it is excluded there).
    """
    (held,) = _held(actor.program_id, [payout_id])
    if held.settlement_id is not None and held.status == Status.REQUESTED:
        raise WrongState("Its settlement is not approved yet: exclude the payout there.")
    if not release(actor.program_id, [payout_id], Status.CANCELED, "Canceled.", actor):
        raise WrongState(f"A payout that is {held.status} cannot be canceled.")


def retry_payout(actor: Actor, payout_id: UUID) -> None:
    """Pay a payout that definitely failed after all: reserve its amount again and send it under a new key.

    Raises:
        PayoutNotFound: it is not there.
        NotRetryable: it did not fail, so its key may still move money.
        BalanceTooLow: the member no longer has so much.
    """
    (held,) = _held(actor.program_id, [payout_id])
    if held.status != Status.FAILED:
        raise NotRetryable(f"It is {held.status}.")
    if queries.available_locked(actor.program_id, held.member_id, held.currency) < held.amount:
        raise BalanceTooLow()
    reserve_again(actor, [payout_id], Status.QUEUED, "Queued for another attempt.")


def reserve_again(actor: Actor, payout_ids: Sequence[UUID], status: Status, text: str) -> list[Moved]:
    """failed → `status` with the next attempt's number, its money reserved anew and its sending published."""
    execute(
        """UPDATE payouts SET attempt = attempt + 1
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s) AND status = 'failed'""",
        program_id=actor.program_id, ids=list(payout_ids),
    )  # fmt: skip
    moves = [Move(one, text) for one in payout_ids]
    moved = move(actor.program_id, moves, status, by(actor), only_from={Status.FAILED})
    book(actor.program, [(Step.RESERVED, moved)])
    publish_submissions(actor.program_id, moved)
    return moved


def mark_paid(actor: Actor, payout_id: UUID, voucher: str) -> None:
    """A queued payout of the manual rail has been paid by hand; the voucher says where to find it.

    Raises:
        PayoutNotFound: it is not there.
        WrongState: it is not of the manual rail, or not waiting to be paid.
    """
    (held,) = _held(actor.program_id, [payout_id])
    if held.rail != MANUAL:
        raise WrongState("Only payouts of the manual rail are marked as paid; the others are resolved.")
    moves = [Move(payout_id, "Paid by hand.", reference=voucher)]
    paid = move(actor.program_id, moves, Status.PAID, by(actor), only_from={Status.QUEUED})
    if not paid:
        raise WrongState(f"It is {held.status}, not queued.")
    _note_hand(actor.program_id, paid, voucher)
    close_attempts(actor.program_id, paid, "paid")
    book(actor.program, [(Step.PAID, paid)])
    tell(actor.program, [(Status.PAID, paid)])


def _note_hand(program_id: UUID, paid: Sequence[Moved], voucher: str) -> None:
    """The attempt of a person: so that every payment has one."""
    for one in paid:
        execute(
            """INSERT INTO payout_attempts (program_id, id, payout_id, number, rail, key, request_hash, status, outcome,
                                            reference, sends, created_at, last_sent_at, acknowledged_at)
               VALUES (%(program_id)s, %(id)s, %(payout_id)s, %(number)s, %(rail)s, %(key)s, %(hash)s, 'open', 'paid',
                       %(voucher)s, 1, %(at)s, %(at)s, %(at)s)""",
            program_id=program_id, id=new_id(), payout_id=one.id, number=one.attempt, rail=one.rail,
            key=key_of(one.id, one.attempt), hash=request_hash([voucher, str(one.net)]), voucher=voucher, at=now(),
        )  # fmt: skip


def _held(program_id: UUID, payout_ids: Sequence[UUID]) -> list[Held]:
    """The payouts locked in id order, for the transaction to decide about."""
    held = queries.held(program_id, sorted(set(payout_ids)))
    missing = set(payout_ids) - {one.id for one in held}
    if missing:
        raise PayoutNotFound(f"There is no payout {public_id('pay', min(missing))}.")
    return held


def _require_waiting(held: Sequence[Held]) -> None:
    for one in held:
        if one.kind != "withdrawal":
            raise WrongState(f"{public_id('pay', one.id)} belongs to a settlement, which is approved as a whole.")
        if one.status != Status.REQUESTED:
            raise WrongState(f"{public_id('pay', one.id)} is {one.status}.")
