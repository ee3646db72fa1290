"""A job happens once, however often and however late it is delivered."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from core.clock import frozen_at, now
from core.db import execute, fetch_one, transaction
from core.jobs import outbox
from core.jobs.cli import StuckJob, stuck_jobs
from core.jobs.outbox import MAX_ATTEMPTS, Delivery
from tests.clients import TestProgram
from tests.core.jobs.conftest import LEASE
from tests.core.jobs.handlers import effects_of
from tests.jobs import deliver_now, lease_jobs
from tests.threads import together


@pytest.fixture
def name() -> str:
    return uuid4().hex


def _publish(program: TestProgram, job: str, **arguments: Any) -> None:
    with transaction(program.id):
        outbox.publish(program.id, job, arguments)


def _lease(program: TestProgram) -> Delivery:
    (one,) = lease_jobs(program.id, "default")
    return one


def _row(program: TestProgram, delivery: Delivery) -> StuckJob:
    with transaction(program.id):
        found = fetch_one(
            StuckJob,
            """SELECT id, program_id, job, queue, status, attempt, failures, created_at, run_at, last_error
               FROM outbox WHERE id = %(id)s""",
            id=delivery.id,
        )
    assert found is not None
    return found


def test_a_job_exists_only_when_its_transaction_commits(company: TestProgram, name: str) -> None:
    with pytest.raises(ZeroDivisionError), transaction(company.id):  # noqa: PT012 -- the block is what is rolled back
        outbox.publish(company.id, "trial.effect", {"name": name})
        _ = 1 // 0
    assert lease_jobs(company.id, "default") == []


def test_delivered_twice_it_has_its_effect_once(company: TestProgram, name: str) -> None:
    _publish(company, "trial.effect", name=name)
    one = _lease(company)
    deliver_now(one)
    deliver_now(one)
    assert effects_of(name) == 1
    assert _row(company, one).status == "done"


def test_delivered_ten_times_at_once_it_has_its_effect_once(company: TestProgram, name: str) -> None:
    _publish(company, "trial.effect", name=name)
    one = _lease(company)
    together(company.app, *[lambda: deliver_now(one) for _ in range(10)])
    assert effects_of(name) == 1


def test_a_delivery_that_a_newer_one_has_overtaken_has_no_effect(company: TestProgram, name: str) -> None:
    _publish(company, "trial.effect", name=name)
    late = _lease(company)
    with frozen_at(now() + timedelta(minutes=6)):
        newer = _lease(company)
    assert (late.id, late.attempt, newer.attempt) == (newer.id, 1, 2)
    deliver_now(late)
    assert effects_of(name) == 0
    deliver_now(newer)
    deliver_now(late)
    assert effects_of(name) == 1


def test_an_overtaken_delivery_does_not_end_the_newer_one(company: TestProgram, name: str) -> None:
    """A job with its own transactions that outlived its lease: its mark is stale and changes nothing."""
    _publish(company, "trial.alone", name=name, mark="/", seconds=0)
    late = _lease(company)
    with frozen_at(now() + timedelta(minutes=6)):
        newer = _lease(company)
    with transaction(company.id):
        assert not outbox.finish(late)
        outbox.give_back(late, "late")
    assert _row(company, newer).status == "leased"
    deliver_now(newer)
    assert (_row(company, newer).status, effects_of(name)) == ("done", 1)


def test_a_failure_undoes_the_work_and_waits_longer_each_time(company: TestProgram, name: str) -> None:
    _publish(company, "trial.fails", name=name)
    at, waits = now(), []
    for _ in range(6):
        with frozen_at(at):
            one = _lease(company)
            deliver_now(one)
            assert lease_jobs(company.id, "default") == []
            row = _row(company, one)
            waits.append((row.run_at - at).total_seconds())
            at = row.run_at
    assert waits == [1, 2, 4, 8, 16, 32]
    assert effects_of(name) == 0
    assert (row.status, row.failures, row.last_error) == ("pending", 6, f"ValueError: no luck with {name}")


def test_after_the_last_attempt_it_is_parked_where_it_is_seen(company: TestProgram, name: str) -> None:
    _publish(company, "trial.fails", name=name)
    at = now()
    for _ in range(MAX_ATTEMPTS):
        with frozen_at(at):
            one = _lease(company)
            deliver_now(one)
        at += timedelta(minutes=11)  # the longest wait is ten
    with frozen_at(at):
        assert lease_jobs(company.id, "default") == []
    assert (_row(company, one).status, _row(company, one).failures) == ("failed", MAX_ATTEMPTS)
    with transaction():
        assert one.id in {job.id for job in stuck_jobs()}


def test_lost_deliveries_do_not_use_up_the_attempts(company: TestProgram, name: str) -> None:
    """A worker that is away for an hour must not make a job fail for good."""
    _publish(company, "trial.fails", name=name)
    at = now()
    for _ in range(2 * MAX_ATTEMPTS):
        with frozen_at(at):
            one = _lease(company)
        at += timedelta(minutes=6)
    with frozen_at(at - timedelta(minutes=6)):
        deliver_now(one)
    row = _row(company, one)
    assert (row.status, row.failures, row.attempt) == ("pending", 1, 2 * MAX_ATTEMPTS)


def test_a_job_that_this_version_does_not_know_waits_for_one_that_does(company: TestProgram, name: str) -> None:
    _publish(company, "trial.effect", name=name)
    with transaction(company.id):
        execute("UPDATE outbox SET job = 'trial.unheard_of' WHERE program_id = %(p)s", p=company.id)
    one = _lease(company)
    deliver_now(one)
    row = _row(company, one)
    assert (row.status, row.failures) == ("pending", 1)
    assert "trial.unheard_of" in str(row.last_error)


def test_a_job_for_later_is_not_due_now(company: TestProgram, name: str) -> None:
    with transaction(company.id):
        outbox.publish(company.id, "trial.effect", {"name": name}, run_at=now() + timedelta(hours=1))
    assert lease_jobs(company.id, "default") == []
    with frozen_at(now() + timedelta(hours=1, seconds=1)):
        deliver_now(_lease(company))
    assert effects_of(name) == 1


def test_a_queue_gets_its_own_jobs_only(company: TestProgram, name: str) -> None:
    _publish(company, "trial.money", name=name)
    assert lease_jobs(company.id, "default") == []
    assert [one.job for one in lease_jobs(company.id, "money")] == ["trial.money"]


def test_a_sweep_waits_once(company: TestProgram) -> None:
    with transaction(company.id):
        for _ in range(3):
            outbox.publish_unless_waiting(company.id, "core.upkeep")
    assert len(lease_jobs(company.id, "default", most=10)) == 1
    with transaction(company.id):
        outbox.publish_unless_waiting(company.id, "core.upkeep")
    assert lease_jobs(company.id, "default") == [], "one is running"


def test_done_jobs_are_forgotten_after_their_time(company: TestProgram, name: str) -> None:
    _publish(company, "trial.effect", name=name)
    deliver_now(_lease(company))
    with transaction(company.id):
        assert outbox.prune(company.id, now() - LEASE) == 0
        assert outbox.prune(company.id, now() + LEASE) == 1


def test_a_job_of_another_program_is_not_touched(company: TestProgram, jobs_app: Flask, name: str) -> None:
    from tests.clients import make_program

    other = make_program(jobs_app)
    _publish(company, "trial.effect", name=name)
    one = _lease(company)
    deliver_now(one._replace(program_id=other.id))
    assert effects_of(name) == 0
