"""Metrics of groups: how many there are and how many wait for somebody to resume them, read when somebody asks."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
import sqlalchemy.exc
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.db import fetch_all, lookup, scalars, transaction
from core.observability.metrics import register_collector

_DOWN = (psycopg.Error, sqlalchemy.exc.SQLAlchemyError)


class _Groups(NamedTuple):
    platform: str
    status: str
    groups: int


class GroupCollector(Collector):
    """Groups by platform and status over all programs; one indexed statement each, since walls stand between them."""

    def collect(self) -> Iterator[Any]:
        shown = GaugeMetricFamily("banyan_groups", "Groups by platform and status", labels=["platform", "status"])
        for (platform, status), count in _counts().items():
            shown.add_metric([platform, status], count)
        yield shown


def _counts() -> Counter[tuple[str, str]]:
    """Nothing while the database is away."""
    counts: Counter[tuple[str, str]] = Counter()
    try:
        with lookup():
            programs = scalars("SELECT id FROM programs ORDER BY id")
        for program_id in programs:
            with transaction(program_id, read_only=True):
                rows = fetch_all(
                    _Groups,
                    """SELECT platform, status, count(*) FROM groups
                       WHERE program_id = %(p)s GROUP BY platform, status""",
                    p=program_id,
                )
            for row in rows:
                counts[row.platform, row.status] += row.groups
    except _DOWN:
        return counts
    return counts


register_collector(GroupCollector())
