"""The relay: leases outbox rows, commits, then enqueues. Any number may run; what Valkey loses is leased again."""

from datetime import timedelta

import structlog
from rq import Queue

from core.db import lookup, transaction
from core.jobs import outbox, valkey
from core.jobs.process import process_app, run_loop
from core.jobs.registry import QUEUES

_log = structlog.get_logger(__name__)

# Only so many deliveries wait in Valkey at once: a lease must not run out merely because the queue is long.
MOST_IN_FLIGHT = 40


def relay_once(queues: list[Queue], lease: timedelta) -> int:
    """One turn over all queues; the number of deliveries enqueued."""
    return sum(_relay_queue(queue, lease) for queue in queues)


def _relay_queue(queue: Queue, lease: timedelta) -> int:
    room = MOST_IN_FLIGHT - queue.count
    if room <= 0:
        return 0
    with lookup():
        programs = outbox.programs_with_due_jobs(queue.name)
    enqueued = 0
    for program_id in programs:
        # a fair share each, so that one program's batch does not starve the others
        share = max(1, room // len(programs))
        with transaction(program_id):
            leased = outbox.lease(program_id, queue.name, share, lease)
        valkey.enqueue(queue, leased)
        enqueued += len(leased)
        room -= len(leased)
        if room <= 0:
            break
    return enqueued


def main() -> None:
    app = process_app("relay")
    settings = app.config["SETTINGS"]
    connection = valkey.connect(settings.redis_url)
    queues = [valkey.queue_named(name, connection) for name in QUEUES]
    lease = timedelta(seconds=settings.job_lease_seconds)
    with app.app_context():
        run_loop("relay", lambda: relay_once(queues, lease) > 0, pause_seconds=settings.relay_poll_seconds)


if __name__ == "__main__":
    main()
