"""The operator's commands: exact JSON for scripts, a clear line and a non-zero exit for everything that is wrong."""

import json
import os
import subprocess
import sys
from typing import Any
from uuid import uuid4

import click
import pytest
from click.testing import Result
from flask import Flask

from config.settings import load
from core.app import create_app
from core.auth.access import KEY_SCOPES
from core.db import transaction
from core.ids import parse_public_id
from core.jobs import outbox
from tests.clients import ApiClient, TestProgram, make_program


def _run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments))


def _json(app: Flask, *arguments: str) -> Any:
    result = _run(app, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def name() -> str:
    return f"Acme {uuid4().hex[:8]}"


@pytest.fixture
def email() -> str:
    return f"{uuid4().hex}@staff.example"


def test_a_new_program_comes_with_an_owner_and_keys_that_work(app: Flask, name: str, email: str) -> None:
    made = _json(app, "program", "create", "--name", name, "--currency", "GBP", "--owner-email", email)
    assert set(made) == {"program_id", "api_key", "publishable_key", "owner"}
    assert made["owner"]["email"] == email
    assert made["publishable_key"].startswith("pk_")
    shown = ApiClient(app, made["api_key"]).get("/v1/program").json
    assert (shown["id"], shown["name"], shown["currency"]) == (made["program_id"], name, "GBP")
    assert shown["timezone"] == "Asia/Shanghai"
    token = ApiClient(app, None).post("/v1/auth/staff", made["owner"]).json["access_token"]
    events = ApiClient(app, token).get("/v1/audit-events").json["data"]
    assert [(event["actor"]["kind"], event["action"], event["target"]) for event in events] == [
        ("system", "programs.create_program", made["program_id"])
    ]


def test_the_time_zone_can_be_said(app: Flask, name: str, email: str) -> None:
    options = ("--name", name, "--currency", "gbp", "--owner-email", email, "--timezone", "UTC")
    made = _json(app, "program", "create", *options)
    shown = ApiClient(app, made["api_key"]).get("/v1/program").json
    assert (shown["timezone"], shown["currency"]) == ("UTC", "GBP")


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--currency", "XXX", "ISO 4217"),
        ("--timezone", "Mars/Olympus", "IANA"),
        ("--owner-email", "nobody", "email"),
        ("--name", "", "Length"),
    ],
)
def test_a_wrong_option_is_told_and_makes_nothing(
    app: Flask, name: str, email: str, option: str, value: str, told: str
) -> None:
    options = {"--name": name, "--currency": "GBP", "--owner-email": email} | {option: value}
    result = _run(app, "program", "create", *[word for pair in options.items() for word in pair], "--json")
    assert result.exit_code != 0
    assert result.stdout == ""
    assert told in result.stderr
    assert name not in _run(app, "program", "list").stdout


def test_an_address_that_is_taken_makes_no_program(app: Flask, name: str, email: str) -> None:
    options = ("--name", name, "--currency", "GBP", "--owner-email", email)
    _json(app, "program", "create", *options)
    result = _run(app, "program", "create", *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "e-mail" in result.stderr
    assert [one["name"] for one in _json(app, "program", "list")].count(name) == 1


def test_a_program_is_found_by_id_number_and_name(app: Flask, name: str, email: str) -> None:
    made = _json(app, "program", "create", "--name", name, "--currency", "GBP", "--owner-email", email)
    number = next(one["number"] for one in _json(app, "program", "list") if one["name"] == name)
    for text in (made["program_id"], str(number), name, name.upper()):
        assert len(_json(app, "key", "list", "--program", text)) == 2


def test_a_name_that_two_programs_have_is_ambiguous(app: Flask, name: str) -> None:
    for _ in range(2):
        options = ("--name", name, "--currency", "GBP", "--owner-email", f"{uuid4().hex}@a.example")
        _json(app, "program", "create", *options)
    result = _run(app, "key", "list", "--program", name)
    assert result.exit_code == 2
    assert "2 programs are named" in result.stderr
    assert result.stderr.count("prg_") == 2


def test_an_unknown_program_is_told(app: Flask) -> None:
    result = _run(app, "key", "list", "--program", "nowhere")
    assert result.exit_code == 2
    assert "flask program list" in result.stderr


def _public(program: TestProgram) -> str:
    return str(program.client.get("/v1/program").json["id"])


def test_staff_are_added_with_their_role(app: Flask, program: TestProgram, email: str) -> None:
    options = ("--program", _public(program), "--email", email.upper(), "--role", "finance")
    made = _json(app, "staff", "create", *options)
    assert set(made) == {"staff_id", "email", "role", "password"}
    assert (made["email"], made["role"]) == (email, "finance")
    signed_in = program.anonymous.post("/v1/auth/staff", {"email": email, "password": made["password"]})
    assert signed_in.status_code == 200
    events = program.staff("owner").get(f"/v1/audit-events?target={made['staff_id']}").json["data"]
    assert [(event["actor"]["kind"], event["action"], event["detail"]) for event in events] == [
        ("system", "auth.create_staff", {"role": "finance"})
    ]


def test_a_role_that_is_none_is_refused_with_those_there_are(app: Flask, program: TestProgram, email: str) -> None:
    result = _run(app, "staff", "create", "--program", _public(program), "--email", email, "--role", "king")
    assert result.exit_code == 2
    assert "finance" in result.stderr


def test_a_key_is_made_listed_and_revoked(app: Flask, program: TestProgram) -> None:
    program_id = _public(program)
    options = ("--program", program_id, "--name", "reader", "--scope", "program:read", "--scope", "members:read")
    made = _json(app, "key", "create", *options)
    assert made["scopes"] == ["members:read", "program:read"]
    client = program.client_with(made["key"])
    assert client.get("/v1/program").status_code == 200
    assert client.patch("/v1/program", {"name": "x"}).status_code == 403
    listed = _run(app, "key", "list", "--program", program_id).stdout
    assert made["key_id"] in listed
    assert made["key"] not in listed
    assert _run(app, "key", "revoke", "--program", program_id, made["key_id"]).exit_code == 0
    assert client.get("/v1/program").status_code == 401
    assert "revoked" in _run(app, "key", "list", "--program", program_id).stdout


def test_a_key_without_scopes_named_has_all_that_keys_may_have(app: Flask, program: TestProgram) -> None:
    made = _json(app, "key", "create", "--program", _public(program), "--name", "all")
    assert set(made["scopes"]) == set(KEY_SCOPES)


@pytest.mark.parametrize("key_id", ["nonsense", "key_" + "0" * 26])
def test_revoking_what_is_no_key_of_the_program_fails(app: Flask, program: TestProgram, key_id: str) -> None:
    result = _run(app, "key", "revoke", "--program", _public(program), key_id)
    assert result.exit_code != 0
    assert result.stderr


def test_without_json_a_person_can_read_it(app: Flask, program: TestProgram, email: str) -> None:
    result = _run(app, "staff", "create", "--program", _public(program), "--email", email, "--role", "viewer")
    assert result.exit_code == 0
    assert "not shown again" in result.stdout
    assert email in result.stdout


def test_stuck_jobs_are_listed_and_put_back_to_work(app: Flask, program: TestProgram) -> None:
    with transaction(program.id):
        outbox.publish(program.id, "core.upkeep", {})
        (one,) = outbox.lease(program.id, "default", 1, outbox._LONGEST_BACK_OFF)
    for _ in range(outbox.MAX_ATTEMPTS):
        with transaction(program.id):
            outbox.give_back(one, "ValueError: no")
            from core.db import execute

            execute("UPDATE outbox SET status = 'leased' WHERE id = %(id)s AND status = 'pending'", id=one.id)
    mine = next(job for job in _json(app, "jobs") if parse_public_id("job", job["id"]) == one.id)
    assert (mine["status"], mine["failures"], mine["last_error"]) == ("failed", 25, "ValueError: no")
    assert "ValueError: no" in _run(app, "jobs").stdout
    assert _run(app, "jobs", "--retry", mine["id"]).exit_code == 0
    with transaction(program.id):
        assert len(outbox.lease(program.id, "default", 5, outbox._LONGEST_BACK_OFF)) == 1
    assert _run(app, "jobs", "--retry", mine["id"]).exit_code == 2, "it runs just now"
    assert _run(app, "jobs", "--retry", "job_x").exit_code == 2


def test_a_database_that_is_away_is_one_clear_line(database_environment: dict[str, str]) -> None:
    app = create_app(load(database_environment | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}))
    for arguments in (["program", "list"], ["jobs"], ["key", "list", "--program", "1"]):
        result = _run(app, *arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "Error: The database cannot be reached: start it with `make run`.\n"


def _flask(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flask", *arguments]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_as_a_real_command_json_stands_alone_on_standard_output(
    database_environment: dict[str, str], name: str, email: str
) -> None:
    environment = database_environment | {"LOG_LEVEL": "debug"}
    options = ("--name", name, "--currency", "GBP", "--owner-email", email, "--json")
    run = _flask(environment, "program", "create", *options)
    assert run.returncode == 0, run.stderr
    assert set(json.loads(run.stdout)) == {"program_id", "api_key", "publishable_key", "owner"}


def test_wrong_settings_are_told_in_their_own_words(database_environment: dict[str, str]) -> None:
    run = _flask(database_environment | {"PORT": "x"}, "program", "list")
    assert run.returncode != 0
    assert "PORT is 'x'" in run.stderr
    assert "Traceback" not in run.stderr


def test_every_command_says_what_it_does(app: Flask) -> None:
    from core.auth.cli import commands as auth
    from core.http.cli import commands as contract
    from core.jobs.cli import commands as jobs
    from core.programs.cli import commands as programs

    waiting: list[click.Command] = [*auth, *contract, *jobs, *programs]
    while waiting:
        command = waiting.pop()
        assert command.help, command.name
        waiting += getattr(command, "commands", {}).values()


def test_programs_of_other_tests_do_not_show_in_key_lists(app: Flask, program: TestProgram) -> None:
    other = make_program(app)
    ids = {one["id"] for one in _json(app, "key", "list", "--program", _public(program))}
    assert ids.isdisjoint({one["id"] for one in _json(app, "key", "list", "--program", _public(other))})
