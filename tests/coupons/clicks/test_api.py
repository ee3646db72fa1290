"""POST /v1/clicks: clicks of clients that follow links themselves, as durable as redirects."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from core.auth import publishable as remembered
from core.clock import now
from core.db import execute, transaction
from coupons.clicks.tokens import visitor_key_of
from tests.clients import TestProgram
from tests.coupons.clicks.following import make_link, publishable, token_in, written
from tests.referral.statements import counted_statements


def clicked(answer: Any) -> str:
    assert answer.status_code == 201, answer.text
    return f"click_id={answer.json['click_id']}"


def test_anonymous_staff_and_members_are_refused(program: TestProgram) -> None:
    body = {"code": make_link(program).code}
    assert program.anonymous.post("/v1/clicks", body).status_code == 401
    assert program.staff("owner").post("/v1/clicks", body).status_code == 403
    program.client.post("/v1/members", {"external_id": "ada"})
    assert program.member("ext:ada").post("/v1/clicks", body).status_code == 403


def test_another_programs_link_is_not_found(program: TestProgram, other_program: TestProgram) -> None:
    answer = publishable(other_program).post("/v1/clicks", {"code": make_link(program).code})
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_click_by_code_or_scene(app: Flask, program: TestProgram) -> None:
    link, page = make_link(program, campaign_id="spring", channel="app", sub_ids=["a"]), publishable(program)
    for name in ("code", "scene"):
        answer = page.post(
            "/v1/clicks", {name: link.code, "visitor_id": "wx-1"}, headers={"User-Agent": "MicroMessenger"}
        )
        click = token_in(program, clicked(answer))
        assert answer.json["visitor_id"] == "wx-1"
        assert (click.link_id, click.visitor_key) == (link.id, visitor_key_of(program.id, "wx-1"))
    records = written(app, program)
    assert [(one.via, one.user_agent, one.campaign_id, one.channel, one.sub_ids) for one in records] == [
        ("api", "MicroMessenger", "spring", "app", ("a",))
    ] * 2
    assert [len(one.address_hash) for one in records] == [8, 8]


def test_what_the_click_says_goes_before_what_the_link_says(app: Flask, program: TestProgram) -> None:
    link = make_link(program, campaign_id="spring", channel="app", sub_ids=["a"])
    own = {"channel": "live", "group_id": "g", "content_id": "c", "session_id": "s", "sub_ids": ["x", "y"]}
    clicked(publishable(program).post("/v1/clicks", {"code": link.code} | own))
    (record,) = written(app, program)
    assert (record.campaign_id, record.channel, record.group_id) == ("spring", "live", "g")
    assert (record.content_id, record.session_id, record.sub_ids) == ("c", "s", ("x", "y"))
    assert record.member_id == link.member_id


def test_a_new_visitor_is_named(program: TestProgram) -> None:
    link, page = make_link(program), publishable(program)
    first, second = (page.post("/v1/clicks", {"code": link.code}) for _ in range(2))
    assert first.json["visitor_id"] != second.json["visitor_id"]
    click = token_in(program, clicked(first))
    assert click.visitor_key == visitor_key_of(program.id, first.json["visitor_id"])


def test_a_shops_server_is_not_taken_for_the_visitor(app: Flask, program: TestProgram) -> None:
    clicked(program.client.post("/v1/clicks", {"code": make_link(program).code}))
    (record,) = written(app, program)
    assert (record.address_hash, record.user_agent) == (b"", "")


def test_ended_and_unknown_links(app: Flask, program: TestProgram) -> None:
    page = publishable(program)
    ended = page.post("/v1/clicks", {"code": make_link(program, expires_at=now() - timedelta(1)).code})
    assert (ended.status_code, ended.json["code"]) == (410, "link_ended")
    assert page.post("/v1/clicks", {"code": "c-unknown"}).status_code == 404
    assert written(app, program) == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/code"),
        ({"code": "x", "scene": "x"}, "/code"),
        ({"code": 1}, "/code"),
        ({"code": ""}, "/code"),
        ({"code": "x", "visitor_id": "a\n"}, "/visitor_id"),
        ({"code": "x", "sub_ids": ["1"] * 6}, "/sub_ids"),
        ({"code": "x", "sub_ids": [1]}, "/sub_ids/0"),
        ({"code": "x", "channel": "x" * 201}, "/channel"),
        ({"code": "x", "link": "x"}, "/link"),
    ],
)
def test_bad_input_is_told_where(app: Flask, program: TestProgram, body: Any, pointer: str) -> None:
    answer = program.client.post("/v1/clicks", body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]
    assert written(app, program) == []


def test_a_repeat_under_the_same_key_is_the_same_click(app: Flask, program: TestProgram) -> None:
    body, page = {"code": make_link(program).code}, publishable(program)
    first, second = (page.post("/v1/clicks", body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert clicked(first) == clicked(second)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(written(app, program)) == 1
    other = page.post("/v1/clicks", body | {"channel": "x"}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json["code"]) == (409, "idempotency_key_reused")


def test_a_known_link_and_key_need_no_statement(program: TestProgram) -> None:
    body, page = {"code": make_link(program).code}, publishable(program)
    page.post("/v1/clicks", body)
    with counted_statements() as seen:
        clicked(page.post("/v1/clicks", body))
    assert seen == []


def test_a_revoked_key_ends_within_seconds(program: TestProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    body, page = {"code": make_link(program).code}, publishable(program)
    clicked(page.post("/v1/clicks", body))
    with transaction(program.id):
        execute(
            "UPDATE api_keys SET revoked_at = now() WHERE program_id = %(p)s AND kind = 'publishable'", p=program.id
        )
    later = remembered.time.monotonic() + remembered.FRESH_SECONDS
    monkeypatch.setattr(remembered.time, "monotonic", lambda: later)
    assert page.post("/v1/clicks", body).status_code == 401


def test_an_api_key_is_asked_for_every_time(program: TestProgram) -> None:
    body = {"code": make_link(program).code}
    clicked(program.client.post("/v1/clicks", body))
    with transaction(program.id):
        execute("UPDATE api_keys SET revoked_at = now() WHERE program_id = %(p)s AND kind = 'secret'", p=program.id)
    assert program.client.post("/v1/clicks", body).status_code == 401
