"""Fixtures of links, clicks and coupons."""

import pytest
from flask import Flask

from tests.clients import TestProgram, make_program


@pytest.fixture
def other_program(app: Flask) -> TestProgram:
    """A second program, which must see nothing of the first."""
    return make_program(app)
