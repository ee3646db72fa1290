"""The contract as the application serves it."""

from typing import Any

import pytest
from flask import Flask

from core.http.openapi import document


@pytest.fixture
def openapi(app: Flask) -> dict[str, Any]:
    return document()
