"""Jobs of earnings: each delivery matures one chunk and publishes the next one in the same transaction."""

from datetime import timedelta
from uuid import UUID

from commission.earnings import queries
from commission.earnings.maturation import begin_maturation, mature_chunk
from core.auth.service import program_of
from core.clock import now
from core.jobs.outbox import publish
from core.jobs.registry import job, schedule


@job("earnings.mature", queue="money")
def mature(program_id: UUID, maturation_id: str) -> None:
    """Mature one chunk; the chunk, its cursor and the next delivery are one transaction."""
    if not mature_chunk(program_of(program_id), UUID(maturation_id)):
        publish(program_id, "earnings.mature", {"maturation_id": maturation_id})


@job("earnings.mature_hourly", queue="money")
def mature_hourly(program_id: UUID) -> None:
    """Begin a maturation of everything due by now."""
    maturation_id = begin_maturation(program_id, now(), source="schedule", created_by=None)
    publish(program_id, "earnings.mature", {"maturation_id": str(maturation_id)})


def has_due_commissions(program_id: UUID) -> bool:
    """Whether the program wants maturation by itself and there is something to mature."""
    return program_of(program_id).settings.auto_maturation and queries.is_anything_due(program_id)


schedule("earnings.mature_hourly", every=timedelta(hours=1), has_work=has_due_commissions)
