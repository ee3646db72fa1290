"""The job edge of attribution claims."""

from datetime import timedelta
from uuid import UUID

from commission.claims import queries, service
from core.auth.service import program_of
from core.jobs.registry import job, schedule


@job("claims.match")
def match_waiting(program_id: UUID) -> None:
    """Claims whose order has come in since, or will not come any more."""
    service.match_waiting(program_of(program_id))


schedule("claims.match", every=timedelta(minutes=1), has_work=queries.any_waiting)
