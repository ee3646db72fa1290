"""The job edge of the guard."""

from datetime import timedelta
from uuid import UUID

from commission.guard import service
from core.auth.service import program_of
from core.jobs.registry import job, schedule


@job("guard.sweep")
def sweep(program_id: UUID) -> None:
    """Signals that only flag, of all that came in since the last time."""
    service.sweep(program_of(program_id))


@job("guard.inspect")
def inspect(program_id: UUID, order_id: str) -> None:
    """The same for one order, whose id is older than its payment."""
    service.sweep_order(program_of(program_id), UUID(order_id))


schedule("guard.sweep", every=timedelta(seconds=30))
