"""The stats of a busy link are read from sums alone, and quickly."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.db import execute, transaction
from core.ids import new_id
from coupons.traffic.spans import Asked
from coupons.traffic.stats import stats_of
from tests.clients import TestProgram
from tests.house.source import modules, tables_in

DAYS, LINKS = 365, 40
TODAY = datetime.now(UTC).date()


@pytest.fixture
def link_id(program: TestProgram) -> UUID:
    """A link with clicks in every hour of a year, among others with clicks on every day."""
    link_id = new_id()
    with transaction(program.id):
        sums = "10, 5, 1, 1, 100, 10"
        execute(
            f"""INSERT INTO traffic_hours
                SELECT %(p)s, 'link', %(link)s, %(since)s::timestamptz + n * interval '1 hour', {sums}
                FROM generate_series(0, 24 * %(days)s - 1) n""",
            p=program.id, link=str(link_id), since=TODAY - timedelta(days=DAYS - 1), days=DAYS,
        )  # fmt: skip
        execute(
            f"""INSERT INTO traffic_days
                SELECT %(p)s, 'link', %(since)s::date + n, key, {sums}
                FROM generate_series(0, %(days)s - 1) n, unnest(%(links)s::text[]) key""",
            p=program.id, since=TODAY - timedelta(days=DAYS - 1), days=DAYS,
            links=[str(link_id), *(str(new_id()) for _ in range(LINKS))],
        )  # fmt: skip
    return link_id


def test_a_year_of_a_link_is_answered_in_less_than_50_milliseconds(program: TestProgram, link_id: UUID) -> None:
    present = program.now()
    for interval, days in (("day", DAYS), ("month", DAYS), ("hour", 31)):
        asked = Asked(TODAY - timedelta(days=days - 1), TODAY)
        times = []
        for _ in range(10):
            started = time.perf_counter()
            with transaction(program.id, read_only=True):
                stats = stats_of(present, "link", str(link_id), interval, asked)
            times.append(time.perf_counter() - started)
        assert stats.totals.clicks == 10 * (days * 24 if interval == "hour" else days)
        assert min(times) < 0.05, interval


def test_traffic_never_reads_raw_clicks() -> None:
    read = {table for module in modules() if module.feature == "coupons.traffic" for _, table in tables_in(module)}
    assert {"traffic_hours", "traffic_days", "traffic_deltas"} <= read
    assert not {"clicks", "click_days"} & read
