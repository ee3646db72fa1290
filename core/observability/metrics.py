"""Prometheus metrics of all processes of one machine, through prometheus_client's multiprocess files."""

import os
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.clock import now
from core.db import connection, lookup

REQUESTS = Counter("banyan_requests", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "banyan_request_seconds", "Time to answer", ["route"], buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
)
JOBS = Counter("banyan_jobs", "Deliveries of jobs", ["job", "outcome"])
JOB_SECONDS = Histogram("banyan_job_seconds", "Time of a delivery", ["job"], buckets=(0.01, 0.05, 0.25, 1, 5, 30, 120))


class OutboxCollector(Collector):
    """What waits in the outbox, read when somebody asks."""

    def collect(self) -> Iterator[Any]:
        waiting = GaugeMetricFamily("banyan_outbox_jobs", "Jobs by queue and status", labels=["queue", "status"])
        oldest = GaugeMetricFamily("banyan_outbox_oldest_seconds", "Age of the oldest job not done", labels=["queue"])
        with lookup():
            rows = connection().execute(
                """SELECT queue, status, count(*), extract(epoch FROM %(at)s - min(created_at))::float8
                   FROM outbox WHERE status <> 'done' GROUP BY queue, status""",
                {"at": now()},
            ).fetchall()
        ages: dict[str, float] = {}
        for queue, status, count, age in rows:
            waiting.add_metric([queue, status], count)
            ages[queue] = max(age, ages.get(queue, 0.0))
        for queue, age in ages.items():
            oldest.add_metric([queue], age)
        yield waiting
        yield oldest


def render_metrics() -> bytes:
    """The exposition text of every process that shares PROMETHEUS_MULTIPROC_DIR, or of this one alone."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)
    else:
        for metric in (REQUESTS, REQUEST_SECONDS, JOBS, JOB_SECONDS):
            registry.register(metric)
    registry.register(OutboxCollector())
    return generate_latest(registry)

