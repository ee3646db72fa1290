"""The kernel's own tests hold every answer against the contract."""

import pytest
from flask import Flask

from tests.clients import TestProgram, make_program


@pytest.fixture
def program(app: Flask) -> TestProgram:
    """A fresh program whose clients refuse an answer that the contract does not foresee."""
    return make_program(app, strict_contract=True)
