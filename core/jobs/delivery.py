"""What a worker does with one delivery: check the fence, run the handler, mark it done or give it back."""

import time
from uuid import UUID

import structlog

from core.db import transaction
from core.jobs import outbox
from core.jobs.outbox import Delivery
from core.jobs.registry import JOBS, Job
from core.observability import metrics

_log = structlog.get_logger(__name__)


def deliver(program_id: str, outbox_id: str, job: str, arguments: dict[str, object], attempt: int) -> None:
    """The function RQ calls. Twice, late or after a newer delivery it has no effect.

    Failures go back to the outbox with a growing wait, so that recovery never depends on Valkey. Only when even
    that fails (the database is down) does the exception reach RQ; then the lease runs out and the relay repeats.
    """
    known = JOBS[job]
    delivery = Delivery(UUID(program_id), UUID(outbox_id), job, known.queue, arguments, attempt)
    started = time.perf_counter()
    try:
        outcome = "done" if _run(known, delivery) else "stale"
    except Exception as error:
        outcome = "failed"
        _log.exception("job failed", job=job, outbox_id=outbox_id, attempt=attempt)
        with transaction(delivery.program_id):
            outbox.give_back(delivery, f"{type(error).__name__}: {error}")
    finally:
        metrics.JOB_SECONDS.labels(job).observe(time.perf_counter() - started)
    metrics.JOBS.labels(job, outcome).inc()
    _log.info("job", job=job, outcome=outcome, attempt=attempt, seconds=round(time.perf_counter() - started, 4))


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
