"""The job edge of the guard."""

from datetime import timedelta
from uuid import UUID

from commission.guard import queries, sweeping
from core.auth.service import program_of
from core.jobs.outbox import publish
from core.jobs.registry import job, schedule


@job("guard.sweep")
def sweep(program_id: UUID) -> None:
    """Signals that only flag, of the orders that came in; a full chunk publishes the next one."""
    if sweeping.sweep(program_of(program_id)):
        publish(program_id, "guard.sweep", {})


@job("guard.inspect")
def inspect(program_id: UUID, order_id: str) -> None:
    """The same for one order, whose id is older than its payment."""
    sweeping.sweep_order(program_of(program_id), UUID(order_id))


@job("guard.clicks")
def flag_clicks(program_id: UUID) -> None:
    """Busy addresses and visitors of the last hour."""
    sweeping.flag_clicks(program_of(program_id))


schedule("guard.sweep", every=timedelta(seconds=30))
schedule("guard.clicks", every=timedelta(minutes=10), has_work=queries.any_click)
