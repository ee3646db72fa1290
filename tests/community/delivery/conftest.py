"""Groups on a played server, and what they are told, for tests of delivery."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from tests.clients import TestProgram
from tests.community.delivery.chats import Chats
from tests.community.delivery.scene import Scene


@pytest.fixture(scope="module")
def server() -> Iterator[Chats]:
    running = Chats()
    yield running
    running.close()


@pytest.fixture
def scene(app: Flask, program: TestProgram, server: Chats) -> Iterator[Scene]:
    """A program whose groups are on the played server, with minutes of real length."""
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(before, chat_url=server.url, chat_window_scale=1.0, allow_private_urls=True)
    server.book.clear()
    server.refused.clear()
    server.scripts.clear()
    server.seconds = 0.0
    server.released.clear()
    try:
        yield Scene(program, server)
    finally:
        app.config["SETTINGS"] = before
