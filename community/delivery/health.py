"""What waits to be said, read when somebody asks."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import sqlalchemy.exc
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.clock import now
from core.db import fetch_all, lookup, scalars, transaction
from core.observability.metrics import register_collector


class _Waiting(NamedTuple):
    """Messages of one platform that are due, and the age of the oldest in seconds."""

    platform: str
    messages: int
    age: float


class WaitingCollector(Collector):
    """Messages that could be said by their time, whether their lanes have room or not. Those of paused groups count."""

    def collect(self) -> Iterator[Any]:
        waiting = GaugeMetricFamily("banyan_messages_waiting", "Messages due and not said", labels=["platform"])
        oldest = GaugeMetricFamily(
            "banyan_messages_oldest_seconds", "For how long the oldest is due", labels=["platform"]
        )
        counts: dict[str, int] = defaultdict(int)
        ages: dict[str, float] = defaultdict(float)
        for row in _waiting():
            counts[row.platform] += row.messages
            ages[row.platform] = max(ages[row.platform], row.age)
        for platform, count in counts.items():
            waiting.add_metric([platform], count)
            oldest.add_metric([platform], ages[platform])
        yield waiting
        yield oldest


def _waiting() -> list[_Waiting]:
    """Of all programs, one after another: walls stand between them. Nothing while the database is away."""
    try:
        with lookup():
            programs = scalars("SELECT id FROM programs ORDER BY id")
        return [row for program_id in programs for row in _waiting_in(program_id)]
    except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError):
        return []


def _waiting_in(program_id: UUID) -> list[_Waiting]:
    with transaction(program_id, read_only=True):
        return fetch_all(
            _Waiting,
            """SELECT g.platform, count(*), extract(epoch FROM %(at)s - min(m.due_at))::float8
               FROM messages m JOIN groups g ON g.program_id = m.program_id AND g.id = m.group_id
               WHERE m.program_id = %(program_id)s AND m.status = 'waiting' AND m.due_at <= %(at)s
               GROUP BY g.platform""",
            program_id=program_id, at=now(),
        )  # fmt: skip


register_collector(WaitingCollector())
