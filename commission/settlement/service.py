"""What people do with a settlement run. Every verb locks the run's row first, so that of two at once one comes second.

Callers hold the transaction. What the jobs do with a run is in preparation.py, execution.py and closing.py.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from commission.earnings.maturation import begin_maturation, refuse_future
from commission.payouts import service as payouts
from commission.settlement import closing, queries, totals
from commission.settlement.errors import DigestMismatch, SettlementNotFound
from commission.settlement.queries import Run
from commission.settlement.rules import CANCELABLE, EXCLUDED, Status, add_skipped
from core.auth.actor import Actor
from core.clock import now
from core.db import execute, json
from core.errors import Fault, Invalid, SamePerson, WrongState
from core.ids import new_id, public_id
from core.jobs.outbox import publish
from referral.members import service as members


class RunTerms(TypedDict):
    """What a run is asked for. None: any, or the program's own minimum."""

    as_of: datetime
    min_payout: int | None
    rails: list[str] | None
    member_ids: list[UUID] | None
    grades: list[str] | None


def request_settlement(actor: Actor, terms: RunTerms) -> Run:
    """A new run in `preparing`, and the job that matures up to `as_of` and then reserves every payable balance.

    Raises:
        Invalid: `as_of` lies in the future, or a member is not of the program.
    """
    refuse_future(terms["as_of"])
    _check_members(actor.program_id, terms["member_ids"])
    run_id, minimum = new_id(), terms["min_payout"]
    maturation_id = begin_maturation(actor.program_id, terms["as_of"], source="settlement", created_by=actor.id)
    execute(
        """INSERT INTO settlements
             (program_id, id, status, as_of, min_payout, rails, member_ids, grades, maturation_id, failures,
              payout_count, gross, tax, fee, net, skipped, created_by, created_at)
           VALUES (%(program_id)s, %(id)s, 'preparing', %(as_of)s, %(min_payout)s, %(rails)s, %(member_ids)s,
                   %(grades)s, %(maturation_id)s, 0, 0, 0, 0, 0, 0, '{}', %(by)s, %(at)s)""",
        program_id=actor.program_id, id=run_id, as_of=terms["as_of"], rails=terms["rails"],
        min_payout=actor.program.settings.min_payout if minimum is None else minimum,
        member_ids=terms["member_ids"], grades=terms["grades"], maturation_id=maturation_id, by=actor.id, at=now(),
    )  # fmt: skip
    publish(actor.program_id, "settlement.prepare", {"settlement_id": str(run_id)})
    return run_of(actor.program_id, run_id)


def _check_members(program_id: UUID, member_ids: Sequence[UUID] | None) -> None:
    if member_ids is None:
        return
    known = members.cards_of(program_id, member_ids)
    faults = [
        Fault(f"/member_ids/{place}", "There is no such member.")
        for place, member_id in enumerate(member_ids)
        if member_id not in known
    ]
    if faults:
        raise Invalid(faults=faults)


def run_of(program_id: UUID, run_id: UUID, *, lock: bool = False) -> Run:
    """One run.

    Raises:
        SettlementNotFound: the program has no such run.
    """
    found = queries.run(program_id, run_id, lock=lock)
    if found is None:
        raise SettlementNotFound()
    return found


def approve(actor: Actor, run_id: UUID, digest: str) -> Run:
    """Approve what the digest covers: every payout of the run, its payee, account, amount, currency and rail.

    Raises:
        WrongState: the run is not a draft.
        SamePerson: the approver made the run.
        DigestMismatch: the run is not, or is no longer, what `digest` was made of.
    """
    run = _run_in(actor, run_id, Status.DRAFT)
    if run.created_by == actor.id:
        raise SamePerson()
    if digest != totals.digest_of(actor.program_id, run_id):
        raise DigestMismatch()
    payouts.approve_settlement(actor.program_id, run_id, actor)
    execute(
        """UPDATE settlements SET status = 'approved', approved_by = %(by)s, approved_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=actor.program_id, id=run_id, by=actor.id, at=now(),
    )  # fmt: skip
    return run_of(actor.program_id, run_id)


def execute_run(actor: Actor, run_id: UUID) -> Run:
    """Let the approved payouts go out; from here on they end one by one, and the run with the last of them.

    Raises:
        WrongState: the run is not approved.
    """
    _run_in(actor, run_id, Status.APPROVED)
    execute(
        """UPDATE settlements SET status = 'executing', executed_by = %(by)s, executed_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=actor.program_id, id=run_id, by=actor.id, at=now(),
    )  # fmt: skip
    publish(actor.program_id, "settlement.queue", {"settlement_id": str(run_id)})
    return run_of(actor.program_id, run_id)


def cancel(actor: Actor, run_id: UUID) -> Run:
    """Give everything back to available. Small runs are canceled at once, larger ones by a job, `closing` meanwhile.

    Raises:
        WrongState: the run is executing or has ended.
    """
    run = _run_in(actor, run_id, *CANCELABLE)
    execute(
        """UPDATE settlements SET closing = 'canceled', canceled_by = %(by)s, canceled_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=actor.program_id, id=run_id, by=actor.id, at=now(),
    )  # fmt: skip
    closing.close(actor.program, run, actor)
    return run_of(actor.program_id, run_id)


def exclude(actor: Actor, run_id: UUID, payout_ids: Sequence[UUID], reason: str) -> Run:
    """Take payouts out of a draft and give their money back; the run then has another digest.

    Raises:
        WrongState: the run is not a draft.
        Invalid: a payout is not of this run, or is excluded already.
    """
    run = _run_in(actor, run_id, Status.DRAFT)
    amounts = queries.requested_payouts(actor.program_id, run_id, payout_ids)
    faults = [
        Fault(f"/payout_ids/{place}", "It is no payout of this run that waits for approval.")
        for place, payout_id in enumerate(payout_ids)
        if payout_id not in amounts
    ]
    if faults:
        raise Invalid(faults=faults)
    released = payouts.release(actor.program_id, sorted(amounts), "canceled", reason, actor)
    add_skipped(run.skipped, EXCLUDED, len(released), sum(amounts[payout_id] for payout_id in released))
    execute(
        "UPDATE settlements SET skipped = %(skipped)s WHERE program_id = %(program_id)s AND id = %(id)s",
        program_id=actor.program_id, id=run_id, skipped=json(run.skipped),
    )  # fmt: skip
    totals.add_up(actor.program_id, run_id)
    return run_of(actor.program_id, run_id)


def _run_in(actor: Actor, run_id: UUID, *states: Status) -> Run:
    """The run, locked and in one of these states: the one it had before the lock, too.

    Who cancels a draft that is being approved at the same moment did not mean to cancel an approved run.
    """
    seen = run_of(actor.program_id, run_id)
    run = run_of(actor.program_id, run_id, lock=True)
    if run.status not in states or run.closing is not None or run.status != seen.status:
        state = f"being {run.closing}" if run.closing else run.status
        raise WrongState(f"{public_id('stl', run_id)} is {state}.")
    return run
