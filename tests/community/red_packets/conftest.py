"""A program that gives red packets."""

from collections.abc import Iterator

import pytest
from flask import Flask

from config.settings import load
from core.app import create_app
from core.db import db
from tests.clients import TestProgram, make_program
from tests.community.red_packets.giving import Giving


@pytest.fixture
def giving(program: TestProgram) -> Giving:
    return Giving(program)


@pytest.fixture
def other_program(app: Flask) -> TestProgram:
    """A second program, which must see nothing of the first."""
    return make_program(app)


@pytest.fixture
def wide_app(program: TestProgram, database_environment: dict[str, str]) -> Iterator[Flask]:
    """The application with a connection for each of 64 clients."""
    app = create_app(load(database_environment | {"WEB_THREADS": "64"}))
    yield app
    with app.app_context():
        db.engine.dispose()
