"""A stage whose clock stands at noon of the first day; another program beside it; an application for many clients."""

from collections.abc import Iterator

import pytest
from flask import Flask

from config.settings import load
from core.app import create_app
from core.clock import frozen_at
from core.db import db
from tests.clients import TestProgram, make_program
from tests.community.activities.stage import NOON, Stage


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with frozen_at(NOON):
        yield


@pytest.fixture
def stage(clock: None, program: TestProgram) -> Stage:
    return Stage(program)


@pytest.fixture
def other(app: Flask) -> TestProgram:
    return make_program(app)


@pytest.fixture
def wide_app(program: TestProgram, database_environment: dict[str, str]) -> Iterator[Flask]:
    """The application with a connection for each of many clients."""
    app = create_app(load(database_environment | {"WEB_THREADS": "32"}))
    yield app
    with app.app_context():
        db.engine.dispose()
