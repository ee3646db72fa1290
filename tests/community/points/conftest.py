"""Another program, and an application for many clients at once."""

from collections.abc import Iterator

import pytest
from flask import Flask

from config.settings import load
from core.app import create_app
from core.db import db
from tests.clients import TestProgram, make_program


@pytest.fixture
def other(app: Flask) -> TestProgram:
    return make_program(app)


@pytest.fixture
def wide_app(program: TestProgram, database_environment: dict[str, str]) -> Iterator[Flask]:
    """The application with a connection for each of 64 clients."""
    app = create_app(load(database_environment | {"WEB_THREADS": "64"}))
    yield app
    with app.app_context():
        db.engine.dispose()
