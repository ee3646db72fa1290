"""Payments of seats of group buys: told late, naming one order twice, of other times, refunded, limited, at once."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from community.activities.releasing import release_overdue
from core.clock import frozen_at
from core.db import scalar, transaction
from tests.clients import TestProgram
from tests.community.activities.stage import AFTER, CASH, CASH_BUDGET, NOON, START, Stage
from tests.community.activities.test_group_buys import LATE, MINUTE, code, joining, only_team, opened
from tests.factories import seed_members
from tests.threads import together

_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@pytest.fixture
def crowd(stage: Stage) -> Stage:
    seed_members(stage.program, 14)
    return stage


def late_told(crowd: Stage, **limits: int) -> dict[str, Any]:
    """An activity in which the seat of m-1 went back, though it was paid in time, by "o", which is told now."""
    activity = crowd.run("group_buy", limits=limits)
    crowd.take_part(activity, "m-1", order_external_id="o")
    with frozen_at(LATE):
        crowd.sweep()
        crowd.order("m-1", "o", paid_at=(NOON + MINUTE).isoformat())
    return activity


@pytest.mark.parametrize("how", ["refund", "end"])
def test_a_seat_that_is_taken_again_counts_against_the_limit(crowd: Stage, how: str) -> None:
    activity = late_told(crowd, total=1)
    with frozen_at(LATE):
        crowd.sweep()
        assert code(crowd.join(activity, "m-2")) == "limit_reached"
        if how == "refund":
            crowd.refund("o")
    with frozen_at(NOON + timedelta(days=1, minutes=1)):
        crowd.sweep()
        assert crowd.join(activity, "m-2").status_code == 201, "it was counted out once"
        assert code(crowd.join(activity, "m-3")) == "limit_reached"


@pytest.mark.parametrize(("limits", "other"), [({"per_member": 1}, "m-1"), ({"total": 1}, "m-2")])
def test_a_seat_is_not_taken_again_over_a_limit(crowd: Stage, limits: dict[str, int], other: str) -> None:
    activity = late_told(crowd, **limits)
    with frozen_at(LATE):
        crowd.join(activity, other, paid=True)
        crowd.sweep()
        assert [one["status"] for one in crowd.participations(activity)] == ["counted", "released"]
    assert crowd.events("activity.released")[-1]["order_external_ids"] == ["o"]


@pytest.mark.parametrize("paid_at", [NOON + MINUTE, LATE])
def test_one_order_named_by_two_seats_speaks_for_one(crowd: Stage, paid_at: datetime) -> None:
    """For the one that it confirms, if there is one."""
    activity = crowd.run("group_buy")
    crowd.take_part(activity, "m-1", order_external_id="o")
    with frozen_at(LATE):
        crowd.sweep()
        crowd.take_part(activity, "m-1", order_external_id="o")
        crowd.order("m-1", "o", paid_at=paid_at.isoformat())
        crowd.sweep()
        assert [one["status"] for one in crowd.participations(activity)] == ["counted", "released"]
        assert crowd.events("activity.released") == []


def test_one_order_is_late_for_two_seats_and_told_once(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    for _ in range(2):
        crowd.take_part(activity, "m-1", order_external_id="o")
    with frozen_at(LATE):
        crowd.sweep()
        crowd.order("m-1", "o", paid_at=LATE.isoformat())
        crowd.sweep()
    assert [one["order_external_ids"] for one in crowd.events("activity.released")] == [["o"]]
    assert {one["status"] for one in crowd.participations(activity)} == {"released"}


def test_an_order_from_before_the_activity_pays_no_seat(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    old = crowd.order("m-0", paid_at=(START - timedelta(days=100)).isoformat())
    assert code(crowd.take_part(activity, "m-0", order_external_id=old)) == "order_does_not_fit"
    assert crowd.teams(activity) == []


def test_an_order_counts_in_one_group_buy_of_its_product(crowd: Stage) -> None:
    first, second = crowd.run("group_buy"), crowd.run("group_buy")
    order = crowd.order("m-0")
    assert crowd.take_part(first, "m-0", order_external_id=order).status_code == 201
    assert code(crowd.take_part(second, "m-0", order_external_id=order)) == "order_does_not_fit"


@pytest.mark.parametrize("told", ["before", "after"])
def test_the_order_of_a_seat_that_the_shop_calls_paid_is_remembered(crowd: Stage, told: str) -> None:
    activity = crowd.run("group_buy", goal={"sku": "TEA", "price": 990, "buyers": 2}, reward=CASH, budget=CASH_BUDGET)
    if told == "before":
        crowd.order("m-1", "o")
    team = opened(crowd, activity, "m-1", paid=True, order_external_id="o")
    if told == "after":
        crowd.order("m-1", "o")
        crowd.sweep()
    assert code(crowd.take_part(activity, "m-1", order_external_id="o")) == "order_does_not_fit"
    crowd.join(activity, "m-2", team_id=team, paid=True)
    crowd.refund("o")
    with frozen_at(AFTER):
        crowd.settle(activity)
        assert [crowd.available(name) for name in ("m-1", "m-2")] == [0, 250]
    crowd.assert_sound()


def test_the_order_of_a_seat_that_is_paid_already_may_be_named_later(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    team = opened(crowd, activity, "m-1", paid=True)
    order = crowd.order("m-1")
    assert crowd.join(activity, "m-1", team_id=team, order_external_id=order).status_code == 200
    crowd.refund(order)
    crowd.sweep()
    assert only_team(crowd, activity) == ("open", 3, 0)


def test_who_pays_late_while_his_seat_still_waits_loses_it_and_the_shop_hears(crowd: Stage) -> None:
    activity = crowd.run("group_buy", limits={"total": 1})
    crowd.take_part(activity, "m-1", order_external_id="late")
    with frozen_at(NOON + timedelta(minutes=15, seconds=6)):
        crowd.order("m-1", "late", paid_at=(NOON + timedelta(minutes=15, seconds=5)).isoformat())
        crowd.sweep()
        assert only_team(crowd, activity) == ("open", 3, 0)
        assert crowd.join(activity, "m-2").status_code == 201
    assert [one["order_external_ids"] for one in crowd.events("activity.released")] == [["late"]]


def test_a_canceled_activity_completes_no_team(crowd: Stage) -> None:
    activity = crowd.run("group_buy", goal={"sku": "TEA", "price": 990, "buyers": 2}, reward=CASH, budget=CASH_BUDGET)
    team = opened(crowd, activity, order_external_id="a")
    crowd.take_part(activity, "m-1", team_id=team, order_external_id="b")
    crowd.order("m-0", "a")
    crowd.sweep()
    crowd.program.staff("operator").post(f"/v1/activities/{activity['id']}/cancel", {})
    crowd.order("m-1", "b")
    crowd.sweep()
    assert crowd.events("activity.reached") == []
    told = [one["order_external_ids"] for one in crowd.events("activity.released")]
    assert ["a", "b"] in told, "b perhaps once more, when its payment is heard of"
    assert only_team(crowd, activity)[0] == "released"


def test_a_refunded_member_may_sit_down_again(crowd: Stage) -> None:
    activity = crowd.run("group_buy")
    orders = [crowd.order("m-1") for _ in range(2)]
    team = opened(crowd, activity, "m-1", order_external_id=orders[0])
    crowd.refund(orders[0])
    crowd.sweep()
    again: Any = crowd.take_part(activity, "m-1", team_id=team, order_external_id=orders[1])
    assert (again.status_code, again.json["status"]) == (201, "counted")
    assert only_team(crowd, activity) == ("open", 2, 1)


def test_an_earlier_end_is_the_end_of_open_teams(crowd: Stage) -> None:
    activity = crowd.run("group_buy", goal={"sku": "TEA", "price": 990, "buyers": 2, "team_seconds": 6 * 86_400})
    opened(crowd, activity)
    soon = (NOON + timedelta(hours=1)).isoformat()
    assert (
        crowd.program.staff("operator").patch(f"/v1/activities/{activity['id']}", {"ends_at": soon}).status_code == 200
    )
    with frozen_at(NOON + timedelta(hours=3)):
        crowd.settle(activity)
        assert only_team(crowd, activity)[0] == "released"


def test_joins_and_releases_at_once_do_not_deadlock(crowd: Stage, wide_app: Flask) -> None:
    activity = crowd.run("group_buy", limits={"total": 100})
    teams = [opened(crowd, activity, f"m-{number}") for number in range(4)]
    path = f"/v1/activities/{activity['id']}/participations"
    wide = TestProgram(wide_app, crowd.program.id, crowd.program.api_key, strict_contract=False)
    program = crowd.program.now()

    def releases() -> Counter[str]:
        for _ in range(10):
            with transaction(program.id):
                release_overdue(program)
        return Counter()

    with transaction(read_only=True):
        before = scalar(_DEADLOCKS)
    with frozen_at(LATE):
        joins = [
            joining(wide, path, [f"m-{n}"], {"team_id": team}) for n, team in zip(range(4, 12), teams * 2, strict=True)
        ]
        together(wide_app, releases, releases, *joins)
        crowd.sweep()
    used = Counter(one["team_id"] for one in crowd.participations(activity) if one["status"] == "reserved")
    assert [3 - one["seats_left"] for one in crowd.teams(activity)] == [
        used[one["id"]] for one in crowd.teams(activity)
    ]
    with transaction(read_only=True):
        assert scalar(_DEADLOCKS) == before
