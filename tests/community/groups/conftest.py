"""A program whose groups are chats of a bot on a platform that this machine plays."""

from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from config.settings import load
from core.app import create_app
from core.db import fetch_all, transaction
from core.ids import parse_public_id
from tests.clients import ApiClient, TestProgram, make_program
from tests.community.groups.chat import PlayedChat

TOKEN, SECRET = "123456:AAaaBBbbCCccDDddEEeeFFff", "the-secret-of-callbacks"
_updates = count(1)


@pytest.fixture(scope="session")
def played() -> Iterator[PlayedChat]:
    chat = PlayedChat()
    yield chat
    chat.server.shutdown()
    chat.server.server_close()


@pytest.fixture
def chat(played: PlayedChat) -> PlayedChat:
    """The platform, without memory or moods."""
    played.forget()
    return played


@pytest.fixture(scope="session")
def app(database_environment: dict[str, str], played: PlayedChat) -> Flask:
    """The application of the other tests, but for what it may reach."""
    reach = {"ALLOW_PRIVATE_URLS": "1", "CHAT_URL": played.url, "PUBLIC_URL": "https://go.example"}
    return create_app(load(database_environment | reach))


@pytest.fixture
def other_program(app: Flask) -> TestProgram:
    """A second program, which must see nothing of the first."""
    return make_program(app)


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


def target(chat_id: str = "-1001", token: str = TOKEN) -> dict[str, str]:
    return {"token": token, "chat_id": chat_id, "callback_secret": SECRET}


def group_body(**more: Any) -> dict[str, Any]:
    return {"name": "Tea", "platform": "telegram", "target": target(), "language": "en"} | more


class _Message(NamedTuple):
    key: str
    text: str


class _Facts(NamedTuple):
    facts: dict[str, Any]


class Desk:
    """An operator's groups, and the shop that tells who is in them."""

    def __init__(self, program: TestProgram) -> None:
        self.program = program
        self.operator = program.staff("operator")
        self.shop = program.client

    def group(self, **more: Any) -> dict[str, Any]:
        answer = self.operator.post("/v1/groups", group_body(**more))
        assert answer.status_code == 201, answer.text
        return dict(answer.json)  # type: ignore[arg-type]

    def shown(self, group: dict[str, Any]) -> dict[str, Any]:
        return dict(self.operator.get(f"/v1/groups/{group['id']}").json)  # type: ignore[arg-type]

    def member(self, external_id: str, **more: Any) -> str:
        answer = self.shop.post("/v1/members", {"external_id": external_id, "name": external_id} | more)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])  # type: ignore[index]

    def join(self, group: dict[str, Any], external_id: str, **more: Any) -> TestResponse:
        body = {"member_external_id": external_id} | more
        return self.shop.post(f"/v1/groups/{group['id']}/members", body)

    def messages(self, group: dict[str, Any] | None = None) -> list[tuple[str, str]]:
        """Keys and texts of what was handed to delivery, oldest first."""
        group_id = None if group is None else group_uuid(group)
        with transaction(self.program.id, read_only=True):
            rows = fetch_all(
                _Message,
                """SELECT key, text FROM messages WHERE program_id = %(p)s
                     AND (%(group)s::uuid IS NULL OR group_id = %(group)s) ORDER BY id""",
                p=self.program.id, group=group_id,
            )  # fmt: skip
        return [(row.key, row.text) for row in rows]

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Facts of the events of a kind."""
        with transaction(self.program.id, read_only=True):
            rows = fetch_all(
                _Facts,
                "SELECT facts FROM events WHERE program_id = %(p)s AND kind = %(kind)s ORDER BY id",
                p=self.program.id, kind=kind,
            )  # fmt: skip
        return [row.facts for row in rows]

    def call_back(
        self, group: dict[str, Any], update: dict[str, Any], *, secret: str | None = SECRET, path: str | None = None
    ) -> TestResponse:
        """The platform calls; unsigned where `secret` is None."""
        headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
        return self.program.anonymous.post(path or group["callback_path"], update, headers=headers)


@pytest.fixture
def desk(program: TestProgram) -> Desk:
    return Desk(program)


def group_uuid(group: dict[str, Any]) -> UUID:
    found = parse_public_id("grp", group["id"])
    assert found is not None
    return found


def update(at: int, *, number: int | None = None, chat_id: int = -1001, **message: Any) -> dict[str, Any]:
    """An update of Telegram's about a message; `at`: seconds since 1970."""
    private = message.pop("private", False)
    who = {"id": message.pop("user", 77), "first_name": message.pop("name", "Eve")}
    kind = "private" if private else "supergroup"
    told = {"message_id": 5, "date": at, "from": who, "chat": {"id": who["id"] if private else chat_id, "type": kind}}
    return {"update_id": number or next(_updates), "message": told | message}
