"""Jobs of settlement: each delivery does one chunk and publishes the next in the same transaction."""

from datetime import timedelta
from uuid import UUID

from commission.settlement import closing, execution, preparation, queries
from core.auth.service import program_of
from core.jobs.registry import job, schedule


@job("settlement.prepare", queue="money")
def prepare(program_id: UUID, settlement_id: str) -> None:
    preparation.prepare_chunk(program_of(program_id), UUID(settlement_id))


@job("settlement.give_back", queue="money")
def give_back(program_id: UUID, settlement_id: str) -> None:
    closing.give_back_chunk(program_of(program_id), UUID(settlement_id), None)


@job("settlement.queue", queue="money")
def queue(program_id: UUID, settlement_id: str) -> None:
    execution.queue_chunk(program_of(program_id), UUID(settlement_id))


@job("settlement.complete_finished", queue="money")
def complete_finished(program_id: UUID) -> None:
    execution.complete_finished(program_id)


schedule("settlement.complete_finished", every=timedelta(seconds=3), has_work=queries.is_anything_executing)
