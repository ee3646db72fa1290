"""Calls as each platform signs them: joins, leavings and questions arrive, changed ones do not, answers are private."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from community.platforms.played.calling import dingtalk_call, feishu_call
from community.platforms.played.dingtalk_events import event_of, is_success
from community.platforms.played.targets import callback_token
from config.settings import load
from core.app import create_app
from core.clock import now
from core.db import scalar, transaction
from tests.community.chat import Chat, played_chat
from tests.community.groups.conftest import Desk
from tests.jobs import run_jobs

USERS = {"telegram": "4711", "feishu": "ou_4711", "dingtalk": "manager4711"}


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
        group["callback_path"], data=told.body if body is None else body, headers=dict(told.headers),
        query_string=dict(told.query),
    )  # fmt: skip


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


@pytest.mark.parametrize("platform", ["telegram", "feishu"], indirect=True)
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


@pytest.fixture
def tea(desk: Desk, chats: Chat) -> dict[str, Any]:
    """A group of DingTalk that its app tells of."""
    for name in ("ada", "bo"):
        desk.member(name, identities=[{"kind": "dingtalk", "value": f"staff-{name}"}])
    return desk.group(platform="dingtalk", target=chats.target("dingtalk", 7), rules="Be kind.", welcome="Hello {name}")


def came(*names: str, **more: Any) -> dict[str, Any]:
    return event_of(7, "joined", [f"staff-{name}" for name in names]) | more


def test_several_who_join_dingtalk_at_once_are_in_the_group_and_welcomed_once(desk: Desk, tea: dict[str, Any]) -> None:
    answer = call(desk, tea, dingtalk_call(7, came("ada", "bo", "eve")))  # whoever is eve
    assert answer.status_code == 200
    assert is_success(7, answer.json)
    assert sorted(present(desk, tea)) == ["ada", "bo"]
    assert len(desk.events("group.joined")) == 2
    texts = [text for _, text in desk.messages(tea)]
    assert len(texts) == 2  # those who are known, and the stranger
    assert all(text.startswith("Hello ") and text.endswith("Be kind.") for text in texts)
    assert is_success(7, call(desk, tea, dingtalk_call(7, came("ada", EventType="chat_quit"))).json)
    assert present(desk, tea) == ["bo"]


def test_dingtalk_asks_whether_we_are_there(desk: Desk, tea: dict[str, Any]) -> None:
    answer = call(desk, tea, dingtalk_call(7, event_of(7, "check_url", [])))
    assert answer.status_code == 200
    assert is_success(7, answer.json)


def test_a_replayed_event_of_dingtalk_has_no_effect(desk: Desk, tea: dict[str, Any]) -> None:
    event = came("ada")
    once = dingtalk_call(7, event)
    assert is_success(7, call(desk, tea, once).json)
    desk.shop.delete(f"/v1/groups/{tea['id']}/members/ext:ada")
    for again in (once, dingtalk_call(7, event)):  # sent again by anybody, pushed again by DingTalk
        assert is_success(7, call(desk, tea, again).json)
    assert present(desk, tea) == []
    assert len(desk.events("group.joined")) == len(desk.messages(tea)) == 1


def test_joins_of_another_chat_of_the_app_are_another_groups_or_nobodys(
    desk: Desk, chats: Chat, tea: dict[str, Any]
) -> None:  # fmt: skip
    coffee = desk.group(name="Coffee", platform="dingtalk", target=chats.target("dingtalk", 8))
    assert is_success(7, call(desk, tea, dingtalk_call(7, event_of(8, "joined", ["staff-ada"]))).json)
    assert is_success(7, call(desk, tea, dingtalk_call(7, event_of(9, "joined", ["staff-bo"]))).json)
    assert (present(desk, tea), present(desk, coffee)) == ([], ["ada"])


def test_a_wrong_event_of_dingtalk_does_nothing_and_learns_nothing(desk: Desk, tea: dict[str, Any]) -> None:
    event = came("ada")
    good, hours_ago = dingtalk_call(7, event), int(now().timestamp() - 7200) * 1000
    wrong = [
        dingtalk_call(107, event),  # another app's token, key and name
        dingtalk_call(7, event, owner="dingother"), dingtalk_call(7, event, padding=0),
        dingtalk_call(7, event, at=hours_ago), dingtalk_call(7, event)._replace(body=b"[]"), good._replace(query={}),
        good._replace(query={**good.query, "signature": "0" * 40}), good._replace(body=good.body[:-20] + b'"}'),
    ]  # fmt: skip
    answers = [call(desk, tea, one) for one in wrong]
    nowhere = tea | {"callback_path": tea["callback_path"][:-4] + "0000"}
    answers.append(call(desk, nowhere, good))
    shown = [{**dict(answer.json or {}), "request_id": None} for answer in answers]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert shown == [shown[0]] * len(shown)
    assert (present(desk, tea), desk.messages(tea)) == ([], [])
    assert call(desk, tea, good).status_code == 200


def test_what_opens_dingtalks_events_is_kept_locked_and_never_shown(
    desk: Desk, chats: Chat, tea: dict[str, Any]
) -> None:  # fmt: skip
    given = chats.target("dingtalk", 7)
    with transaction(desk.program.id, read_only=True):
        kept = str(scalar("SELECT target_sealed FROM groups WHERE program_id = %(p)s", p=desk.program.id))
    shown = str(desk.shown(tea)) + str(tea) + kept
    for name in ("event_token", "event_aes_key", "app_key"):
        assert given[name] not in shown
