"""An application that posts to played platforms."""

from collections.abc import Iterator

import pytest
from flask import Flask

from config.settings import load
from core.app import create_app
from tests.community.chat import Chat, played_chat


@pytest.fixture(scope="session")
def played() -> Iterator[Chat]:
    """One playing server for all tests; windows stay long enough to be filled."""
    with played_chat(window_scale=0.01) as chat:
        yield chat


@pytest.fixture
def chat(played: Chat) -> Chat:
    """Platforms without memory or faults. Each test takes targets of its own numbers: windows are not emptied."""
    played.empty()
    return played


@pytest.fixture(scope="session")
def app(database_environment: dict[str, str], played: Chat) -> Flask:
    """The application of the other tests, but for where its messages go."""
    return create_app(load(database_environment | played.environment))
