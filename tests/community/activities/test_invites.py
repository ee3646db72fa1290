"""Invites count when the invited one buys for the first time within the window, and no more when that is refunded."""

from datetime import timedelta
from typing import Any

import pytest

from community.activities import moving
from core.clock import frozen_at, now
from core.db import execute, transaction
from tests.clients import TestProgram
from tests.commission.orders.conftest import Shop
from tests.community.activities.stage import AFTER, CASH, CASH_BUDGET, END, POINTS, POINTS_BUDGET, START, Stage, uuid_of
from tests.jobs import deliver_now, lease_jobs, run_jobs

INVITES: dict[str, Any] = {"kind": "invite", "reward": CASH, "budget": CASH_BUDGET}
AT_ONCE: dict[str, Any] = {**INVITES, "reward": {**CASH, "pay": "at_once"}}


@pytest.fixture
def people(stage: Stage) -> Stage:
    """`ann` invited `bob` and `cid`; `dan` is invited by nobody."""
    stage.member("ann")
    stage.member("bob", "ann")
    stage.member("cid", "ann")
    stage.member("dan")
    return stage


def statuses(stage: Stage, activity: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(one["status"], one["reason"]) for one in reversed(stage.participations(activity))]


def test_it_counts_when_the_invited_one_buys(people: Stage) -> None:
    activity = people.run(**INVITES)
    people.sweep()
    assert people.participations(activity) == [], "joining alone is no sale, and earns nothing"
    order = people.order("bob")
    people.order("bob")
    people.order("dan")
    people.sweep()
    (part,) = people.participations(activity)
    shown: Any = people.client.get(f"/v1/orders/ext:{order}").json
    bob: Any = people.client.get("/v1/members/ext:bob").json
    assert (part["status"], part["order_id"], part["invited_id"]) == ("counted", shown["id"], bob["id"])
    assert people.books() == {"campaign_expense": -100_000, "activity_budget": 100_000}
    with frozen_at(AFTER):
        people.settle(activity)
        assert people.available("ann") == 250
    people.assert_sound()


@pytest.mark.parametrize("paid_at", [START - timedelta(seconds=1), AFTER])
def test_only_within_the_window(people: Stage, paid_at: Any) -> None:
    activity = people.run(**INVITES, settle_after_seconds=86_400)
    with frozen_at(AFTER):
        people.order("bob", paid_at=paid_at.isoformat())
        people.sweep()
        assert people.participations(activity) == []


def test_an_order_told_after_the_end_counts_until_the_settlement(people: Stage) -> None:
    activity = people.run(**INVITES, settle_after_seconds=3600)
    with frozen_at(AFTER):
        people.order("bob")
        people.sweep()
        assert statuses(people, activity) == [("counted", None)]
    with frozen_at(AFTER + timedelta(hours=1)):
        people.settle(activity)
        people.order("cid")
        people.sweep()
        assert len(people.participations(activity)) == 1


def test_a_settlement_waits_for_what_was_told_before(people: Stage) -> None:
    """An order that is in the log, but not read yet, still counts."""
    activity = people.run(**INVITES)
    with frozen_at(AFTER - timedelta(seconds=30)):
        people.order("bob")
    with frozen_at(AFTER):
        people.publish("activities.advance")
        run_jobs(people.program.id)
        assert people.show(activity)["status"] == "running"
        people.settle(activity)
        assert people.available("ann") == 250


def test_what_was_told_just_before_the_settlement_still_counts(people: Stage) -> None:
    activity = people.run(**INVITES)
    with frozen_at(END + timedelta(seconds=58)):
        people.order("bob", paid_at=(END - timedelta(seconds=1)).isoformat())
    with frozen_at(END + timedelta(seconds=61)):
        people.publish("activities.advance")
        run_jobs(people.program.id)
        people.settle(activity)
        assert people.available("ann") == 250


def test_an_order_right_after_the_beginning_counts_whoever_comes_round_first(people: Stage) -> None:
    with frozen_at(START - timedelta(minutes=1)):
        activity = people.make(**INVITES)
        people.approve(activity)
    with frozen_at(START + timedelta(seconds=1)):
        people.order("bob", paid_at=(START + timedelta(seconds=0.5)).isoformat())
        people.publish("events.number")
        run_jobs(people.program.id)
        people.publish("activities.follow_orders")
        run_jobs(people.program.id)
        assert people.show(activity)["status"] == "running"
    assert statuses(people, activity) == [("counted", None)]


def test_a_full_refund_before_the_settlement_takes_it_back(people: Stage) -> None:
    activity = people.run(**INVITES)
    order = people.order("bob")
    people.sweep()
    people.refund(order, 990)
    people.sweep()
    assert statuses(people, activity) == [("taken_back", "refunded")]
    with frozen_at(AFTER):
        people.settle(activity)
        assert people.available("ann") == 0
    assert people.books() == {}


def test_a_partial_refund_takes_nothing_back(people: Stage) -> None:
    activity = people.run(**INVITES)
    order = people.order("bob")
    people.refund(order, 400)
    people.sweep()
    assert statuses(people, activity) == [("counted", None)]
    people.refund(order, 590)
    people.sweep()
    assert statuses(people, activity) == [("taken_back", "refunded")]


def test_a_refund_after_the_settlement_takes_nothing_back(people: Stage) -> None:
    activity = people.run(**INVITES)
    order = people.order("bob")
    with frozen_at(AFTER):
        people.settle(activity)
        people.refund(order)
        people.sweep()
        assert (people.available("ann"), statuses(people, activity)) == (250, [("counted", None)])


@pytest.mark.parametrize("reward", [CASH, POINTS])
def test_what_was_paid_at_once_is_reclaimed(people: Stage, reward: dict[str, Any]) -> None:
    budget = CASH_BUDGET if reward is CASH else POINTS_BUDGET
    activity = people.run("invite", reward={**reward, "pay": "at_once"}, budget=budget)
    order = people.order("bob")
    people.sweep()
    held = people.available if reward is CASH else people.points
    assert held("ann") == reward["amount"]
    people.refund(order)
    people.sweep()
    assert held("ann") == 0
    (back,) = people.rewards(activity)
    assert (back["status"], back["reason"]) == ("taken_back", "refunded")
    assert people.show(activity)["budget"]["left"] == 100_000
    with frozen_at(AFTER):
        people.settle(activity)
    assert people.books() == {}
    people.assert_sound()


def test_a_goal_of_several_is_rewarded_once_and_anew_after_a_refund(people: Stage) -> None:
    people.member("eve", "ann")
    activity = people.run(**AT_ONCE, goal={"invites": 2})
    first = people.order("bob")
    people.sweep()
    assert people.rewards(activity) == []
    people.order("cid")
    people.sweep()
    assert people.available("ann") == 250
    people.refund(first)
    people.sweep()
    assert people.available("ann") == 0
    people.order("eve")
    people.sweep()
    assert people.available("ann") == 250
    with frozen_at(AFTER):
        people.settle(activity)
        assert people.available("ann") == 250
    people.assert_sound()


def test_limits_refuse_what_is_too_much(people: Stage) -> None:
    activity = people.run(**INVITES, limits={"per_member": 1, "total": 5})
    people.order("bob")
    people.order("cid")
    people.sweep()
    assert statuses(people, activity) == [("counted", None), ("refused", "limit_reached")]


def share_a_device(stage: Stage, *names: str) -> None:
    ids = [stage.client.get(f"/v1/members/ext:{name}").json["id"] for name in names]  # type: ignore[index]
    with transaction(stage.program.id):
        for one in ids:
            execute(
                """INSERT INTO visitor_members (program_id, visitor_key, member_id, source, joined_at)
                   VALUES (%(p)s, %(key)s, %(id)s, 'registration', %(at)s)""",
                p=stage.program.id, key=b"12345678", id=uuid_of("mem", one), at=now(),
            )  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("hold", ("held", "shared_device")), ("refuse", ("refused", "shared_device")), ("allow", ("counted", None))],
)
def test_an_invite_on_the_same_device(people: Stage, policy: str, expected: tuple[str, str | None]) -> None:
    share_a_device(people, "ann", "bob")
    activity = people.run(**INVITES, guard={"shared_device": policy})
    people.order("bob")
    people.order("cid")
    people.sweep()
    assert statuses(people, activity) == [expected, ("counted", None)]


@pytest.mark.parametrize(("action", "paid"), [("release", 500), ("reject", 250)])
def test_what_is_held_is_decided_and_the_settlement_waits(people: Stage, action: str, paid: int) -> None:
    share_a_device(people, "ann", "bob")
    activity = people.run(**INVITES)
    people.order("bob")
    people.order("cid")
    with frozen_at(AFTER):
        people.sweep()
        assert people.show(activity)["status"] == "settling"
        held = people.participations(activity, status="held")[0]
        path = f"/v1/activities/{activity['id']}/participations/{held['id']}/decision"
        assert people.client.post(path, {"action": action}).status_code == 403
        operator = people.program.staff("operator")
        assert operator.post(path, {"action": action}).status_code == 200
        again: Any = operator.post(path, {"action": action})
        assert (again.status_code, again.json["code"]) == (409, "nothing_to_decide")
        people.settle(activity)
        assert people.available("ann") == paid
    people.assert_sound()


def test_what_nobody_decides_gets_nothing_in_the_end(people: Stage) -> None:
    share_a_device(people, "ann", "bob")
    activity = people.run(**INVITES)
    people.order("bob")
    with frozen_at(AFTER):
        people.sweep()
    with frozen_at(AFTER + timedelta(days=30)):
        people.settle(activity)
        assert (people.available("ann"), statuses(people, activity)) == (0, [("refused", "undecided")])
    assert people.books() == {}


@pytest.mark.parametrize(("action", "paid"), [("release", 250), ("reject", 0)])
def test_a_held_order_holds_its_invite(people: Stage, action: str, paid: int) -> None:
    shop = Shop(people.program)
    shop.settings(guard={"velocity": "hold", "velocity_orders": 1})
    shop.plan(1000)
    activity = people.run(**INVITES)
    people.order("cid")
    people.order("bob", "held")
    people.sweep()
    held = [one for one in people.participations(activity) if one["status"] == "held"]
    assert [one["reason"] for one in held] == ["order_held"]
    operator = people.program.staff("operator")
    path = f"/v1/activities/{activity['id']}/participations/{held[0]['id']}/decision"
    assert operator.post(path, {"action": "release"}).status_code == 409, "the guard decides"
    answer = people.program.staff("finance").post(
        "/v1/orders/ext:held/guard-decision", {"action": action, "reason": "looked at"}
    )
    assert answer.status_code == 200, answer.text
    with frozen_at(AFTER):
        people.settle(activity)
        assert people.client.get("/v1/members/ext:ann/balance").json["available"] >= paid  # type: ignore[index]
        assert sum(one["amount"] for one in people.rewards(activity) if one["status"] == "paid") == 250 + paid


def test_events_delivered_twice_count_once(people: Stage) -> None:
    activity = people.run(**AT_ONCE)
    people.order("bob")
    people.publish("events.number")
    run_jobs(people.program.id, queues=("default",))
    (delivery,) = [one for one in lease_jobs(people.program.id, "money", most=9) if one.job == moving.READER]
    deliver_now(delivery)
    deliver_now(delivery)
    people.sweep()
    assert statuses(people, activity) == [("counted", None)]
    assert people.available("ann") == 250


def test_another_programs_orders_count_nothing(people: Stage, other: TestProgram) -> None:
    activity = people.run(**INVITES)
    elsewhere = Stage(other)
    elsewhere.member("ann")
    elsewhere.member("bob", "ann")
    elsewhere.order("bob")
    elsewhere.sweep()
    people.sweep()
    assert people.participations(activity) == []
