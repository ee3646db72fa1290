"""Wrong passwords are limited per address of e-mail and of network, also when many come at once or Valkey is away."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from limits import RateLimitItem

from config.settings import load
from core.app import create_app
from core.auth import limits, staff
from core.auth.access import Role
from core.auth.limits import PER_ADDRESS, PER_EMAIL
from core.db import transaction
from tests.clients import ApiClient, TestProgram, make_program
from tests.threads import together


def _try(client: ApiClient, email: str, password: str = "wrong", *, source: str = "192.0.2.1") -> Any:
    return client.post(
        "/v1/auth/staff", {"email": email, "password": password}, environ_overrides={"REMOTE_ADDR": source}
    )


@pytest.fixture
def source() -> str:
    """A network address that no other test has used up."""
    return f"2001:db8::{uuid4().hex[:4]}:{uuid4().hex[:4]}"


def test_the_eleventh_wrong_password_has_to_wait(program: TestProgram, source: str) -> None:
    email = f"{uuid4().hex}@staff.example"
    tries = [_try(program.anonymous, email, source=source) for _ in range(PER_EMAIL.amount)]
    assert {answer.status_code for answer in tries} == {401}
    refused = _try(program.anonymous, email.upper(), source=source)
    assert (refused.status_code, refused.json["code"]) == (429, "too_many_requests")
    assert 0 < int(refused.headers["Retry-After"]) <= 15 * 60
    assert refused.headers["RateLimit-Limit"] == "10"
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.headers["RateLimit-Reset"] == refused.headers["Retry-After"]
    assert _try(program.anonymous, f"{uuid4().hex}@staff.example", source=source).status_code == 401


def test_thirty_at_once_get_no_more_than_ten_guesses(program: TestProgram, source: str) -> None:
    email = f"{uuid4().hex}@staff.example"
    answers = together(program.app, *[lambda: _try(program.anonymous, email, source=source) for _ in range(30)])
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [401] * PER_EMAIL.amount + [429] * (30 - PER_EMAIL.amount)


def _count_before(program: TestProgram, limit: RateLimitItem, key: tuple[str, str], tries: int) -> None:
    """As if so many wrong passwords had come already (each real one costs a tenth of a second)."""
    limits._shared(program.app.config["SETTINGS"].redis_url).hit(limit, *key, cost=tries)


def test_right_passwords_do_not_count(program: TestProgram, source: str) -> None:
    email = f"{uuid4().hex}@staff.example"
    with transaction(program.id):
        _, password = staff.create_staff(program.id, email, Role.VIEWER)
    who = sha256(email.encode()).hexdigest()[:32]
    _count_before(program, PER_EMAIL, ("sign-in", who), PER_EMAIL.amount - 1)
    for _ in range(3):
        assert _try(program.anonymous, email, password, source=source).status_code == 200
    assert [_try(program.anonymous, email, source=source).status_code for _ in range(2)] == [401, 429]


def test_one_network_address_may_not_try_many_people(program: TestProgram, source: str) -> None:
    _count_before(program, PER_ADDRESS, ("sign-in-from", source), PER_ADDRESS.amount - 1)
    emails = [f"{uuid4().hex}@staff.example" for _ in range(2)]
    assert [_try(program.anonymous, email, source=source).status_code for email in emails] == [401, 429]


@pytest.fixture
def lonely(database_environment: dict[str, str]) -> Iterator[Flask]:
    """An application whose Valkey is away."""
    app = create_app(load(database_environment | {"REDIS_URL": "redis://127.0.0.1:1/0"}))
    with app.app_context():
        yield app


def test_without_valkey_the_process_counts_by_itself(lonely: Flask, source: str) -> None:
    program = make_program(lonely)
    email = f"{uuid4().hex}@staff.example"
    tries = [_try(program.anonymous, email, source=source).status_code for _ in range(PER_EMAIL.amount + 1)]
    assert tries == [401] * PER_EMAIL.amount + [429]
