"""Calls as each platform signs them: joins, leavings and questions arrive, changed ones do not, answers are private."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from community.platforms.played.calling import feishu_call
from community.platforms.played.targets import callback_token
from config.settings import load
from core.app import create_app
from tests.community.chat import Chat, played_chat
from tests.community.groups.conftest import Desk
from tests.jobs import run_jobs

USERS = {"telegram": "4711", "feishu": "ou_4711"}


@pytest.fixture(scope="session")
def chats() -> Iterator[Chat]:
    with played_chat() as chat:
        yield chat


@pytest.fixture(scope="session")
def app(database_environment: dict[str, str], chats: Chat) -> Flask:
    reach = {"ALLOW_PRIVATE_URLS": "1", "PUBLIC_URL": "https://go.example"}
    return create_app(load(database_environment | reach | chats.environment))


@pytest.fixture(params=sorted(USERS))
def platform(request: pytest.FixtureRequest, chats: Chat) -> str:
    chats.empty()
    return str(request.param)


@pytest.fixture
def group(desk: Desk, chats: Chat, platform: str) -> dict[str, Any]:
    made = desk.group(platform=platform, target=chats.target(platform, 7), rules="Be kind.")
    desk.member("ada", identities=[{"kind": platform, "value": USERS[platform]}])
    return made


def call(desk: Desk, group: dict[str, Any], told: Any, *, body: bytes | None = None) -> TestResponse:
    return desk.program.anonymous.post(
        group["callback_path"], data=told.body if body is None else body, headers=dict(told.headers)
    )


def present(desk: Desk, group: dict[str, Any]) -> list[str]:
    shown: Any = desk.shop.get(f"/v1/groups/{group['id']}/members").json
    return [one["member"]["external_id"] for one in shown["data"]]


def test_who_joins_is_in_the_group_and_who_leaves_is_not(
    desk: Desk, chats: Chat, group: dict[str, Any], platform: str
) -> None:  # fmt: skip
    answer = call(desk, group, chats.callback(platform, 7, "joined", user=USERS[platform], name="Ada"))
    assert answer.status_code == 200, answer.text
    assert present(desk, group) == ["ada"]
    assert call(desk, group, chats.callback(platform, 7, "left", user=USERS[platform], name="Ada")).status_code == 200
    assert present(desk, group) == []


def test_a_question_is_answered_privately(desk: Desk, chats: Chat, group: dict[str, Any], platform: str) -> None:
    told = chats.callback(platform, 7, "question", user=USERS[platform], text="my earnings")
    assert [call(desk, group, told).status_code for _ in range(2)] == [200, 200]
    run_jobs(desk.program.id)
    shown = [one for one in chats.book(platform) if one["outcome"] == "accepted"]
    assert [one["text"] for one in shown] == ["Pending £0.00, available £0.00, being paid £0.00, paid £0.00."]
    assert chats.texts(platform, 7) == []


def test_a_changed_call_is_not_found(desk: Desk, chats: Chat, group: dict[str, Any], platform: str) -> None:
    told = chats.callback(platform, 7, "joined", user=USERS[platform], name="Ada")
    if platform == "telegram":  # it signs nothing: its secret is in a header
        told = told._replace(headers={**told.headers, "X-Telegram-Bot-Api-Secret-Token": "x"})
    else:
        told = told._replace(body=told.body.replace(b'"encrypt":"', b'"encrypt":"A'))
    assert call(desk, group, told).status_code == 404
    assert present(desk, group) == []


def test_dingtalk_has_no_private_way_so_nobody_is_answered(desk: Desk, chats: Chat) -> None:
    chats.empty()
    group = desk.group(platform="dingtalk", target=chats.target("dingtalk", 7))
    told = chats.callback("dingtalk", 7, "question", user="4711", text="my earnings")
    assert call(desk, group, told).status_code == 200
    assert run_jobs(desk.program.id, queues=("notices",)) == []
    assert chats.book() == []
    forged = told._replace(headers={**told.headers, "sign": "x"})
    assert call(desk, group, forged).status_code == 404


def test_feishu_asks_whether_we_are_there(desk: Desk, chats: Chat) -> None:
    group = desk.group(platform="feishu", target=chats.target("feishu", 7))
    asks = {"type": "url_verification", "challenge": "ajls384k", "token": callback_token(7)}
    answer = call(desk, group, feishu_call(7, asks))
    assert (answer.status_code, answer.json) == (200, {"challenge": "ajls384k"})
