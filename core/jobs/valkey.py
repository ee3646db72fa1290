"""The connection to Valkey and RQ's queues on it. Everything there can be rebuilt from the outbox."""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry as Retries
from rq import Queue, Retry
from rq.serializers import JSONSerializer

from core.ids import base32_of
from core.jobs.outbox import Delivery

JOB_TIMEOUT_SECONDS = 900
_FAILURES_KEPT_SECONDS = 3600


def connect(redis_url: str) -> redis.Redis:
    """A client that gives up quickly, after one try on a fresh connection: nobody waits for a queue."""
    return redis.Redis.from_url(
        redis_url,
        socket_connect_timeout=2,
        socket_timeout=30,
        health_check_interval=15,
        retry=Retries(NoBackoff(), 1),
    )


def queue_named(name: str, connection: Any) -> Queue:
    return Queue(name, connection=connection, serializer=JSONSerializer, default_timeout=JOB_TIMEOUT_SECONDS)


def enqueue(queue: Queue, deliveries: list[Delivery]) -> None:
    """Hand leased deliveries to RQ. The id carries the attempt: a lost job's key can never block the next one."""
    queue.enqueue_many(
        [
            Queue.prepare_data(
                "core.jobs.delivery.deliver",
                args=[str(one.program_id), str(one.id), one.job, one.arguments, one.attempt],
                job_id=f"{base32_of(one.id)}-{one.attempt}",
                timeout=JOB_TIMEOUT_SECONDS,
                result_ttl=0,
                failure_ttl=_FAILURES_KEPT_SECONDS,
                retry=Retry(max=3),
                description=one.job,
            )
            for one in deliveries
        ]
    )
