"""Fixtures every test may use. Each test makes its own program: tenancy keeps them apart, nothing is truncated."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade

from config.settings import load
from core.app import create_app, register_migrations
from tests.clients import ApiClient, TestProgram, make_program
from tests.servers import TEMPLATE, VARIABLE, Servers, environment, running_servers, this_worker


def pytest_configure(config: pytest.Config) -> None:
    """The controller of a run starts the servers before its workers exist."""
    if hasattr(config, "workerinput") or VARIABLE in os.environ:
        return
    running = running_servers()
    servers = running.__enter__()
    os.environ[VARIABLE] = str(servers.folder)
    config.add_cleanup(lambda: os.environ.pop(VARIABLE, None) and None)
    config.add_cleanup(lambda: running.__exit__(None, None, None) and None)
    servers.postgres().create_database(TEMPLATE)
    template = create_app(load(environment(servers, TEMPLATE, 0)))
    register_migrations(template)
    with template.app_context():
        upgrade()
        template.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture(scope="session")
def servers() -> Servers:
    return Servers(Path(os.environ[VARIABLE]))


@pytest.fixture(scope="session")
def database_environment(servers: Servers) -> dict[str, str]:
    """The environment of this worker's own migrated database."""
    name = f"banyan_{this_worker()}"
    servers.postgres().create_database(name, template=TEMPLATE)
    return environment(servers, name, 1 + int(this_worker().removeprefix("gw")))


@pytest.fixture(scope="session")
def app(database_environment: dict[str, str]) -> Flask:
    return create_app(load(database_environment))


@pytest.fixture(autouse=True)
def app_context(request: pytest.FixtureRequest) -> Iterator[None]:
    """An application context for tests that use the application, whatever they call."""
    if not {"app", "program", "client"} & set(request.fixturenames):
        yield
        return
    with request.getfixturevalue("app").app_context():
        yield


@pytest.fixture
def program(app: Flask) -> TestProgram:
    """A fresh program in GBP with an owner, an API key and default settings."""
    return make_program(app)


@pytest.fixture
def client(program: TestProgram) -> ApiClient:
    """A client of the fresh program that carries its API key."""
    return program.client
