"""The job edge of delivery."""

from uuid import UUID

from core.jobs.registry import job


@job("delivery.send", queue="notices", own_transactions=True)
def send(program_id: UUID) -> None:
    """Claim, send, record."""
