"""Group buys (拼团): complete with the last paid seat, exact at the limit, released when their time is over."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from core.clock import frozen_at
from tests.clients import TestProgram
from tests.community.activities.stage import AFTER, CASH, CASH_BUDGET, END, NOON, Stage
from tests.factories import seed_members
from tests.threads import together

MINUTE = timedelta(minutes=1)
LATE = NOON + timedelta(minutes=16)  # after the fifteen minutes of a seat, and the grace


@pytest.fixture
def crowd(stage: Stage) -> Stage:
    seed_members(stage.program, 14)
    return stage


def opened(stage: Stage, activity: dict[str, Any], leader: str = "m-0", **more: Any) -> str:
    """A team with its leader's seat."""
    answer: Any = stage.join(activity, leader, **more)
    assert answer.status_code == 201, answer.text
    return answer.json["team_id"]  # type: ignore[no-any-return]


def code(answer: Any) -> str:
    assert answer.status_code == 409, answer.text
    return answer.json["code"]  # type: ignore[no-any-return]


def only_team(stage: Stage, activity: dict[str, Any]) -> tuple[str, int, int]:
    (team,) = stage.teams(activity)
    return team["status"], team["seats_left"], team["confirmed"]


def test_the_last_paid_seat_completes_it(crowd: Stage) -> None:
    activity = crowd.run("group_buy", reward=CASH, budget=CASH_BUDGET)
    orders = [crowd.order(f"m-{number}", f"o-{number}") for number in range(2)]
    team = opened(crowd, activity, order_external_id=orders[0])
    second: Any = crowd.take_part(activity, "m-1", team_id=team, order_external_id=orders[1])
    assert (second.status_code, second.json["status"]) == (201, "counted")
    third: Any = crowd.take_part(activity, "m-2", team_id=team, order_external_id="o-2")
    assert third.json["status"] == "reserved", "no such order is paid yet"
    assert only_team(crowd, activity) == ("open", 0, 2)
    crowd.order("m-2", "o-2")
    crowd.sweep()
    assert only_team(crowd, activity) == ("done", 0, 3)
    (reached,) = crowd.events("activity.reached")
    assert reached["kind"] == "group_buy"
    assert reached["team_id"] is not None
    mine: Any = crowd.program.member("ext:m-2").get(f"/v1/me/activities/{activity['id']}").json
    assert [(one["id"], one["status"]) for one in mine["teams"]] == [(team, "done")]
    with frozen_at(AFTER):
        crowd.settle(activity)
        assert [crowd.available(f"m-{number}") for number in range(4)] == [250, 250, 250, 0]
    crowd.assert_sound()


def test_the_shop_may_say_that_a_seat_is_paid(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    team = opened(crowd, activity, paid=True)
    crowd.join(activity, "m-1", team_id=team)
    again: Any = crowd.join(activity, "m-1", team_id=team, paid=True)
    assert (again.status_code, again.json["status"]) == (200, "counted")
    crowd.join(activity, "m-2", team_id=team, paid=True)
    assert only_team(crowd, activity) == ("done", 0, 3)
    assert crowd.take_part(activity, "m-3", paid=True).status_code == 422, "a member cannot say so"


def test_one_more_than_there_are_seats(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    team = opened(crowd, activity)
    for number in (1, 2):
        assert crowd.join(activity, f"m-{number}", team_id=team).status_code == 201
    assert code(crowd.join(activity, "m-3", team_id=team)) == "team_full"
    elsewhere: Any = crowd.join(activity, "m-3", team_id=team, if_full="open")
    assert (elsewhere.status_code, elsewhere.json["team_id"] != team) == (201, True)
    assert crowd.join(activity, "m-3", team_id="tem_01kbt1wz00fcyry88y1p63pagn").status_code == 404
    assert crowd.join(activity, "m-2", team_id=team).status_code == 200, "he has his seat"


def joining(program: TestProgram, path: str, names: list[str], body: dict[str, Any]) -> Callable[[], Counter[str]]:
    def run() -> Counter[str]:
        outcomes: Counter[str] = Counter()
        for name in names:
            answer = program.client_with(program.api_key).post(path, {"member_external_id": name} | body)
            outcomes["joined" if answer.status_code == 201 else answer.json["code"]] += 1  # type: ignore[index]
        return outcomes

    return run


@pytest.mark.parametrize("buyers", [2, 5, 9])
def test_it_is_exact_at_its_limit_under_parallel_joins(crowd: Stage, wide_app: Flask, buyers: int) -> None:
    activity = crowd.run("group_buy", goal={"sku": "TEA", "price": 990, "buyers": buyers})
    team = opened(crowd, activity, paid=True)
    path = f"/v1/activities/{activity['id']}/participations"
    wide = TestProgram(wide_app, crowd.program.id, crowd.program.api_key, strict_contract=False)
    body = {"team_id": team, "paid": True}
    jobs = [joining(wide, path, [f"m-{number}"], body) for number in range(1, 14)]
    outcomes = sum(together(wide_app, *jobs), Counter[str]())
    refused = outcomes["team_full"] + outcomes["team_ended"]  # the last seat was paid: it is complete
    assert (outcomes["joined"], refused) == (buyers - 1, 14 - buyers)
    assert only_team(crowd, activity) == ("done", 0, buyers)
    assert len(crowd.events("activity.reached")) == 1


def test_who_finds_it_full_may_open_others_at_once(crowd: Stage, wide_app: Flask) -> None:
    activity = crowd.run("group_buy")
    team = opened(crowd, activity)
    path = f"/v1/activities/{activity['id']}/participations"
    wide = TestProgram(wide_app, crowd.program.id, crowd.program.api_key, strict_contract=False)
    body = {"team_id": team, "if_full": "open"}
    outcomes = together(wide_app, *[joining(wide, path, [f"m-{number}"], body) for number in range(1, 9)])
    assert sum(outcomes, Counter[str]()) == {"joined": 8}
    seats = Counter(one["team_id"] for one in crowd.participations(activity))
    assert seats[team] == 3
    assert len(seats) == 1 + 6


def test_an_unpaid_seat_is_free_again(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    team = opened(crowd, activity, paid=True)
    crowd.join(activity, "m-1", team_id=team)
    with frozen_at(NOON + timedelta(minutes=15, seconds=20)):
        crowd.sweep()
        assert only_team(crowd, activity) == ("open", 1, 1), "a payment in its last moment may not be told yet"
    with frozen_at(LATE):
        crowd.sweep()
        assert only_team(crowd, activity) == ("open", 2, 1)
        assert [(one["status"], one["reason"]) for one in crowd.participations(activity)] == [
            ("released", "not_paid"), ("counted", None),
        ]  # fmt: skip
        again: Any = crowd.join(activity, "m-1", team_id=team, paid=True)
        assert (again.status_code, again.json["status"]) == (201, "counted")
        assert only_team(crowd, activity) == ("open", 1, 2)


def test_a_seat_paid_in_time_but_told_late_is_taken_again(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    team = opened(crowd, activity, paid=True)
    crowd.join(activity, "m-1", team_id=team, order_external_id="late")
    with frozen_at(LATE):
        crowd.sweep()
        assert only_team(crowd, activity) == ("open", 2, 1)
        crowd.order("m-1", "late", paid_at=(NOON + MINUTE).isoformat())
        crowd.sweep()
        assert only_team(crowd, activity) == ("open", 1, 2)


def test_a_seat_paid_too_late_is_told_to_the_shop(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    team = opened(crowd, activity, paid=True)
    crowd.join(activity, "m-1", team_id=team, order_external_id="late")
    with frozen_at(LATE):
        crowd.sweep()
        crowd.order("m-1", "late", paid_at=LATE.isoformat())
        crowd.sweep()
        assert only_team(crowd, activity) == ("open", 2, 1)
    (told,) = crowd.events("activity.released")
    assert (told["reason"], told["order_external_ids"]) == ("paid_late", ["late"])


def test_a_seat_that_went_back_may_be_somebody_elses(crowd: Stage) -> None:
    activity = crowd.run("group_buy", goal={"sku": "TEA", "price": 990, "buyers": 2})
    team = opened(crowd, activity, paid=True)
    crowd.join(activity, "m-1", team_id=team, order_external_id="late")
    with frozen_at(LATE):
        crowd.sweep()
        crowd.join(activity, "m-2", team_id=team, paid=True)
        crowd.order("m-1", "late", paid_at=(NOON + MINUTE).isoformat())
        crowd.sweep()
        assert only_team(crowd, activity) == ("done", 0, 2)
    assert crowd.events("activity.released")[-1]["order_external_ids"] == ["late"]


@pytest.mark.parametrize("what", ["other_customer", "other_product", "refunded", "counted_already"])
def test_an_order_that_does_not_fit_confirms_nothing(crowd: Stage, what: str) -> None:
    activity = crowd.run("group_buy")
    order = crowd.order("m-5" if what == "other_customer" else "m-0", sku="MATE" if what == "other_product" else "TEA")
    if what == "refunded":
        crowd.refund(order)
    if what == "counted_already":
        opened(crowd, activity, order_external_id=order)
    answer = crowd.join(activity, "m-0", order_external_id=order)
    assert code(answer) == "order_does_not_fit"
    assert len(crowd.teams(activity)) == (1 if what == "counted_already" else 0), "nothing is written"


def test_a_team_that_is_not_complete_in_time_is_released(crowd: Stage) -> None:
    activity = crowd.run("group_buy", reward=CASH, budget=CASH_BUDGET)
    order = crowd.order("m-0")
    opened(crowd, activity, order_external_id=order)
    with frozen_at(NOON + timedelta(days=1, minutes=1)):
        crowd.sweep()
        assert only_team(crowd, activity)[0] == "released"
        assert code(crowd.join(activity, "m-1", team_id=crowd.teams(activity)[0]["id"])) == "team_ended"
    (told,) = crowd.events("activity.released")
    assert (told["reason"], told["order_external_ids"]) == ("team_incomplete", [order])
    with frozen_at(AFTER):
        crowd.settle(activity)
    assert crowd.books() == {}


def test_the_end_of_the_activity_is_the_end_of_its_teams(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    with frozen_at(END - MINUTE):
        opened(crowd, activity, paid=True)
    with frozen_at(AFTER):
        crowd.settle(activity)
        assert only_team(crowd, activity)[0] == "released"


def test_cancel_releases_teams(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    opened(crowd, activity, paid=True)
    crowd.program.staff("operator").post(f"/v1/activities/{activity['id']}/cancel", {})
    crowd.sweep()
    assert only_team(crowd, activity)[0] == "released"


def test_a_refund_frees_a_seat_of_an_open_team_only(crowd: Stage) -> None:
    activity = crowd.run("group_buy", reward=CASH, budget=CASH_BUDGET, goal={"sku": "TEA", "price": 1, "buyers": 2})
    orders = [crowd.order(f"m-{number}") for number in range(3)]
    team = opened(crowd, activity, order_external_id=orders[0])
    crowd.refund(orders[0])
    crowd.sweep()
    assert only_team(crowd, activity) == ("open", 2, 0)
    for number in (1, 2):
        crowd.join(activity, f"m-{number}", team_id=team, order_external_id=orders[number])
    assert only_team(crowd, activity) == ("done", 0, 2)
    crowd.refund(orders[2])
    with frozen_at(AFTER):
        crowd.settle(activity)
        assert only_team(crowd, activity) == ("done", 0, 2)
        assert [crowd.available(f"m-{number}") for number in range(3)] == [0, 250, 0]
    crowd.assert_sound()


def test_limits_count_seats_that_are_kept(crowd: Stage) -> None:
    activity = crowd.run("group_buy", limits={"per_member": 1, "total": 2})
    opened(crowd, activity)
    assert code(crowd.join(activity, "m-0")) == "limit_reached"
    opened(crowd, activity, "m-1")
    assert code(crowd.join(activity, "m-2")) == "limit_reached"
    with frozen_at(LATE):
        crowd.sweep()
        opened(crowd, activity, "m-2")
        opened(crowd, activity, "m-0")
