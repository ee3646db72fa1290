"""The job edge of points."""

from collections.abc import Sequence
from uuid import UUID

from commission.ledger.audits import register_audit_check
from community.points import expiry, grades, purchases
from community.points.audit_checks import check_points
from community.points.erasure import forfeit, open_gift
from core.auth.actor import Program
from core.auth.service import program_of
from core.events.consumers import consumer
from core.events.reading import NumberedEvent
from core.jobs.outbox import publish
from core.jobs.registry import job, schedule
from referral.members.service import register_erasure_guard, register_erasure_step


@consumer("points.earn", "order.attributed", "order.completed", "order.refunded", most=500)
def earn(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Points for what was bought, and back for what was refunded."""
    purchases.digest(program, events)


@job(expiry.JOB)
def expire(program_id: UUID) -> None:
    """End what is due, a chunk a delivery; the next is published in the same transaction."""
    if expiry.expire_chunk(program_of(program_id)):
        publish(program_id, expiry.JOB, {})


@consumer("points.grade", "points.earned", "points.taken_back", most=1000)
def grade(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Grades of those whose points changed."""
    grades.regrade(program.id, {UUID(event.facts["member_id"]) for event in events})


@job(grades.SWEEP)
def sweep_grades(program_id: UUID, after: str | None = None) -> None:
    """Grades of everybody, for points grow old and rules change; a chunk a delivery."""
    last = grades.sweep_chunk(program_id, UUID(after) if after else None)
    if last is not None:
        publish(program_id, grades.SWEEP, {"after": str(last)})


schedule(grades.SWEEP, every=grades.EVERY, has_work=grades.are_managed)
schedule(expiry.JOB, every=expiry.EVERY, has_work=expiry.any_due)


register_audit_check("points", check_points)
register_erasure_guard(open_gift)
register_erasure_step(forfeit)
