"""Jobs of payouts: send, ask, and the sweep that lets nothing be forgotten."""

from datetime import timedelta
from uuid import UUID

from commission.ledger.audits import register_audit_check
from commission.payouts import querying, submitting, sweeping
from commission.payouts.audit_checks import check_payouts
from commission.payouts.methods import erase_methods
from commission.payouts.queueing import QUERY, SUBMIT
from core.jobs.registry import job, schedule
from referral.members.service import register_erasure_step

_LEASE = timedelta(minutes=3)


@job(SUBMIT, queue="money", own_transactions=True, lease=_LEASE)
def submit(program_id: UUID, payout_ids: list[str]) -> None:
    """Claim, send, record: two short transactions with the network between them."""
    submitting.submit(program_id, [UUID(one) for one in payout_ids])


@job(QUERY, queue="money", own_transactions=True, lease=_LEASE)
def query(program_id: UUID, payout_ids: list[str]) -> None:
    """Ask the rails, record; send again what they never had."""
    querying.query(program_id, [UUID(one) for one in payout_ids])


@job("payouts.sweep", queue="money")
def sweep(program_id: UUID) -> None:
    """Look at every payout whose time has come."""
    sweeping.sweep(program_id)


schedule("payouts.sweep", every=timedelta(seconds=5), has_work=sweeping.has_due)
register_audit_check("payouts", check_payouts)
register_erasure_step(erase_methods)
