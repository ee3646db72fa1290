"""What a worker does with one delivery: check the fence, run the handler, mark it done or give it back."""

import time
from uuid import UUID

import structlog

from core.db import transaction
from core.jobs import outbox
from core.jobs.outbox import Delivery
from core.jobs.registry import JOBS, Job
from core.observability import metrics
from core.observability.logging import without_values

_log = structlog.get_logger(__name__)


def deliver(program_id: str, outbox_id: str, job: str, arguments: dict[str, object], attempt: int) -> None:
    """The function RQ calls. Twice, late or after a newer delivery it has no effect.

    Failures go back to the outbox with a growing wait, so that recovery never depends on Valkey. Only when even
    that fails (the database is down) does the exception reach RQ; then the lease runs out and the relay repeats.
    """
    delivery = Delivery(UUID(program_id), UUID(outbox_id), job, "", arguments, attempt)
    started, outcome = time.perf_counter(), "lost"
    try:
        outcome = _outcome(delivery)
    finally:
        seconds = time.perf_counter() - started
        metrics.JOB_SECONDS.labels(job).observe(seconds)
        metrics.JOBS.labels(job, outcome).inc()
        _log.info(
            "job", job=job, outbox_id=outbox_id, outcome=outcome, attempt=attempt, seconds=round(seconds, 4),
            program=program_id,
        )  # fmt: skip


def _outcome(delivery: Delivery) -> str:
    try:
        # a job that this version does not know fails as well: a newer worker may take it later
        return "done" if _run(JOBS[delivery.job], delivery) else "stale"
    except Exception as error:  # noqa: BLE001 -- whatever a handler raises belongs into the outbox
        _log.error("job failed", job=delivery.job, outbox_id=str(delivery.id), attempt=delivery.attempt, exc_info=error)
        with transaction(delivery.program_id):
            outbox.give_back(delivery, without_values(f"{type(error).__name__}: {error}"))
        return "failed"


def _run(job: Job, delivery: Delivery) -> bool:
    if job.own_transactions:
        with transaction(delivery.program_id):
            if not outbox.hold(delivery):
                return False
        job.handler(delivery.program_id, **delivery.arguments)
        with transaction(delivery.program_id):
            return outbox.finish(delivery)
    with transaction(delivery.program_id):
        if not outbox.hold(delivery):
            return False
        job.handler(delivery.program_id, **delivery.arguments)
        return outbox.finish(delivery)
