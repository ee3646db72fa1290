"""What comes round by itself comes round once, however many schedulers there are."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from core.clock import frozen_at, now
from core.db import execute, scalar, transaction
from core.jobs.registry import SCHEDULES, Schedule
from core.jobs.scheduler import ensure_schedules, tick
from tests.clients import TestProgram, make_program
from tests.threads import together

_faulty: set[UUID] = set()
_idle: set[UUID] = set()


def _has_work(program_id: UUID) -> bool:
    if program_id in _faulty:
        raise ValueError("a program in trouble")
    return program_id not in _idle


@pytest.fixture
def trial(company: TestProgram) -> Iterator[TestProgram]:
    """Only one schedule, due now."""
    others = dict(SCHEDULES)
    SCHEDULES.clear()
    SCHEDULES["core.upkeep"] = Schedule("core.upkeep", timedelta(hours=1), _has_work)
    with transaction():
        execute("DELETE FROM schedules")
    ensure_schedules()
    yield company
    SCHEDULES.clear()
    SCHEDULES.update(others)


def _waiting(program_id: UUID) -> int:
    with transaction(program_id):
        return int(scalar("SELECT count(*) FROM outbox WHERE program_id = %(p)s", p=program_id))


def test_a_schedule_is_due_when_it_is_new_and_then_once_in_its_time(trial: TestProgram) -> None:
    assert tick()
    assert _waiting(trial.id) == 1
    assert not tick()
    with transaction(trial.id):
        execute("UPDATE outbox SET status = 'done' WHERE program_id = %(p)s", p=trial.id)
    with frozen_at(now() + timedelta(minutes=61)):
        assert tick()
    assert _waiting(trial.id) == 2


def test_ten_schedulers_at_once_publish_once(trial: TestProgram) -> None:
    taken = together(trial.app, *[tick for _ in range(10)])
    assert sum(taken) == 1
    assert _waiting(trial.id) == 1


def test_ten_schedulers_that_start_at_once_agree_on_the_rows(trial: TestProgram) -> None:
    with transaction():
        execute("DELETE FROM schedules")
    together(trial.app, *[ensure_schedules for _ in range(10)])
    with transaction():
        assert scalar("SELECT count(*) FROM schedules") == 1


def test_a_program_without_work_gets_no_job(trial: TestProgram) -> None:
    _idle.add(trial.id)
    tick()
    assert _waiting(trial.id) == 0


def test_one_programs_trouble_does_not_stop_the_others(trial: TestProgram, jobs_app: Flask) -> None:
    later = make_program(jobs_app)
    _faulty.add(trial.id)
    assert tick()
    assert (_waiting(trial.id), _waiting(later.id)) == (0, 1)


def test_a_schedule_of_another_version_is_left_alone(trial: TestProgram) -> None:
    with transaction():
        execute("INSERT INTO schedules (name, next_run_at) VALUES ('gone.away', %(at)s)", at=now() - timedelta(days=1))
    assert tick()
    assert not tick()
