"""The coupons' job. Safe to run twice."""

from uuid import UUID

from core.jobs.registry import job, schedule
from coupons.vouchers import expiry


@job(expiry.SWEEP)
def expire(program_id: UUID) -> None:
    """Return what claims and reservations have that have run out."""
    expiry.sweep(program_id)


schedule(expiry.SWEEP, every=expiry.EVERY, has_work=expiry.has_due)
