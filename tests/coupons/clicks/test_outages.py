"""A server is away: known links are followed all the same, and nobody waits long for it."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask
from flask_migrate import upgrade

from config.settings import load
from core.app import create_app, register_migrations
from core.auth import publishable as remembered
from core.caching.feed import feed_of
from core.servers.postgres import Postgres
from core.servers.valkey import Valkey
from coupons.clicks import cache, shared_targets
from tests.clients import make_program
from tests.coupons.clicks.following import eventually, follow, make_link, publishable, written
from tests.servers import Servers, environment

UNKNOWN = "c-nobody-ever-made"


class Own(NamedTuple):
    """An application and the servers it stands on."""

    app: Flask
    postgres: Postgres
    valkey: Valkey


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Servers that a test may stop, with a migrated database."""
    folder = Path(tempfile.mkdtemp(prefix="banyan-own-"))
    folder.chmod(0o711)  # as root, PostgreSQL runs as somebody else
    made = Servers(folder)
    postgres = made.postgres()
    postgres.init()
    postgres.start()
    postgres.ensure_roles_and_database()
    postgres.create_database("own")
    app = create_app(load(environment(made, "own", 0)))
    register_migrations(app)
    with app.app_context():
        upgrade()
        app.extensions["sqlalchemy"].engine.dispose()
    postgres.stop()
    yield made
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own(servers: Servers) -> Iterator[Own]:
    """Both servers, running until the test stops them, and a fresh application."""
    postgres, valkey = servers.postgres(), servers.valkey()
    try:
        postgres.start()
        valkey.init()
        valkey.start()
        app = create_app(load(environment(servers, "own", 0)))
        with app.app_context():
            yield Own(app, postgres, valkey)
            feed_of(app).stop()
    finally:
        valkey.stop()
        postgres.stop()


def test_without_valkey_links_come_from_the_database(own: Own) -> None:
    program = make_program(own.app)
    known, unseen = make_link(program), make_link(program)
    assert follow(own.app, known.code).status_code == 302
    own.valkey.stop()
    assert {follow(own.app, link.code).status_code for link in (known, unseen)} == {302}
    assert len(written(own.app, program)) == 3


def test_without_the_database_known_links_are_followed(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_targets, "_TIMEOUT_SECONDS", 10.0)  # on a busy machine Valkey must learn of them too
    program = make_program(own.app)
    link, other = make_link(program), make_link(program)
    page = publishable(program)
    assert page.post("/v1/clicks", {"code": link.code}).status_code == 201
    assert follow(own.app, other.code).status_code == 302
    own.postgres.stop()

    assert follow(own.app, link.code).status_code == 302  # from the process
    assert page.post("/v1/clicks", {"code": link.code}).status_code == 201
    refused = follow(own.app, UNKNOWN)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    targets = own.app.extensions["clicks"].targets
    monkeypatch.setattr(cache, "TRUSTED_SECONDS", -1.0)
    targets.present.clear()  # as in a process that starts now
    assert follow(own.app, other.code).status_code == 302  # from Valkey, however old it is
    assert other.code not in targets.present
    own.valkey.stop()
    assert follow(own.app, other.code).status_code == 503
    assert len(written(own.app, program)) == 5


def test_when_the_database_is_back_so_is_everything(own: Own) -> None:
    program = make_program(own.app)
    link = make_link(program)
    own.postgres.stop()
    assert follow(own.app, link.code).status_code == 503
    own.postgres.start()
    eventually(lambda: follow(own.app, link.code).status_code == 302, 5)
    assert follow(own.app, UNKNOWN).status_code == 404


def test_a_publishable_key_outlives_the_database_for_ten_minutes(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    program = make_program(own.app)
    body, page = {"code": make_link(program).code}, publishable(program)
    assert page.post("/v1/clicks", body).status_code == 201
    assert program.client.post("/v1/clicks", body).status_code == 201
    own.postgres.stop()
    began = time.monotonic()
    monkeypatch.setattr(remembered.time, "monotonic", lambda: began + 590)
    assert page.post("/v1/clicks", body).status_code == 201
    assert program.client.post("/v1/clicks", body).status_code == 503  # its revocation could not be seen
    monkeypatch.setattr(remembered.time, "monotonic", lambda: began + 605)
    assert page.post("/v1/clicks", body).status_code == 503


def test_a_valkey_that_hangs_costs_a_fifth_of_a_second_and_not_every_time(own: Own) -> None:
    program = make_program(own.app)
    links = [make_link(program) for _ in range(20)]
    assert follow(own.app, links[0].code).status_code == 302
    _process(own.valkey).send_signal(signal.SIGSTOP)
    try:
        began = time.perf_counter()
        assert {follow(own.app, link.code).status_code for link in links[1:]} == {302}
        assert time.perf_counter() - began < 1.0
    finally:
        _process(own.valkey).send_signal(signal.SIGCONT)


def _process(valkey: Valkey) -> "subprocess.Popen[bytes]":
    assert valkey._child is not None
    return valkey._child
