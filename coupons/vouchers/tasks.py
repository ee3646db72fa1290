"""The coupons' jobs. Safe to run twice."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from core.auth.actor import Program
from core.events.consumers import consumer
from core.events.reading import NumberedEvent
from core.jobs.registry import job, schedule
from coupons.vouchers import expiry, supply


@job(expiry.SWEEP)
def expire(program_id: UUID) -> None:
    """Return what claims and reservations have that have run out."""
    expiry.sweep(program_id)


@consumer("coupons.follow_claims", "coupon.claimed")
def follow_claims(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Tell what became scarce by claims within a second or two."""
    supply.tell_scarce(program.id, {UUID(event.facts["coupon_id"]) for event in events})


@job("coupons.tell_scarce")
def tell_scarce(program_id: UUID) -> None:
    """Tell what became scarce in other ways: codes that orders used or reserved."""
    supply.tell_scarce(program_id)


schedule(expiry.SWEEP, every=expiry.EVERY, has_work=expiry.has_due)
schedule("coupons.tell_scarce", every=timedelta(minutes=1), has_work=supply.any_untold)
