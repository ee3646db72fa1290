"""Publishes the jobs that send and ask, in batches. Callers hold the transaction."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from commission.payouts.rules import MANUAL
from core.jobs.outbox import publish_many

BATCH = 50  # payouts in one job: one claim, one set of calls
SUBMIT = "payouts.submit"
QUERY = "payouts.query"


class Queued(Protocol):
    """A payout in the queue."""

    @property
    def id(self) -> UUID: ...
    @property
    def rail(self) -> str: ...


def publish_submissions(program_id: UUID, queued: Iterable[Queued], *, run_at: datetime | None = None) -> None:
    """Let workers send queued payouts; those of the manual rail wait for a person instead."""
    _publish(program_id, SUBMIT, [one.id for one in queued if one.rail != MANUAL], run_at)


def publish_questions(program_id: UUID, payout_ids: Sequence[UUID]) -> None:
    """Let workers ask the rails about payouts."""
    _publish(program_id, QUERY, payout_ids, None)


def _publish(program_id: UUID, job: str, payout_ids: Sequence[UUID], run_at: datetime | None) -> None:
    batches = [{"payout_ids": [str(one) for one in batch]} for batch in _batches(payout_ids)]
    if batches:
        publish_many(program_id, job, batches, run_at=run_at)


def _batches(payout_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    return (payout_ids[start : start + BATCH] for start in range(0, len(payout_ids), BATCH))
