"""Whatever dies in whatever moment, every job runs, and its effect is there once."""

import json
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from flask import Flask
from flask_migrate import upgrade

from config.settings import load
from core.app import create_app, register_migrations
from core.clock import frozen_at, now
from core.db import fetch_all, transaction
from core.jobs import outbox
from core.jobs.cli import StuckJob
from core.jobs.process import OUTAGES
from core.jobs.relay import relay_once
from tests.clients import TestProgram, make_program
from tests.core.jobs.conftest import (
    LEASE,
    client,
    kill_when,
    process,
    queues,
    relay,
    relay_and_work,
    wait_for,
    work_off,
)  # fmt: skip
from tests.core.jobs.handlers import effects_of
from tests.servers import Servers, environment, running_servers
from tests.threads import together

SHORT = timedelta(seconds=1)


def _publish(program: TestProgram, job: str, count: int = 1, **arguments: object) -> list[str]:
    names = [uuid4().hex for _ in range(count)]
    with transaction(program.id):
        outbox.publish_many(program.id, job, [{"name": name, **arguments} for name in names])
    return names


def _rows(program: TestProgram) -> list[StuckJob]:
    with transaction(program.id):
        return fetch_all(
            StuckJob,
            """SELECT id, program_id, job, queue, status, attempt, failures, created_at, run_at, last_error
               FROM outbox WHERE program_id = %(p)s""",
            p=program.id,
        )


def test_published_relayed_worked_off(company: TestProgram) -> None:
    names = _publish(company, "trial.effect", 30) + _publish(company, "trial.money", 30)
    relay_and_work(company.app)
    assert {effects_of(name) for name in names} == {1}
    assert {(row.status, row.attempt) for row in _rows(company)} == {("done", 1)}
    assert list(client(company.app).keys("rq:job:*")) == [], "nothing piles up in Valkey"


@pytest.mark.parametrize("job", ["trial.slow", "trial.alone"])
def test_a_job_whose_worker_is_killed_runs_again_after_its_lease(
    company: TestProgram, jobs_environment: dict[str, str], tmp_path: Path, job: str
) -> None:
    mark = tmp_path / "begun"
    (name,) = _publish(company, job, mark=str(mark), seconds=60)
    assert relay(company.app, SHORT) == 1
    with process(jobs_environment, "core.jobs.worker", "default") as worker:
        kill_when(mark, worker)
    assert effects_of(name) == 0
    wait_for(lambda: relay(company.app, LEASE) == 1)
    work_off(company.app)
    assert effects_of(name) == 1
    (row,) = _rows(company)
    assert row.status == "done"
    assert row.attempt >= 2


def test_a_worker_told_to_stop_finishes_its_job(
    company: TestProgram, jobs_environment: dict[str, str], tmp_path: Path
) -> None:
    mark = tmp_path / "begun"
    (name,) = _publish(company, "trial.slow", mark=str(mark), seconds=1)
    relay(company.app)
    with process(jobs_environment, "core.jobs.worker", "default") as worker:
        wait_for(mark.exists)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    assert effects_of(name) == 1


def test_jobs_that_valkey_forgot_run_all_the_same(company: TestProgram) -> None:
    names = _publish(company, "trial.effect", 60)
    assert relay_once(queues(company.app), LEASE) > 0
    client(company.app).flushdb()
    with frozen_at(now() + LEASE + SHORT):
        relay_and_work(company.app)
    assert {effects_of(name) for name in names} == {1}


def test_a_relay_that_dies_between_lease_and_queue_loses_nothing(
    company: TestProgram, jobs_environment: dict[str, str]
) -> None:
    names = _publish(company, "trial.effect", 5)
    with process(jobs_environment, "--die-before-enqueue", "core.jobs.relay") as dying:
        assert dying.wait(timeout=30) == -signal.SIGKILL
    assert {(row.status, row.attempt) for row in _rows(company)} == {("leased", 1)}
    assert sum(queue.count for queue in queues(company.app)) == 0
    with frozen_at(now() + LEASE + SHORT):
        relay_and_work(company.app)
    assert {effects_of(name) for name in names} == {1}


def test_two_relays_at_once_hand_over_every_job_once(company: TestProgram) -> None:
    names = _publish(company, "trial.effect", 35)
    counts = together(company.app, *[lambda: relay_once(queues(company.app), LEASE) for _ in range(8)])
    assert sum(counts) == 35
    assert {row.attempt for row in _rows(company)} == {1}
    work_off(company.app)
    assert {effects_of(name) for name in names} == {1}


def test_a_relay_hands_over_no_more_than_a_worker_can_hold(company: TestProgram) -> None:
    _publish(company, "trial.effect", 100)
    assert relay(company.app) == 40
    assert relay(company.app) == 0
    work_off(company.app)
    assert relay(company.app) == 40


def test_a_big_program_does_not_starve_a_small_one(company: TestProgram, jobs_app: Flask) -> None:
    other = make_program(jobs_app)
    _publish(company, "trial.effect", 100)
    (name,) = _publish(other, "trial.effect")
    relay_once(queues(jobs_app), LEASE)
    work_off(jobs_app)
    assert effects_of(name) == 1


def test_a_worker_without_valkey_ends_and_says_why(jobs_environment: dict[str, str]) -> None:
    away = jobs_environment | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    with process(away, "core.jobs.worker", "default") as worker:
        assert worker.wait(timeout=30) == 1


def test_an_unknown_queue_is_refused(jobs_environment: dict[str, str]) -> None:
    with process(jobs_environment, "core.jobs.worker", "nobodys") as worker:
        assert worker.wait(timeout=30) == 2


def test_relay_and_workers_wait_out_what_is_away() -> None:
    assert any(issubclass(psycopg.errors.AdminShutdown, kind) for kind in OUTAGES)


@pytest.fixture
def own_servers() -> Iterator[tuple[Servers, dict[str, str]]]:
    """Servers of this test's own, which it may kill."""
    with running_servers() as servers:
        servers.postgres().create_database("own")
        variables = environment(servers, "own", 0) | {"JOB_LEASE_SECONDS": "5"}
        app = create_app(load(variables))
        register_migrations(app)
        with app.app_context():
            upgrade()
            yield servers, variables
            app.extensions["sqlalchemy"].engine.dispose()


@pytest.mark.parametrize("victim", ["postgres", "valkey"])
def test_a_server_that_dies_under_relay_and_worker_is_waited_for(
    own_servers: tuple[Servers, dict[str, str]], tmp_path: Path, victim: str
) -> None:
    """Both processes live on, or are started again as the supervisor does; every job has its effect once."""
    servers, variables = own_servers
    app = create_app(load(variables))
    with app.app_context():
        company = make_program(app)
        before = _publish(company, "trial.effect", 100)
        with (
            process(variables, "core.jobs.relay") as relaying,
            process(variables, "core.jobs.worker", "default") as one,
        ):
            wait_for(lambda: sum(effects_of(name) for name in before) >= 10)
            _restart(servers, victim)
            with process(variables, "core.jobs.worker", "default"):  # the supervisor's next
                after = _publish_patiently(company, 40)
                wait_for(lambda: {effects_of(name) for name in before + after} == {1}, 60)
                assert relaying.poll() is None, "the relay waits instead of ending"
                assert one.poll() in {None, 0, 1}
        assert {row.status for row in _rows(company)} == {"done"}
        app.extensions["sqlalchemy"].engine.dispose()


def _publish_patiently(company: TestProgram, count: int) -> list[str]:
    for _ in range(50):
        try:
            return _publish(company, "trial.effect", count)
        except psycopg.OperationalError:
            wait_for(lambda: True)
    raise AssertionError("the database does not come back")


def _restart(servers: Servers, victim: str) -> None:
    """`kill -9`, then a new one on the same files (Valkey: without its files)."""
    if victim == "postgres":
        postgres = servers.postgres()
        postgres.stop()
        postgres.start()
        return
    own = servers.valkey()
    import redis

    with redis.Redis.from_url(own.url()) as connection:
        pid = json.loads(str(connection.info("server")["process_id"]))
    import os

    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not own.answers())
    own.start()
