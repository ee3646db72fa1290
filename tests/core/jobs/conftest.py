"""A database and a Valkey number for the jobs alone: a relay takes whatever is due, of every program."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import redis
from flask import Flask
from rq import Queue

import tests.core.jobs.handlers  # noqa: F401 -- registers the jobs
from config.settings import load
from core.app import create_app
from core.jobs import valkey
from core.jobs.registry import QUEUES
from core.jobs.relay import relay_once
from core.jobs.worker import work
from tests.clients import TestProgram, make_program
from tests.servers import TEMPLATE, Servers, environment, this_worker

LEASE = timedelta(seconds=60)


@pytest.fixture(scope="package")
def jobs_environment(servers: Servers) -> dict[str, str]:
    name = f"jobs_{this_worker()}"
    servers.postgres().create_database(name, template=TEMPLATE)
    return environment(servers, name, 15 - int(this_worker().removeprefix("gw")))


@pytest.fixture(scope="package")
def jobs_app(jobs_environment: dict[str, str]) -> Flask:
    return create_app(load(jobs_environment))


@pytest.fixture
def company(jobs_app: Flask) -> Iterator[TestProgram]:
    """A program in the jobs' own database, with nothing in Valkey and nothing that other tests left due."""
    client(jobs_app).flushdb()
    with psycopg.connect(jobs_app.config["SETTINGS"].admin_database_url.replace("+psycopg", "")) as owner:
        owner.execute("DELETE FROM outbox")
    with jobs_app.app_context():
        yield make_program(jobs_app)


def client(app: Flask) -> redis.Redis:
    return valkey.connect(app.config["SETTINGS"].redis_url)


def queues(app: Flask) -> list[Queue]:
    connection = client(app)
    return [valkey.queue_named(name, connection) for name in QUEUES]


def relay(app: Flask, lease: timedelta = LEASE) -> int:
    """Everything due, handed to Valkey."""
    return sum(iter(lambda: relay_once(queues(app), lease), 0))


def work_off(app: Flask, *names: str) -> None:
    """Work in this very process until the queues are empty; RQ's signal handlers do not stay."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for name in names or QUEUES:
            work(app, name, burst=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def relay_and_work(app: Flask, lease: timedelta = LEASE) -> None:
    """Until nothing is due any more."""
    while relay_once(queues(app), lease):
        work_off(app)


@contextmanager
def process(environment: dict[str, str], *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A real process of the product with the trial jobs; killed at the end, if it still lives."""
    command = [sys.executable, "-m", "tests.core.jobs.processes", *arguments]
    child = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def kill_when(path: Path, child: "subprocess.Popen[bytes]") -> None:
    """`kill -9` as soon as the job says that it has begun."""
    wait_for(path.exists)
    child.send_signal(signal.SIGKILL)
    child.wait()
