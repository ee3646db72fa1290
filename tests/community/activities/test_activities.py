"""Activities: made, changed, canceled, moved by time; each move once, and only from the state it expects."""

from datetime import timedelta
from typing import Any

import pytest

from community.activities import moving
from core.clock import frozen_at
from core.db import transaction
from core.ids import new_id, public_id
from tests.clients import ApiClient, TestProgram
from tests.community.activities.stage import (
    AFTER,
    CASH,
    CASH_BUDGET,
    END,
    NOON,
    POINTS,
    POINTS_BUDGET,
    START,
    Stage,
    activity_body,
    uuid_of,
)  # fmt: skip
from tests.factories import seed_members
from tests.threads import together

ANY = "act_01kbt1wz00fcyry88y1p63pagn"
NO_COUPON = "cpn_01kbt1wz00fcyry88y1p63pagn"


def pointers(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [one["pointer"] for one in answer.json["errors"]]


@pytest.fixture
def operator(stage: Stage) -> ApiClient:
    return stage.program.staff("operator")


def test_anonymous_is_refused(program: TestProgram) -> None:
    calls = (
        ("POST", ""), ("GET", ""), ("GET", f"/{ANY}"), ("PATCH", f"/{ANY}"), ("POST", f"/{ANY}/cancel"),
        ("POST", f"/{ANY}/budget-approval"), ("GET", f"/{ANY}/rewards"),
    )  # fmt: skip
    for method, path in calls:
        assert program.anonymous.call(method, f"/v1/activities{path}").status_code == 401


def test_another_programs_activity_is_not_found(stage: Stage, other: TestProgram) -> None:
    activity = stage.make(external_id="may")
    owner = other.staff("owner")
    for ref in (activity["id"], "ext:may", ANY):
        assert owner.get(f"/v1/activities/{ref}").status_code == 404
        assert owner.patch(f"/v1/activities/{ref}", {"name": "Mine"}).status_code == 404
        for action in ("cancel", "budget-approval"):
            body = {} if action == "cancel" else None
            assert owner.post(f"/v1/activities/{ref}/{action}", body).status_code == 404
        for what in ("participations", "rewards", "teams"):
            assert owner.get(f"/v1/activities/{ref}/{what}").status_code == 404
    assert owner.get("/v1/activities").json["data"] == []  # type: ignore[index]


@pytest.mark.parametrize("role", ["viewer", "finance"])
def test_who_may_make_one(stage: Stage, role: str) -> None:
    assert stage.program.staff(role).post("/v1/activities", activity_body()).status_code == 403
    assert stage.client.post("/v1/activities", activity_body()).status_code == 403, "a key makes none"


@pytest.mark.parametrize(
    "kind", ["share", "check_in", "invite", "group_buy", "engagement", "topic", "poll", "member_day"]
)
def test_each_kind_is_made_with_its_goal(stage: Stage, kind: str) -> None:
    made = stage.make(kind)
    assert (made["kind"], made["status"], made["budget"]) == (kind, "scheduled", None)
    assert stage.show(made) == made


def test_the_same_again_is_the_same(stage: Stage, operator: ApiClient) -> None:
    first = operator.post("/v1/activities", activity_body(external_id="may"))
    again = operator.post("/v1/activities", activity_body(external_id="may"))
    other = operator.post("/v1/activities", activity_body(external_id="may", name="Other"))
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json["id"] == first.json["id"]  # type: ignore[index]
    assert other.json["code"] == "already_exists"  # type: ignore[index]


@pytest.mark.parametrize(
    ("kind", "goal", "whole"),
    [
        ("check_in", {}, {"each": True, "streaks": []}),
        ("check_in", {"streaks": [{"days": 2}]}, {"each": True, "streaks": [{"days": 2, "amount": None}]}),
        ("invite", {}, {"invites": None}),
        ("engagement", {"likes": 2}, {"likes": 2, "comments": None, "shares": None, "views": None}),
        ("group_buy", {"sku": "TEA", "price": 990, "buyers": 3},
         {"sku": "TEA", "price": 990, "buyers": 3, "team_seconds": 86_400, "pay_seconds": 900}),
    ],
)  # fmt: skip
def test_the_same_with_its_defaults_spelled_out_is_the_same(
    operator: ApiClient, kind: str, goal: dict[str, Any], whole: dict[str, Any]
) -> None:
    defaults = {
        "settle_after_seconds": 60, "published": True, "group_ids": [], "reward": None, "budget": None, "texts": {},
        "limits": {"per_member": None, "per_day": None, "total": None},
        "guard": {"shared_device": "hold", "members_only": False, "public_per_hour": 100},
    }  # fmt: skip
    bodies = [
        activity_body(kind, external_id="may", goal=goal),
        activity_body(kind, external_id="may", goal=whole),
        activity_body(kind, external_id="may", goal=goal, **defaults),
    ]
    answers: Any = [operator.post("/v1/activities", body) for body in bodies]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert answers[1].json == answers[0].json
    other = operator.post("/v1/activities", activity_body(kind, external_id="may", goal=goal, published=False))
    assert other.status_code == 409


def test_the_same_at_once_is_one(stage: Stage, operator: ApiClient) -> None:
    body = activity_body(external_id="may")
    answers = together(stage.program.app, *[lambda: operator.post("/v1/activities", body)] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]


@pytest.mark.parametrize(
    ("kind", "more", "pointer"),
    [
        ("check_in", {"ends_at": START.isoformat()}, "/ends_at"),
        ("check_in", {"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z"}, "/ends_at"),
        ("check_in", {"goal": {"clicks": 3}}, "/goal/clicks"),
        ("check_in", {"goal": {"each": False}}, "/goal/streaks"),
        ("check_in", {"goal": {"streaks": [{"days": 2}, {"days": 2}]}}, "/goal/streaks"),
        ("share", {"goal": {}}, "/goal/clicks"),
        ("share", {"starts_at": "2026-05-01T00:30:00Z"}, "/starts_at"),
        ("share", {"limits": {"total": 4}}, "/limits"),
        ("group_buy", {"goal": {"sku": "a", "price": 1}}, "/goal/buyers"),
        ("engagement", {"goal": {}}, "/goal/likes"),
        ("poll", {"goal": {"options": [{"id": "a", "text": "A"}, {"id": "a", "text": "B"}]}}, "/goal/options"),
        ("member_day", {"reward": POINTS, "budget": POINTS_BUDGET}, "/reward"),
        ("check_in", {"reward": POINTS}, "/budget"),
        ("check_in", {"reward": CASH, "budget": POINTS_BUDGET}, "/budget"),
        ("check_in", {"reward": {"kind": "cash"}, "budget": CASH_BUDGET}, "/reward/amount"),
        ("check_in", {"reward": {**POINTS, "amount": 10**12 + 1}, "budget": POINTS_BUDGET}, "/reward/amount"),
        ("check_in", {"reward": POINTS, "budget": POINTS_BUDGET,
                      "goal": {"streaks": [{"days": 2}, {"days": 3, "amount": 10**12 + 1}]}},
         "/goal/streaks/1/amount"),
        ("check_in", {"reward": {"kind": "coupon", "amount": 4}}, "/reward/amount"),
        ("topic", {"reward": {**POINTS, "pay": "at_once"}, "budget": POINTS_BUDGET}, "/reward"),
        ("check_in", {"budget": {"currency": "EUR", "amount": 4}}, "/budget/currency"),
        ("check_in", {"reward": {"kind": "coupon", "coupon_id": NO_COUPON}}, "/reward/coupon_id"),
        ("check_in", {"group_ids": ["grp_01kbt1wz00fcyry88y1p63pagn"]}, "/group_ids/0"),
        ("check_in", {"guard": {"members_only": True}}, "/guard/members_only"),
        ("check_in", {"color": "red"}, "/color"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(operator: ApiClient, kind: str, more: dict[str, Any], pointer: str) -> None:
    assert pointer in pointers(operator.post("/v1/activities", activity_body(kind, **more)))


def test_a_reward_is_at_most_as_many_points_as_an_award(stage: Stage) -> None:
    seed_members(stage.program, 1)
    most = 10**12
    activity = stage.run(
        reward={"kind": "points", "amount": most, "pay": "at_once"}, goal={"streaks": [{"days": 2, "amount": most}]},
        budget={"currency": "PTS", "amount": 3 * most},
    )  # fmt: skip
    stage.join(activity, "m-0")
    with frozen_at(NOON + timedelta(days=1)):
        stage.join(activity, "m-0")
        stage.sweep()
    assert stage.points("m-0") == 3 * most


def test_streaks_of_money_are_no_points(operator: ApiClient) -> None:
    body = activity_body(reward=CASH, budget=CASH_BUDGET, goal={"streaks": [{"days": 2, "amount": 10**12 + 1}]})
    assert operator.post("/v1/activities", body).status_code == 201


@pytest.mark.parametrize("name", ["kind", "goal", "reward", "budget", "guard", "external_id"])
def test_what_it_promises_never_changes(stage: Stage, operator: ApiClient, name: str) -> None:
    activity = stage.make()
    answer = operator.patch(f"/v1/activities/{activity['id']}", {name: activity_body().get(name)})
    assert pointers(answer) == [f"/{name}"]


def test_words_and_window_change_until_it_ends(stage: Stage, operator: ApiClient) -> None:
    activity = stage.make()
    texts = {"zh": {"title": "打卡", "rules": None}}
    later = (END + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    changed: Any = operator.patch(f"/v1/activities/{activity['id']}", {"texts": texts, "ends_at": later, "name": "Tea"})
    assert (changed.json["texts"], changed.json["ends_at"], changed.json["name"]) == (texts, later, "Tea")
    stage.sweep()
    path = f"/v1/activities/{activity['id']}"
    assert operator.patch(path, {"starts_at": START.isoformat()}).status_code == 200, "that is no change"
    assert operator.patch(path, {"starts_at": NOON.isoformat()}).json["code"] == "wrong_state"  # type: ignore[index]
    assert pointers(operator.patch(path, {"ends_at": NOON.isoformat()})) == ["/ends_at"]
    assert pointers(operator.patch(path, {"limits": {"total": 5}})) == ["/limits/total"]
    with frozen_at(END + timedelta(days=2)):
        stage.settle(activity)
        assert stage.program.staff("operator").patch(path, {"name": "x"}).status_code == 409


def test_a_draft_waits_to_be_published(stage: Stage, operator: ApiClient) -> None:
    activity = stage.make(published=False)
    stage.sweep()
    assert stage.show(activity)["status"] == "draft"
    path = f"/v1/activities/{activity['id']}"
    assert operator.patch(path, {"published": True}).json["status"] == "scheduled"  # type: ignore[index]
    assert operator.patch(path, {"published": False}).json["status"] == "draft"  # type: ignore[index]
    operator.patch(path, {"published": True})
    stage.sweep()
    assert stage.show(activity)["status"] == "running"


def test_time_moves_it_and_tells_once(stage: Stage) -> None:
    activity = stage.make(starts_at=NOON.isoformat())
    with frozen_at(NOON - timedelta(seconds=1)):
        stage.sweep()
        assert stage.show(activity)["status"] == "scheduled"
    stage.sweep()
    assert stage.show(activity)["status"] == "running"
    with frozen_at(END + timedelta(seconds=59)):
        stage.sweep()
        assert stage.show(activity)["status"] == "running"
    with frozen_at(END + timedelta(seconds=60)):
        stage.sweep()
        stage.sweep()
        assert stage.show(activity)["status"] == "settled"
    told = stage.events("activity.started", "activity.settled")
    assert [one["activity_id"] for one in told] == [str(uuid_of("act", activity["id"]))] * 2
    assert (told[0]["kind"], told[0]["name"], told[0]["group_ids"]) == ("check_in", activity["name"], [])


def test_two_who_move_it_at_once_move_it_once(stage: Stage) -> None:
    stage.make()
    program = stage.program.now()

    def move() -> None:
        with transaction(program.id):
            moving.advance(program)

    together(stage.program.app, *[move] * 6)
    assert len(stage.events("activity.started")) == 1


def test_cancel_ends_it_for_good(stage: Stage, operator: ApiClient) -> None:
    activity = stage.run()
    seed_members(stage.program, 1)
    path = f"/v1/activities/{activity['id']}"
    canceled: Any = operator.post(f"{path}/cancel", {"reason": "rain"})
    assert (canceled.json["status"], canceled.json["cancel_reason"]) == ("canceled", "rain")
    again: Any = operator.post(f"{path}/cancel", {})
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")
    assert stage.join(activity, "m-0").status_code == 409
    with frozen_at(AFTER):
        stage.sweep()
        assert stage.show(activity)["status"] == "canceled"


def test_a_cancel_and_a_settlement_at_once_do_not_both_happen(stage: Stage, operator: ApiClient) -> None:
    activity = stage.run(reward=CASH, budget=CASH_BUDGET)
    with frozen_at(AFTER):
        operator = stage.program.staff("operator")
        program = stage.program.now()

        def move() -> int:
            with transaction(program.id):
                moving.advance(program)
            return 0

        cancel, _ = together(
            stage.program.app,
            lambda: operator.post(f"/v1/activities/{activity['id']}/cancel", {}).status_code,
            move,
        )
        stage.sweep()
        shown = stage.show(activity)
    assert (cancel, shown["status"]) in {(200, "canceled"), (409, "settled")}
    assert stage.books() == {}
    assert shown["budget"]["returned"] == 100_000


def test_lists_are_paged_and_filtered(stage: Stage) -> None:
    made = [stage.make(kind)["id"] for kind in ("poll", "check_in", "check_in")]
    first: Any = stage.client.get("/v1/activities?limit=2").json
    second: Any = stage.client.get(f"/v1/activities?limit=2&cursor={first['next_cursor']}").json
    assert [one["id"] for one in first["data"] + second["data"]] == made[::-1]
    polls: Any = stage.client.get("/v1/activities?kind=poll&status=scheduled").json
    assert [one["id"] for one in polls["data"]] == made[:1]
    group = public_id("grp", new_id())
    assert stage.client.get(f"/v1/activities?group_id={group}").json["data"] == []  # type: ignore[index]


def test_members_see_no_drafts_and_no_budgets(stage: Stage) -> None:
    seed_members(stage.program, 1)
    draft, shown = stage.make(published=False), stage.make(reward=POINTS, budget=POINTS_BUDGET)
    member = stage.program.member("ext:m-0")
    mine: Any = member.get("/v1/me/activities").json
    assert [one["id"] for one in mine["data"]] == [shown["id"]]
    assert "budget" not in mine["data"][0]
    assert member.get(f"/v1/me/activities/{draft['id']}").status_code == 404
