"""Metrics of clicks: the shipper counts what it ships, and whoever is scraped looks at what waits on this machine."""

from collections.abc import Iterator
from typing import Any

from flask import current_app
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.observability.metrics import counter, register_collector
from coupons.clicks.backlog import backlog_of, free_bytes

CLICKS = counter("banyan_clicks_shipped", "Clicks stored, by what they count as", ["kind"])
PUT_ASIDE = counter("banyan_clicks_put_aside", "What could not be shipped and was put aside", ["what"])


class BacklogCollector(Collector):
    """What waits in this machine's segments."""

    def collect(self) -> Iterator[Any]:
        folder = current_app.config["SETTINGS"].clicks_dir
        backlog = backlog_of(folder)
        values = {
            "lag_seconds": ("Age of the oldest click not shipped", backlog.lag_seconds),
            "segments_waiting": ("Segment files not shipped to their end", backlog.segments),
            "bytes_waiting": ("Bytes in segments not shipped", backlog.bytes),
            "disk_free_bytes": ("Room for clicks that are not shipped", free_bytes(folder)),
        }
        for name, (text, value) in values.items():
            yield GaugeMetricFamily(f"banyan_clicks_{name}", text, value=value)


register_collector(BacklogCollector())
