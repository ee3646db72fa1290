"""Fixtures of notices."""

import pytest
from flask import Flask

from tests.clients import TestProgram, make_program
from tests.community.notices.stage import Stage


@pytest.fixture
def stage(program: TestProgram) -> Stage:
    return Stage(program)


@pytest.fixture
def other_program(app: Flask) -> TestProgram:
    """A second program, which must see nothing of the first."""
    return make_program(app)
