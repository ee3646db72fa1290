"""Every job has a handler and a queue that somebody works; every schedule names a job."""

import inspect
import re
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask

from config.settings import load
from core.jobs.registry import JOBS, QUEUES, SCHEDULES, job
from core.servers.roster import roster
from tests.house.source import modules


def test_jobs_are_named_by_feature_and_verb(app: Flask) -> None:
    assert JOBS
    assert [name for name in JOBS if not re.fullmatch(r"[a-z_]+\.[a-z_]+", name)] == []


def test_every_queue_is_worked_by_a_process_of_its_own(app: Flask, tmp_path: Path) -> None:
    programs = roster(load({"DATA_DIR": str(tmp_path)}))
    worked = [program.command[-1] for program in programs if "core.jobs.worker" in program.command]
    assert sorted(worked) == sorted(QUEUES)
    assert {one.queue for one in JOBS.values()} <= set(QUEUES)


def test_every_schedule_names_a_job_that_needs_no_arguments(app: Flask) -> None:
    for name in SCHEDULES:
        parameters = list(inspect.signature(JOBS[name].handler).parameters.values())[1:]
        assert all(one.default is not inspect.Parameter.empty for one in parameters), name


def test_the_first_argument_of_a_job_is_the_program(app: Flask) -> None:
    for name, one in JOBS.items():
        first = next(iter(inspect.signature(one.handler).parameters.values()))
        assert first.name == "program_id", name


def test_a_name_is_given_once() -> None:
    @job("house.only_once")
    def first(program_id: UUID) -> None: ...

    with pytest.raises(ValueError, match="two jobs named"):

        @job("house.only_once")
        def second(program_id: UUID) -> None: ...

    del JOBS["house.only_once"]


def test_a_queue_that_nobody_works_is_refused() -> None:
    with pytest.raises(ValueError, match="no queue"):
        job("house.lost", queue="nobodys")


def test_every_published_job_exists(app: Flask) -> None:
    """`publish(program_id, "payouts.submit", …)` with a misspelt name would fail only when it is needed."""
    call = re.compile(r"""publish(?:_many|_unless_waiting)?\(\s*[\w.]+,\s*"([\w.]+)\"""")
    published = {
        name: module.name for module in modules() for name in call.findall(module.path.read_text(encoding="utf-8"))
    }
    assert published
    assert {name: where for name, where in published.items() if name not in JOBS} == {}
