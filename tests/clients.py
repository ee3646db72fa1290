"""A test's own program and the clients of its API, each with one credential."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from core.auth import keys, tokens
from core.auth.access import Role
from core.auth.actor import Program
from core.auth.service import program_of
from core.clock import now
from core.db import execute, transaction
from core.ids import new_id
from core.programs.service import create_program
from tests.contract.checking import check_answer

STRICT_CONTRACT = True
"""Whether every answer is held against the OpenAPI document, where a test does not say otherwise."""


class ApiClient:
    """Calls the API with one bearer credential (None: anonymous); every answer must be as the contract says."""

    def __init__(self, app: Flask, credential: str | None, *, strict_contract: bool | None = None) -> None:
        self._client: FlaskClient = app.test_client()
        self._app = app
        self._strict = STRICT_CONTRACT if strict_contract is None else strict_contract
        self.credential = credential

    def call(self, method: str, path: str, json: Any = None, **options: Any) -> TestResponse:
        headers = dict(options.pop("headers", {}))
        if self.credential:
            headers["Authorization"] = f"Bearer {self.credential}"
        if json is not None:
            options["json"] = json
        answer = self._client.open(path, method=method, headers=headers, **options)
        if self._strict:
            check_answer(self._app, answer)
        return answer

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self.call("PUT", path, json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self.call("PATCH", path, json, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.call("DELETE", path, **options)


@dataclass
class TestProgram:
    """A program and its ways in. `client` carries the API key; `staff(role)` signs somebody of that role in."""

    __test__ = False  # not a test class, whatever its name

    app: Flask
    id: UUID
    api_key: str
    strict_contract: bool | None = None

    @cached_property
    def client(self) -> ApiClient:
        return self.client_with(self.api_key)

    @cached_property
    def anonymous(self) -> ApiClient:
        return self.client_with(None)

    def client_with(self, credential: str | None) -> ApiClient:
        """A client that carries any credential."""
        return ApiClient(self.app, credential, strict_contract=self.strict_contract)

    def staff(self, role: Role | str) -> ApiClient:
        """A new staff member of the role, with a token as sign-in gives it; passwords are slow by design."""
        staff_id = new_id()
        with self.app.app_context(), transaction(self.id):
            execute(
                """INSERT INTO staff (id, program_id, email, role, password_hash, token_version, created_at)
                   VALUES (%(id)s, %(program_id)s, %(email)s, %(role)s, '', 1, %(at)s)""",
                id=staff_id, program_id=self.id, email=f"{staff_id}@staff.example", role=Role(role).value, at=now(),
            )  # fmt: skip
            token = tokens.issue(tokens.Claims("staff", staff_id, self.id, 1), tokens.STAFF_TTL)
        return self.client_with(token["access_token"])

    def member(self, ref: str) -> ApiClient:
        """The member's own client; `ref` is an id or `ext:…`."""
        answer = self.client.post(f"/v1/members/{ref}/tokens", {})
        assert answer.status_code in {200, 201}, answer.text
        return self.client_with(answer.json["access_token"])  # type: ignore[index]

    def now(self) -> Program:
        """The program with its present settings."""
        with transaction(self.id, read_only=True):
            return program_of(self.id)


def make_program(
    app: Flask, *, currency: str = "GBP", timezone: str = "UTC", strict_contract: bool | None = None
) -> TestProgram:
    with app.app_context(), transaction():
        program_id = create_program("Test", currency, timezone)
        _, api_key = keys.create_key(program_id, name="test")
    return TestProgram(app, program_id, api_key, strict_contract)
