"""Check-ins: one a day in the program's time zone, streaks, limits, and rewards at once or at the end."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from core.clock import frozen_at
from tests.clients import TestProgram
from tests.commission.orders.conftest import Shop
from tests.community.activities.stage import AFTER, END, NOON, POINTS, POINTS_BUDGET, START, Stage
from tests.community.activities.test_shares import GROUP
from tests.factories import seed_members, set_member
from tests.threads import together

AT_ONCE = {**POINTS, "pay": "at_once"}


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_anonymous_is_refused(stage: Stage) -> None:
    anonymous = stage.program.anonymous
    activity = "act_01kbt1wz00fcyry88y1p63pagn"
    assert anonymous.post(f"/v1/activities/{activity}/participations", {}).status_code == 401
    assert anonymous.post("/v1/me/activity-participations", {}).status_code == 401
    assert anonymous.get("/v1/me/activities").status_code == 401


def test_another_programs_activity_is_not_found(stage: Stage, other: TestProgram) -> None:
    activity = stage.run()
    seed_members(other, 1)
    assert Stage(other).join(activity, "m-0").status_code == 404
    assert Stage(other).take_part(activity, "m-0").status_code == 404
    assert other.member("ext:m-0").get(f"/v1/me/activities/{activity['id']}").status_code == 404


def test_once_a_day(stage: Stage) -> None:
    activity = stage.run()
    seed_members(stage.program, 1)
    first, second = stage.take_part(activity, "m-0"), stage.join(activity, "m-0")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json["id"] == second.json["id"]  # type: ignore[index]
    with frozen_at(NOON + timedelta(days=1)):
        assert stage.take_part(activity, "m-0").status_code == 201
    assert [one["day"] for one in stage.participations(activity)] == ["2026-05-02", "2026-05-01"]


def test_a_check_in_of_many_at_once_is_one(stage: Stage, wide_app: Flask) -> None:
    activity = stage.run(reward=AT_ONCE, budget=POINTS_BUDGET)
    seed_members(stage.program, 1)
    path, body = f"/v1/activities/{activity['id']}/participations", {"member_external_id": "m-0"}
    wide = TestProgram(wide_app, stage.program.id, stage.program.api_key, strict_contract=False)
    answers = together(wide_app, *[lambda: wide.client_with(wide.api_key).post(path, body)] * 12)
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1  # type: ignore[index]
    stage.sweep()
    assert len(stage.rewards(activity)) == 1


def test_a_reward_at_once_is_given_in_a_moment(stage: Stage) -> None:
    activity = stage.run(reward=AT_ONCE, budget=POINTS_BUDGET)
    seed_members(stage.program, 2)
    stage.take_part(activity, "m-0")
    stage.sweep()
    assert [stage.points("m-0"), stage.points("m-1")] == [10, 0]
    assert stage.show(activity)["budget"]["left"] == 99_990
    (reward,) = stage.rewards(activity)
    assert (reward["occasion"], reward["status"], reward["amount"]) == ("day:2026-05-01", "paid", 10)
    mine: Any = stage.program.member("ext:m-0").get("/v1/me/activities").json
    assert [(one["counted"], one["rewards_paid"]) for one in mine["data"]] == [(1, 1)]


def test_streaks_are_rewarded_once_each(stage: Stage) -> None:
    goal = {"streaks": [{"days": 2}, {"days": 3, "amount": 50}]}
    activity = stage.run(goal=goal, reward=AT_ONCE, budget=POINTS_BUDGET)
    seed_members(stage.program, 1)
    for day in (0, 1, 3, 4, 5):
        with frozen_at(NOON + timedelta(days=day)):
            assert stage.take_part(activity, "m-0").status_code == 201
    stage.sweep()
    assert stage.points("m-0") == 5 * 10 + 10 + 50
    assert sorted(one["occasion"] for one in stage.rewards(activity))[-2:] == ["streak:2", "streak:3"]
    reached = stage.events("activity.reached")
    assert [one["value"] for one in reached] == [2, 3]


def test_days_told_late_complete_a_streak(stage: Stage) -> None:
    activity = stage.run(goal={"each": False, "streaks": [{"days": 3}]}, reward=AT_ONCE, budget=POINTS_BUDGET)
    seed_members(stage.program, 1)
    with frozen_at(NOON + timedelta(days=3)):
        for day in (2, 0, 1):
            answer = stage.join(activity, "m-0", at=(START + timedelta(days=day, hours=1)).isoformat())
            assert answer.status_code == 201
        stage.sweep()
        shown: Any = stage.program.member("ext:m-0").get(f"/v1/me/activities/{activity['id']}").json
    assert (shown["streak"], shown["longest_streak"], shown["checked_in_today"]) == (3, 3, False)
    assert stage.points("m-0") == 10


def test_the_day_is_that_of_the_program(stage: Stage) -> None:
    Shop(stage.program).settings(timezone="Asia/Shanghai")
    activity = stage.run()
    seed_members(stage.program, 1)
    for hour, status in ((3, 201), (15, 200), (17, 201)):  # 17:00 in London is tomorrow in Shanghai
        with frozen_at(START + timedelta(days=1, hours=hour)):
            assert stage.take_part(activity, "m-0").status_code == status


def test_not_before_nor_after(stage: Stage) -> None:
    activity = stage.run(starts_at=(NOON - timedelta(hours=1)).isoformat())
    seed_members(stage.program, 1)
    early = stage.join(activity, "m-0", at=START.isoformat())
    assert refusal(early) == (409, "activity_not_running")
    with frozen_at(END):
        assert refusal(stage.take_part(activity, "m-0")) == (409, "activity_not_running")
    assert stage.join(activity, "m-0", at=END.isoformat()).status_code == 422, "it has not happened yet"


@pytest.mark.parametrize("columns", [{"status": "suspended"}, {"status": "erased"}])
def test_who_is_not_active_takes_no_part(stage: Stage, columns: dict[str, str]) -> None:
    activity = stage.run()
    (member_id,) = seed_members(stage.program, 1)
    set_member(stage.program, member_id, **columns)
    assert refusal(stage.join(activity, "m-0")) == (409, "member_not_eligible")


def test_limits_of_a_member_and_in_all(stage: Stage) -> None:
    activity = stage.run(limits={"per_member": 2, "total": 3})
    seed_members(stage.program, 3)
    for day in range(3):
        with frozen_at(NOON + timedelta(days=day)):
            expected = 201 if day < 2 else 409
            assert stage.take_part(activity, "m-0").status_code == expected
    with frozen_at(NOON + timedelta(days=3)):
        assert stage.take_part(activity, "m-1").status_code == 201
        assert refusal(stage.take_part(activity, "m-2")) == (409, "limit_reached")
    assert stage.show(activity)["progress"]["participations"] == {"counted": 3}


def test_the_last_place_of_a_total_limit_is_taken_once(stage: Stage, wide_app: Flask) -> None:
    activity = stage.run(limits={"total": 5})
    seed_members(stage.program, 12)
    wide = TestProgram(wide_app, stage.program.id, stage.program.api_key, strict_contract=False)
    path = f"/v1/activities/{activity['id']}/participations"

    def joins(name: str) -> Any:
        return lambda: wide.client_with(wide.api_key).post(path, {"member_external_id": name}).status_code

    statuses = together(wide_app, *[joins(f"m-{number}") for number in range(12)])
    assert sorted(statuses) == [201] * 5 + [409] * 7


def test_what_is_paid_at_the_end(stage: Stage) -> None:
    activity = stage.run(reward=POINTS, budget=POINTS_BUDGET, goal={"streaks": [{"days": 2, "amount": 5}]})
    seed_members(stage.program, 2)
    for day in range(2):
        with frozen_at(NOON + timedelta(days=day)):
            stage.take_part(activity, "m-0")
            stage.sweep()
    assert stage.points("m-0") == 0
    with frozen_at(AFTER):
        shown = stage.settle(activity)
        stage.sweep()
    assert [stage.points("m-0"), stage.points("m-1")] == [25, 0]
    assert shown["progress"] == {
        "members": 1, "participations": {"counted": 2}, "rewards": {"paid": 3}, "rewarded": 25, "teams": {}, "votes": {}
    }  # fmt: skip
    assert (shown["budget"]["left"], shown["budget"]["returned"], shown["budget"]["status"]) == (0, 99_975, "closed")
    stage.assert_sound()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"option": "tea"}, "/option"),
        ({"content_id": "video"}, "/content_id"),
        ({"paid": True}, "/paid"),
        ({"if_full": "open"}, "/if_full"),
        ({"text": "hello"}, "/text"),
        ({"unknown": 1}, "/unknown"),
    ],
)
def test_what_is_not_of_the_kind_is_refused(stage: Stage, body: dict[str, Any], pointer: str) -> None:
    activity = stage.run()
    seed_members(stage.program, 1)
    answer: Any = stage.join(activity, "m-0", **body)
    assert (answer.status_code, [one["pointer"] for one in answer.json["errors"]]) == (422, [pointer])


def test_an_unknown_member_is_refused(stage: Stage) -> None:
    answer: Any = stage.join(stage.run(), "nobody")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/member_external_id")


def test_only_members_of_its_groups_where_it_says_so(stage: Stage) -> None:
    made: Any = stage.program.staff("operator").post("/v1/groups", GROUP | {"external_id": "tea"}).json
    activity = stage.run(group_ids=[made["id"]], guard={"members_only": True})
    seed_members(stage.program, 2)
    joined = stage.client.post(f"/v1/groups/{made['id']}/members", {"member_external_id": "m-0"})
    assert joined.status_code == 201, joined.text
    assert stage.take_part(activity, "m-0").status_code == 201
    assert refusal(stage.take_part(activity, "m-1")) == (409, "member_not_eligible")
    open_to_all = stage.run(group_ids=[made["id"]])
    assert stage.take_part(open_to_all, "m-1").status_code == 201
