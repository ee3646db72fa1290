"""Prometheus metrics of all processes of one machine, through prometheus_client's multiprocess files."""

import os
from bisect import bisect_left
from collections import Counter as Counting
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import psycopg
import sqlalchemy.exc
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.clock import now
from core.db import fetch_all, lookup
from core.observability import allocation as allocation  # noqa: PLC0414 -- for its effect: before the first metric

REQUESTS = Counter("banyan_requests", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram(
    "banyan_request_seconds",
    "Time to answer",
    ["route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
JOBS = Counter("banyan_jobs", "Deliveries of jobs", ["job", "outcome"])
JOB_SECONDS = Histogram("banyan_job_seconds", "Time of a delivery", ["job"], buckets=(0.01, 0.05, 0.25, 1, 5, 30, 120))

_SHOWN: list[Counter | Histogram] = [REQUESTS, REQUEST_SECONDS, JOBS, JOB_SECONDS]


def counter(name: str, text: str, labels: list[str]) -> Counter:
    """A counter of a feature, shown beside the kernel's."""
    made = Counter(name, text, labels)
    _SHOWN.append(made)
    return made


_COLLECTORS: list[Collector] = []


def register_collector(collector: Collector) -> None:
    """What a feature reads when somebody asks; every process of this machine must read the same."""
    _COLLECTORS.append(collector)


# anybody can invent a method; a time series for each would be a leak
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """One answered request."""
    _requests(method if method in _METHODS else "other", route, status).inc()
    _request_seconds(route).observe(seconds)


def count_requests(method: str, route: str, status: int, seconds: Sequence[float]) -> None:
    """Many answered requests of one kind, for paths that answer more than a call for each could count."""
    if not seconds:
        return
    _requests(method, route, status).inc(len(seconds))
    histogram = _request_seconds(route)
    # what `observe` does for each; the library has no call for many
    bounds, buckets = histogram._upper_bounds, histogram._buckets
    for place, count in Counting(bisect_left(bounds, one) for one in seconds).items():
        buckets[place].inc(count)
    histogram._sum.inc(sum(seconds))


@cache
def _requests(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, str(status))


@cache
def _request_seconds(route: str) -> Histogram:
    return REQUEST_SECONDS.labels(route)


class _Waiting(NamedTuple):
    """Jobs of one queue and status, and the age of the oldest."""

    queue: str
    status: str
    jobs: int
    age: float


class OutboxCollector(Collector):
    """What waits in the outbox, read when somebody asks; and whether the database could be asked."""

    def collect(self) -> Iterator[Any]:
        waiting = GaugeMetricFamily("banyan_outbox_jobs", "Jobs by queue and status", labels=["queue", "status"])
        oldest = GaugeMetricFamily("banyan_outbox_oldest_seconds", "Age of the oldest job not done", labels=["queue"])
        rows = _waiting_jobs()
        ages: dict[str, float] = {}
        for row in rows or ():
            waiting.add_metric([row.queue, row.status], row.jobs)
            ages[row.queue] = max(row.age, ages.get(row.queue, 0.0))
        for queue, age in ages.items():
            oldest.add_metric([queue], age)
        yield GaugeMetricFamily("banyan_database_up", "Whether the database answered", value=float(rows is not None))
        yield waiting
        yield oldest


def _waiting_jobs() -> list[_Waiting] | None:
    """None while the database is away: the other metrics matter most just then."""
    try:
        with lookup():
            return fetch_all(
                _Waiting,
                """SELECT queue, status, count(*), extract(epoch FROM %(at)s - min(created_at))::float8
                   FROM outbox WHERE status IN ('pending', 'leased', 'failed') GROUP BY queue, status""",
                at=now(),
            )
    except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError):
        return None


def render_metrics() -> bytes:
    """The exposition text of every process that shares PROMETHEUS_MULTIPROC_DIR, or of this one alone."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        for metric in _SHOWN:
            registry.register(metric)
    for collector in (OutboxCollector(), *_COLLECTORS):
        registry.register(collector)
    return generate_latest(registry)
