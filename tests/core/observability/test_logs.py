"""Logs: one JSON object a line with the request's id, and nothing personal or secret in any of them."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Blueprint, Flask

from config.settings import load
from core.app import create_app
from core.db import connection, transaction
from core.http.endpoint import endpoint
from core.observability.logging import configure_logging, without_values
from tests.clients import make_program


@pytest.fixture
def talkative(database_environment: dict[str, str]) -> Iterator[Flask]:
    """An application that logs every request."""
    app = create_app(load(database_environment | {"LOG_LEVEL": "info"}), process="web-test")
    blueprint = Blueprint("faulty", __name__)

    @blueprint.post("/v1/collide/<ref:ref>")
    @endpoint("members:write", summary="Violate a constraint")
    def collide(actor: Any, ref: str) -> Any:
        for _ in range(2):
            connection().execute(
                "INSERT INTO operation_flags (name, detail, set_at) VALUES (%s, '{}', now())", (f"{ref} Ada Lovelace",)
            )

    app.register_blueprint(blueprint)
    with app.app_context():
        yield app
    configure_logging("warning", "tests")


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_request_is_one_line_with_its_id(talkative: Flask, capfd: pytest.CaptureFixture[str]) -> None:
    program = make_program(talkative)
    capfd.readouterr()
    program.client.get("/v1/program", headers={"X-Request-Id": "abc"})
    (line,) = [line for line in _lines(capfd.readouterr().err) if line["event"] == "request"]
    assert line["request_id"] == "abc"
    assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/program", 200)
    assert (line["process"], line["level"]) == ("web-test", "info")
    assert line["actor"].startswith("key_")
    assert line["program"] == str(program.id)


def test_nothing_personal_or_secret_is_logged(talkative: Flask, capfd: pytest.CaptureFixture[str]) -> None:
    program = make_program(talkative, strict_contract=False)  # a 500 is never part of the contract
    owner = program.staff("owner")
    capfd.readouterr()
    secrets = [
        program.api_key,
        str(owner.credential),
        "ada@staff.example",
        "Ada Lovelace",
        "hunter2",
        "ext-4711",
        "idem-1",
    ]
    program.anonymous.post("/v1/auth/staff", {"email": "ada@staff.example", "password": "hunter2"})
    made = owner.post(
        "/v1/staff", {"email": "ada@staff.example", "role": "viewer", "name": "Ada Lovelace"},
        headers={"Idempotency-Key": "idem-1"},
    )  # fmt: skip
    secrets.append(made.json["password"])
    secrets.append(owner.post("/v1/api-keys", {"name": "Ada Lovelace"}).json["key"])
    program.client.get("/v1/members/ext:ext-4711?q=Ada%20Lovelace")
    broken = program.client.post("/v1/collide/ext:ext-4711")
    assert broken.status_code == 500
    logged = capfd.readouterr().err
    assert "UniqueViolation" in logged
    assert [secret for secret in secrets if secret in logged] == []


def test_an_error_is_logged_with_traceback_and_request_id(talkative: Flask, capfd: pytest.CaptureFixture[str]) -> None:
    program = make_program(talkative, strict_contract=False)
    capfd.readouterr()
    answer = program.client.post("/v1/collide/ext:x")
    (line,) = [line for line in _lines(capfd.readouterr().err) if line["event"] == "unexpected error"]
    assert line["request_id"] == answer.json["request_id"]
    assert "Traceback" in line["exception"]
    assert "duplicate key value" in line["exception"]
    assert "DETAIL" not in line["exception"]


def test_other_libraries_log_json_too(talkative: Flask, capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("somebody.else").warning("careful: %s", 42)
    (line,) = _lines(capfd.readouterr().err)
    assert (line["event"], line["level"], line["process"]) == ("careful: 42", "warning", "web-test")


def test_the_values_that_postgresql_repeats_are_cut(app: Flask) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation) as caught, transaction():  # noqa: PT012 -- the block is what is rolled back
        for _ in range(2):
            connection().execute("INSERT INTO operation_flags (name, detail, set_at) VALUES ('Ada', '{}', now())")
    assert "Ada" in str(caught.value)
    told = without_values(str(caught.value))
    assert told == 'duplicate key value violates unique constraint "pk_operation_flags"'
