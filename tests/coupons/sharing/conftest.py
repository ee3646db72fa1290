"""An application that may fetch from this machine, a shop's picture server, and a played WeChat."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask

from config.settings import load
from core.app import create_app
from coupons.sharing import mini_links, pictures
from coupons.sharing.wechat.played import PlayedWeChat
from coupons.sharing.wechat.server import serving
from tests.clients import TestProgram
from tests.coupons.sharing.shop import Pictures, Shop

APP_ID, SECRET = "wx0123456789abcdef", "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="session")
def played() -> Iterator[tuple[PlayedWeChat, str]]:
    """One WeChat for all tests, in a thread of this process, and its address."""
    state = PlayedWeChat({APP_ID: SECRET})
    server = serving(state)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield state, f"http://127.0.0.1:{server.port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def wechat(played: tuple[PlayedWeChat, str]) -> PlayedWeChat:
    """WeChat without memory or faults."""
    state, _ = played
    state.end_tokens()
    state.calls.clear()
    state.put_faults({})
    state.pages, state.token_seconds = None, 7200
    mini_links.forget_codes()
    return state


@pytest.fixture(scope="session")
def app(database_environment: dict[str, str], played: tuple[PlayedWeChat, str]) -> Flask:
    """The application of the other tests, but for what it may reach."""
    reach = {"ALLOW_PRIVATE_URLS": "1", "WECHAT_URL": played[1], "PUBLIC_URL": "https://go.example"}
    return create_app(load(database_environment | reach))


@pytest.fixture
def shop(program: TestProgram) -> Shop:
    """A program with one member, Ada, who shares links."""
    return Shop(program)


@pytest.fixture
def pictures_server() -> Iterator[Pictures]:
    """The web server of a shop's pictures."""
    pictures.forget()
    server = Pictures()
    threading.Thread(target=server.server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.server.shutdown()
    server.server.server_close()
