"""An application for as many clients as a sale has."""

from collections.abc import Iterator

import pytest
from flask import Flask

from config.settings import load
from core.app import create_app
from core.db import db
from tests.clients import TestProgram


@pytest.fixture
def wide_app(program: TestProgram, database_environment: dict[str, str]) -> Iterator[Flask]:
    """The application with a connection for each of 64 clients."""
    app = create_app(load(database_environment | {"WEB_THREADS": "64"}))
    yield app
    with app.app_context():
        db.engine.dispose()
