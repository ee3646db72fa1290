"""Subscribe messages of the mini-program: one for each consent, never sent twice, whatever WeChat answers."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from flask import Flask

from community.notices import pushing
from community.notices.push_fields import fitted
from community.notices.push_outcomes import record_outcomes, retry_at
from community.notices.service import Notice
from community.notices.topics import TOPICS
from core.auth.service import program_of
from core.clock import frozen_at, now
from core.db import execute, fetch_all, scalar, transaction
from core.jobs.registry import JOBS
from coupons.sharing.messages import Throttled
from coupons.sharing.wechat.errcodes import BUSY_SECONDS, DAY_SECONDS
from coupons.sharing.wechat.played import PlayedWeChat
from coupons.sharing.wechat.server import serving
from tests.clients import ApiClient
from tests.community.notices.stage import Stage
from tests.threads import together

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)
APP_ID, SECRET = "wx0123456789abcdef", "0123456789abcdef0123456789abcdef"
TEMPLATE = "tmpl-commission"
FIELDS = {"thing1": "{{ member }} {{ program }}", "amount2": "{{ amount|money }}", "time3": "{{ at }}"}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[PlayedWeChat, str]]:
    state = PlayedWeChat({APP_ID: SECRET})
    running = serving(state)
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    yield state, f"http://127.0.0.1:{running.port}"
    running.shutdown()
    running.server_close()


@pytest.fixture
def wechat(app: Flask, server: tuple[PlayedWeChat, str]) -> Iterator[PlayedWeChat]:
    state, url = server
    state.end_tokens()
    state.calls.clear()
    state.consents.clear()
    state.templates = frozenset({TEMPLATE})
    state.put_faults({})
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(before, wechat_url=url)
    yield state
    app.config["SETTINGS"] = before


@pytest.fixture
def shop(stage: Stage, wechat: PlayedWeChat) -> Stage:
    """A program with a mini-program, whose commissions are told by a subscribe message."""
    body = {"app_id": APP_ID, "app_secret": SECRET, "env_version": "release"}
    assert stage.owner.put("/v1/mini-program", body).status_code == 200
    given = {"template_id": TEMPLATE, "page": "pages/earnings", "fields": FIELDS}
    assert stage.operator.put("/v1/notice-templates/commission/mini-program", given).status_code == 200
    return stage


def member(shop: Stage, wechat: PlayedWeChat, name: str = "ada", *, grants: int = 1) -> ApiClient:
    """A member who agreed to so many messages, here and at WeChat."""
    shop.member(name, identities=[{"kind": "openid", "value": f"openid-{name}"}])
    client = shop.program.member(f"ext:{name}")
    if grants:
        answer = client.post("/v1/me/notice-grants", {"template_id": TEMPLATE, "count": grants})
        assert (answer.status_code, answer.json["left"]) == (201, grants)
        wechat.consents[f"openid-{name}", TEMPLATE] = grants
    return client


def earn(shop: Stage, *keys: str, name: str = "ada", topic: str = "commission") -> None:
    member_id = shop.members[name]
    facts = {"member_id": str(member_id), "amount": 1250, "level": 1}
    shop.notify(*(Notice(topic, key, facts, AT, (), [member_id]) for key in keys))


def push(shop: Stage) -> None:
    JOBS["notices.push"].handler(shop.program.id)


class Pushed(NamedTuple):
    key: str
    status: str
    errcode: int | None
    reason: str | None


def pushes(shop: Stage) -> list[Pushed]:
    with transaction(shop.program.id, read_only=True):
        return fetch_all(
            Pushed,
            "SELECT key, status, errcode, reason FROM notice_pushes WHERE program_id = %(p)s ORDER BY key",
            p=shop.program.id,
        )


def left(client: ApiClient) -> int:
    (grant,) = client.get("/v1/me/notice-grants").json["data"]
    return int(grant["left"])


def sent(wechat: PlayedWeChat) -> list[dict[str, Any]]:
    return [call for call in wechat.calls if call["call"] == "subscribe_send"]


def test_who_agreed_gets_one_message_for_each_consent(shop: Stage, wechat: PlayedWeChat) -> None:
    ada, bob = member(shop, wechat), member(shop, wechat, "bob", grants=0)
    earn(shop, "a", "b")
    earn(shop, "c", name="bob")
    earn(shop, "d", topic="order")
    push(shop)
    (message,) = sent(wechat)
    assert message["touser"] == "openid-ada"
    assert message["data"]["thing1"]["value"] == "A∗∗ Test"
    assert message["data"]["amount2"]["value"] == "£12.50"
    assert message["data"]["time3"]["value"] == "2026-01-31 08:00"
    assert (message["page"], message["lang"], message["miniprogram_state"]) == ("pages/earnings", "en_US", "formal")
    assert [one[:2] + one[3:] for one in pushes(shop)] == [("a", "sent", None), ("b", "canceled", "no_grant")]
    assert (left(ada), left(bob)) == (0, 0)


def test_a_notice_told_twice_is_sent_once(shop: Stage, wechat: PlayedWeChat) -> None:
    ada = member(shop, wechat, grants=3)
    earn(shop, "a")
    earn(shop, "a")
    push(shop)
    earn(shop, "a")
    push(shop)
    assert len(sent(wechat)) == 1
    assert left(ada) == 2


def test_senders_at_once_use_each_consent_once(app: Flask, shop: Stage, wechat: PlayedWeChat) -> None:
    ada = member(shop, wechat, grants=20)
    earn(shop, *(f"k-{number:02}" for number in range(30)))
    together(app, *(lambda: push(shop) for _ in range(4)))
    assert len(sent(wechat)) == 20
    assert sum(one.status == "sent" for one in pushes(shop)) == 20
    assert sum(one.reason == "no_grant" for one in pushes(shop)) == 10
    assert left(ada) == 0


def test_a_refusal_for_want_of_consent_ends_the_grants(shop: Stage, wechat: PlayedWeChat) -> None:
    ada = member(shop, wechat, grants=5)
    wechat.consents.clear()
    earn(shop, "a")
    push(shop)
    assert pushes(shop) == [Pushed("a", "refused", 43101, "no_consent")]
    assert left(ada) == 0


@pytest.mark.parametrize(
    ("errcode", "reason"), [(47003, "wrong_content"), (40037, "wrong_template"), (40003, "wrong_person"), (9, "other")]
)
def test_what_was_refused_costs_no_grant_and_is_not_repeated(
    shop: Stage, wechat: PlayedWeChat, errcode: int, reason: str
) -> None:
    ada = member(shop, wechat)
    wechat.put_faults({"refuse": {"errcode": errcode, "times": 1}})
    earn(shop, "a")
    push(shop)
    push(shop)
    assert pushes(shop) == [Pushed("a", "refused", errcode, reason)]
    assert len(sent(wechat)) == 1
    assert left(ada) == 1


def test_what_was_throttled_is_sent_later(shop: Stage, wechat: PlayedWeChat) -> None:
    ada = member(shop, wechat)
    wechat.put_faults({"day_limit": 1})
    earn(shop, "a")
    push(shop)
    assert pushes(shop) == [Pushed("a", "waiting", 45009, "throttled")]
    assert left(ada) == 1
    push(shop)
    assert len(sent(wechat)) == 1
    with frozen_at(now() + timedelta(hours=2)):
        push(shop)
    assert pushes(shop) == [Pushed("a", "sent", 0, None)]
    assert left(ada) == 0


def test_a_wechat_that_is_busy_for_days_is_asked_less_and_less_often() -> None:
    """The longest news live for a week: its attempts fit into their column."""
    at, attempts = AT, 0
    while at < AT + max(topic.news_for for topic in TOPICS.values()):
        attempts += 1
        at = retry_at(attempts, BUSY_SECONDS, at)
    assert attempts < 2_500
    assert retry_at(1, BUSY_SECONDS, AT) == AT + timedelta(seconds=BUSY_SECONDS)
    assert retry_at(2_500, DAY_SECONDS, AT) == AT + timedelta(seconds=DAY_SECONDS)


def test_a_push_that_was_throttled_often_waits_longer(shop: Stage, wechat: PlayedWeChat) -> None:
    member(shop, wechat)
    earn(shop, "a")
    with transaction(shop.program.id):
        execute("UPDATE notice_pushes SET attempts = 200 WHERE program_id = %(p)s", p=shop.program.id)
        (claimed,) = pushing.claim_pushes(program_of(shop.program.id))
        record_outcomes(shop.program.id, [(claimed, Throttled(-1, BUSY_SECONDS))])
    for seconds, status in ((190, "waiting"), (210, "sent")):
        with frozen_at(now() + timedelta(seconds=seconds)):
            push(shop)
        assert pushes(shop)[0].status == status


@pytest.mark.parametrize(("fault", "reason"), [("garbage", "unreadable_answer"), ("http_500", "http_500")])
def test_what_may_have_arrived_is_marked_and_never_sent_again(
    shop: Stage, wechat: PlayedWeChat, fault: str, reason: str
) -> None:
    ada = member(shop, wechat, grants=2)
    wechat.put_faults({fault: 1})
    earn(shop, "a")
    push(shop)
    with frozen_at(now() + timedelta(hours=2)):
        push(shop)
    assert pushes(shop) == [Pushed("a", "unknown", None, reason)]
    assert len(sent(wechat)) == 1
    assert left(ada) == 1


def test_an_ended_token_is_replaced_and_the_message_sent(shop: Stage, wechat: PlayedWeChat) -> None:
    member(shop, wechat)
    wechat.put_faults({"token_expired": 1})
    earn(shop, "a")
    push(shop)
    assert pushes(shop) == [Pushed("a", "sent", 0, None)]


def test_a_wechat_that_is_away_gets_it_later(app: Flask, shop: Stage, wechat: PlayedWeChat) -> None:
    ada = member(shop, wechat)
    earn(shop, "a")
    there = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(there, wechat_url="http://127.0.0.1:9")
    push(shop)
    app.config["SETTINGS"] = there
    assert (pushes(shop)[0].status, left(ada)) == ("waiting", 1)
    with frozen_at(now() + timedelta(minutes=2)):
        push(shop)
    assert pushes(shop)[0].status == "sent"


def test_a_sender_that_died_has_used_the_grant_and_nobody_sends_again(shop: Stage, wechat: PlayedWeChat) -> None:
    """Killed between the claim and the note: whether WeChat had it nobody knows."""
    ada = member(shop, wechat, grants=2)
    earn(shop, "a")
    with transaction(shop.program.id):
        (claimed,) = pushing.claim_pushes(program_of(shop.program.id))
    push(shop)
    assert (pushes(shop)[0].status, left(ada)) == ("sending", 1)
    with frozen_at(now() + pushing.LEASE + timedelta(seconds=1)):
        push(shop)
    assert pushes(shop) == [Pushed("a", "unknown", None, "lost")]
    assert sent(wechat) == []
    with transaction(shop.program.id):  # he was only slow: his word comes too late
        record_outcomes(shop.program.id, [(claimed, Throttled(45009, 1))])
    assert (pushes(shop)[0].status, left(ada)) == ("unknown", 1)


def test_stale_news_are_not_sent(shop: Stage, wechat: PlayedWeChat) -> None:
    ada = member(shop, wechat)
    earn(shop, "a")
    with frozen_at(now() + timedelta(days=2)):
        push(shop)
    assert (pushes(shop)[0].status, sent(wechat), left(ada)) == ("expired", [], 1)


def test_what_cannot_be_sent_says_why(shop: Stage, wechat: PlayedWeChat) -> None:
    member(shop, wechat)
    shop.member("bob")
    bob = shop.program.member("ext:bob")
    bob.post("/v1/me/notice-grants", {"template_id": TEMPLATE})
    earn(shop, "b", name="bob")
    push(shop)
    assert pushes(shop) == [Pushed("b", "canceled", None, "no_identity")]
    earn(shop, "a")
    assert shop.operator.delete("/v1/notice-templates/commission/mini-program").status_code == 204
    push(shop)
    assert pushes(shop)[0] == Pushed("a", "canceled", None, "no_template")


def test_without_a_mini_program_the_message_is_refused_and_the_grant_kept(shop: Stage, wechat: PlayedWeChat) -> None:
    ada = member(shop, wechat)
    earn(shop, "a")
    assert shop.owner.delete("/v1/mini-program").status_code == 204
    push(shop)
    assert pushes(shop) == [Pushed("a", "refused", 0, "no_mini_program")]
    assert left(ada) == 1


def test_a_member_who_has_it_off_gets_none(shop: Stage, wechat: PlayedWeChat) -> None:
    ada = member(shop, wechat)
    ada.put("/v1/me/notice-settings", {"topics": {"commission": {"mini_program": False}}})
    earn(shop, "a")
    assert pushes(shop) == []
    assert len(shop.heard("ada")) == 1


def test_a_grant_is_for_a_template_that_tells_something(shop: Stage, wechat: PlayedWeChat) -> None:
    ada = member(shop, wechat, grants=0)
    refused = ada.post("/v1/me/notice-grants", {"template_id": "nothing"})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/template_id")
    for bad in ({}, {"template_id": TEMPLATE, "count": 0}, {"template_id": TEMPLATE, "count": 101}, {"template_id": 5}):
        assert ada.post("/v1/me/notice-grants", bad).status_code == 422
    for _ in range(12):
        assert ada.post("/v1/me/notice-grants", {"template_id": TEMPLATE, "count": 100}).status_code == 201
    assert left(ada) == 1000
    twice = {"Idempotency-Key": "grant-1"}
    shop.member("bob")
    bob = shop.program.member("ext:bob")
    for _ in range(2):
        assert bob.post("/v1/me/notice-grants", {"template_id": TEMPLATE}, headers=twice).json["left"] == 1


def test_the_message_of_a_topic_is_shown_and_checked(shop: Stage) -> None:
    path = "/v1/notice-templates/commission/mini-program"
    shown = shop.operator.get(path).json
    assert (shown["template_id"], shown["fields"], shown["page"]) == (TEMPLATE, FIELDS, "pages/earnings")
    good = {"template_id": "t", "fields": {"thing1": "{{ member }}"}}
    for bad, pointer in (
        ({"thing1": "{{ nobody }}"}, "/fields/thing1"),
        ({"thing1": "{{ member.__class__ }}"}, "/fields/thing1"),
        ({"body": "x"}, "/fields/body"),
        ({}, "/fields"),
        ({f"thing{n}": "x" for n in range(11)}, "/fields"),
    ):
        refused = shop.operator.put(path, good | {"fields": bad})
        assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, pointer)
    assert shop.operator.get(path).json == shown


def test_messages_ended_long_ago_are_forgotten_and_a_member_takes_his_along(
    shop: Stage, wechat: PlayedWeChat
) -> None:  # fmt: skip
    member(shop, wechat, grants=2)
    earn(shop, "a")
    push(shop)
    earn(shop, "b")
    with frozen_at(now() + pushing.KEPT + timedelta(days=1)), transaction(shop.program.id):
        JOBS["notices.prune"].handler(shop.program.id)
    assert [one.key for one in pushes(shop)] == ["b"]
    assert shop.program.client.post("/v1/members/ext:ada/erasure").status_code == 200
    assert pushes(shop) == []
    with transaction(shop.program.id, read_only=True):
        assert scalar("SELECT count(*) FROM notice_grants WHERE program_id = %(p)s", p=shop.program.id) == 0


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("thing1", "x" * 30, "x" * 19 + "…"),
        ("thing12", "", "-"),
        ("thing1", "two\nlines", "two lines"),
        ("name1", "A∗∗", "A"),
        ("name1", "", "会员"),
        ("amount1", "¥12.50", "¥12.50"),
        ("amount1", "CHF 12.50", "12.50"),
        ("amount1", "CN¥12.50", "¥12.50"),
        ("amount1", "", "0"),
        ("amount1", "12 points", "12"),
        ("number1", "42 orders", "42"),
        ("number1", "", "0"),
        ("phrase1", "已到账，请查收通知", "已到账请查"),
        ("phrase1", "paid", "通知"),
        ("letter1", "a-1b", "ab"),
        ("character_string1", "A-1 中", "A-1 "),
        ("phone_number1", "tel 123", " 123"),
    ],
)
def test_values_fit_what_wechat_takes(field: str, text: str, value: str) -> None:
    assert fitted(field, text) == value
