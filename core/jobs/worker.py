"""A worker of one queue: `python -m core.jobs.worker money`. One queue each: RQ loses jobs of workers with several."""

import sys

from flask import Flask
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from core.jobs import valkey
from core.jobs.process import process_app
from core.jobs.registry import QUEUES

_MAINTENANCE_SECONDS = 30


class OutboxWorker(SimpleWorker):
    """Works in its own process, without a fork for each job: the outbox is what makes a crash harmless."""

    max_connection_wait_time = 2.0  # Valkey is back within seconds; RQ would wait up to a minute


def work(app: Flask, queue_name: str, *, burst: bool = False) -> None:
    """Work until a signal says stop; with `burst` until the queue is empty."""
    connection = valkey.connect(app.config["SETTINGS"].redis_url)
    worker = OutboxWorker(
        [valkey.queue_named(queue_name, connection)],
        connection=connection,
        serializer=JSONSerializer,
        maintenance_interval=_MAINTENANCE_SECONDS,
        log_job_description=False,
    )
    with app.app_context():
        worker.work(burst=burst, logging_level="WARNING")


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in QUEUES:
        print(f"usage: python -m core.jobs.worker {'|'.join(QUEUES)}", file=sys.stderr)
        return 2
    app = process_app(f"worker-{sys.argv[1]}")
    try:
        work(app, sys.argv[1])
    except RedisError as error:
        print(f"worker: Valkey is away ({error}); the supervisor starts me again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
