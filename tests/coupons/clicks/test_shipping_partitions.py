"""Partitions are made ahead and dropped by age, on real dates, without keeping anybody waiting."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask

from core.clock import frozen_at
from core.db import scalars, transaction
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from coupons.clicks import partitions
from coupons.clicks.shipping import ship
from coupons.clicks.tasks import is_partitioning_due
from tests.clients import TestProgram
from tests.coupons.clicks.making import click, stored_clicks
from tests.jobs import run_jobs, waiting_jobs

FAR = datetime(2040, 1, 31, 12, tzinfo=UTC)  # no other test works there


@pytest.fixture
def carrier(program: TestProgram) -> TestProgram:
    """The oldest program of this database, which carries the work."""
    with transaction():
        (oldest,) = scalars("SELECT id FROM programs ORDER BY id LIMIT 1")
    return TestProgram(program.app, oldest, "")


@pytest.fixture
def owner(app: Flask) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    url = app.config["SETTINGS"].admin_database_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture(autouse=True)
def only_the_present_months(owner: psycopg.Connection[tuple[Any, ...]]) -> Iterator[None]:
    yield
    for name in months(owner):
        if name[-7:] >= "2030":
            owner.execute(f"DROP TABLE click_partitions.{name}")
    owner.execute("SELECT ensure_click_partitions(current_date - 31, current_date + 62)")


def months(owner: psycopg.Connection[tuple[Any, ...]]) -> set[str]:
    rows = owner.execute(
        """SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'click_partitions'::regnamespace"""
    )
    return {row[0] for row in rows}


def of(*names: str) -> set[str]:
    return {f"{table}_{name}" for name in names for table in ("clicks", "click_days")}


def test_the_daily_job_makes_two_months_ahead_and_drops_what_is_past(
    carrier: TestProgram, owner: psycopg.Connection[tuple[Any, ...]]
) -> None:
    with transaction():
        partitions.ensure_months([date(2038, 11, 1), date(2038, 12, 1), date(2039, 1, 1)])
    present = months(owner) - of("2038_11", "2038_12", "2039_01")
    with frozen_at(FAR):  # 400 days before lies 2038-12-27
        publish_where_due(carrier.id, [SCHEDULES["clicks.partition"]])
    with frozen_at(FAR + timedelta(seconds=1)):
        assert "clicks.partition" in run_jobs(carrier.id)
        assert months(owner) == of("2038_12", "2039_01", "2040_01", "2040_02", "2040_03", "2040_04") & months(owner)
        assert months(owner) >= of("2038_12", "2039_01", "2040_01", "2040_02", "2040_04") - of("2040_04")
        assert not present & months(owner)
        with transaction(carrier.id):
            assert not is_partitioning_due(carrier.id)
        publish_where_due(carrier.id, [SCHEDULES["clicks.partition"]])
        assert "clicks.partition" not in waiting_jobs(carrier.id)


def test_only_one_program_carries_the_work(program: TestProgram, carrier: TestProgram) -> None:
    with frozen_at(FAR):
        with transaction(carrier.id):
            assert is_partitioning_due(carrier.id)
        if program.id != carrier.id:
            with transaction(program.id):
                assert not is_partitioning_due(program.id)


@pytest.mark.parametrize(
    ("today", "kept"),
    [
        (datetime(2040, 3, 1, 0, 30, tzinfo=UTC), {"2040_03", "2040_04", "2040_05"}),  # 62 days on is May 2nd
        (datetime(2040, 1, 31, 23, 59, tzinfo=UTC), {"2040_01", "2040_02", "2040_03", "2040_04"}),
        (datetime(2039, 12, 31, 23, 59, tzinfo=UTC), {"2039_12", "2040_01", "2040_02", "2040_03"}),
    ],
)
def test_every_month_that_the_next_62_days_touch_is_made(
    app: Flask, owner: psycopg.Connection[tuple[Any, ...]], today: datetime, kept: set[str]
) -> None:
    with frozen_at(today), transaction():
        partitions.make_ahead()
    last = (today + timedelta(days=62)).date()
    expected = {name for name in kept if name <= f"{last:%Y_%m}"}
    assert {name for name in months(owner) if name[-7:] >= "2039"} == of(*expected)


def test_the_last_day_of_a_kept_month_keeps_it(app: Flask, owner: psycopg.Connection[tuple[Any, ...]]) -> None:
    with transaction():
        partitions.ensure_months([date(2039, 2, 1), date(2039, 3, 1)])
    with frozen_at(datetime(2039, 2, 28, tzinfo=UTC) + timedelta(days=400)), transaction():
        partitions.drop_old(400)
    assert of("2039_02") <= months(owner)
    with frozen_at(datetime(2039, 3, 1, tzinfo=UTC) + timedelta(days=400)), transaction():
        assert partitions.drop_old(400) >= 2
    assert not of("2039_02") & months(owner)
    assert of("2039_03") <= months(owner)


def test_making_a_partition_waits_for_no_reader_and_no_writer(
    program: TestProgram, owner: psycopg.Connection[tuple[Any, ...]]
) -> None:
    with owner.transaction():
        owner.execute("SELECT count(*) FROM clicks")
        owner.execute("DELETE FROM clicks WHERE false")
        assert ship([click(program.id, datetime(2035, 6, 1, 12, tzinfo=UTC))]).new == 1
    assert len(stored_clicks(program.id)) == 1


def test_dropping_gives_up_when_it_cannot_have_its_lock_at_once(
    app: Flask, owner: psycopg.Connection[tuple[Any, ...]]
) -> None:
    with transaction():
        partitions.ensure_months([date(2036, 1, 1)])
    with owner.transaction():
        owner.execute("SELECT count(*) FROM clicks")
        with frozen_at(FAR), pytest.raises(psycopg.errors.LockNotAvailable), transaction():
            partitions.drop_old(400)
    assert of("2036_01") <= months(owner)


def test_two_makers_at_once_make_a_month_once(program: TestProgram, owner: psycopg.Connection[tuple[Any, ...]]) -> None:
    from tests.threads import together

    def make() -> int:
        with transaction():
            return partitions.ensure_months([date(2037, 5, 1)])

    assert sorted(together(program.app, make, make, make)) == [0, 0, 1]
    assert of("2037_05") <= months(owner)


def test_a_partition_has_the_indexes_and_walls_of_its_parent(
    program: TestProgram, owner: psycopg.Connection[tuple[Any, ...]]
) -> None:
    with transaction():
        partitions.ensure_months([date(2034, 5, 1)])
    rows = owner.execute(
        """SELECT count(*) FROM pg_index WHERE indrelid = 'click_partitions.clicks_2034_05'::regclass"""
    ).fetchone()
    assert rows == (3,)
    assert owner.execute(
        "SELECT has_table_privilege('banyan_app', 'click_partitions.clicks_2034_05', 'SELECT')"
    ).fetchone() == (False,)
