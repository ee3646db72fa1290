"""Budgets: approved by another person, never overdrawn, lent to red packets, and what is left goes back."""

from typing import Any
from uuid import UUID

import pytest

from community.activities.errors import BudgetExhausted, BudgetKeyReused, NoBudget
from community.activities.service import fund_red_packet, return_to_budget
from core.clock import frozen_at
from core.db import execute, transaction
from core.ids import new_id
from tests.community.activities.stage import (
    AFTER,
    CASH,
    CASH_BUDGET,
    POINTS,
    POINTS_BUDGET,
    Stage,
    activity_body,
    uuid_of,
)
from tests.factories import seed_members
from tests.threads import together

PACKETS = "red_packets"  # these are lent to no packet that there is


def id_of(activity: dict[str, Any]) -> UUID:
    return uuid_of("act", activity["id"])


def fund(stage: Stage, activity: dict[str, Any], amount: int, key: str = "packet", **more: Any) -> None:
    program = stage.program.now()
    with transaction(program.id):
        fund_red_packet(program, id_of(activity), amount, key, **more)


def give_back(stage: Stage, activity: dict[str, Any], amount: int, key: str = "packet") -> None:
    program = stage.program.now()
    with transaction(program.id):
        return_to_budget(program, id_of(activity), amount, key)


def test_money_waits_for_another_person(stage: Stage) -> None:
    owner = stage.program.staff("owner")
    made: Any = owner.post("/v1/activities", activity_body(budget=CASH_BUDGET)).json
    assert (made["status"], made["budget"]["status"], made["budget"]["left"]) == ("draft", "requested", 0)
    stage.sweep()
    assert stage.show(made)["status"] == "draft"
    own: Any = owner.post(f"/v1/activities/{made['id']}/budget-approval")
    assert (own.status_code, own.json["code"]) == (403, "same_person")
    for role in ("operator", "viewer"):
        assert stage.program.staff(role).post(f"/v1/activities/{made['id']}/budget-approval").status_code == 403
    assert stage.books() == {}
    approved: Any = stage.approve(made).json
    assert (approved["status"], approved["budget"]["left"]) == ("scheduled", 100_000)
    assert approved["budget"]["approved_by"].startswith("stf_")
    assert stage.books() == {"campaign_expense": -100_000, "activity_budget": 100_000}
    again: Any = stage.approve(made)
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")
    assert stage.books() == {"campaign_expense": -100_000, "activity_budget": 100_000}
    stage.assert_sound()


def test_a_budget_in_a_currency_that_the_program_has_left_is_not_approved(stage: Stage) -> None:
    """250 pence are not 250 yen."""
    activity = stage.make(reward=CASH, budget=CASH_BUDGET)
    owner = stage.program.staff("owner")
    assert owner.patch("/v1/program", {"currency": "JPY"}).status_code == 200
    refused: Any = stage.approve(activity)
    assert (refused.status_code, refused.json["code"], refused.json["status_now"]) == (409, "wrong_state", "requested")
    assert refused.json["detail"] == "The budget is in GBP, the program in JPY."
    shown = stage.show(activity)
    assert (shown["status"], shown["budget"]["status"], shown["budget"]["left"]) == ("draft", "requested", 0)
    assert stage.books() == {}
    assert owner.patch("/v1/program", {"currency": "GBP"}).status_code == 200
    assert stage.approve(activity).status_code == 200
    assert stage.books() == {"campaign_expense": -100_000, "activity_budget": 100_000}


def test_the_database_refuses_one_person_for_both(stage: Stage) -> None:
    activity = stage.make(budget=CASH_BUDGET)
    with pytest.raises(Exception, match="two_people"), transaction(stage.program.id):
        execute(
            """UPDATE activity_budgets SET status = 'approved', approved_by = requested_by
               WHERE program_id = %(p)s AND activity_id = %(id)s""",
            p=stage.program.id, id=id_of(activity),
        )  # fmt: skip


def test_two_approvals_at_once_are_one(stage: Stage) -> None:
    activity = stage.make(budget=CASH_BUDGET)
    staff = [stage.program.staff("finance") for _ in range(3)]
    path = f"/v1/activities/{activity['id']}/budget-approval"
    statuses = together(stage.program.app, *[lambda one=one: one.post(path).status_code for one in staff])
    assert sorted(statuses) == [200, 409, 409]
    assert stage.books()["activity_budget"] == 100_000


def test_points_need_no_approval(stage: Stage) -> None:
    made = stage.make(budget=POINTS_BUDGET, reward=POINTS)
    assert (made["status"], made["budget"]["left"]) == ("scheduled", 100_000)
    assert stage.approve(made).status_code == 409
    assert stage.approve(stage.make()).json["code"] == "no_budget"  # type: ignore[index]


def test_what_is_not_used_goes_back(stage: Stage) -> None:
    activity = stage.run(reward=CASH, budget=CASH_BUDGET)
    seed_members(stage.program, 2)
    for name in ("m-0", "m-1"):
        stage.join(activity, name)
    with frozen_at(AFTER):
        shown = stage.settle(activity)
        assert [stage.available(name) for name in ("m-0", "m-1")] == [250, 250]
    assert shown["budget"]["returned"] == 99_500
    assert stage.books() == {"campaign_expense": -500, "member_available": 500}
    stage.assert_sound()


def test_cancel_gives_it_back(stage: Stage) -> None:
    activity = stage.run(reward=CASH, budget=CASH_BUDGET)
    canceled: Any = stage.program.staff("operator").post(f"/v1/activities/{activity['id']}/cancel", {})
    assert (canceled.json["budget"]["status"], canceled.json["budget"]["returned"]) == ("closed", 100_000)
    assert stage.books() == {}
    stage.assert_sound()


def test_cancel_before_approval_moves_no_money(stage: Stage) -> None:
    activity = stage.make(budget=CASH_BUDGET)
    canceled: Any = stage.program.staff("operator").post(f"/v1/activities/{activity['id']}/cancel", {})
    assert (canceled.json["budget"]["status"], canceled.json["budget"]["returned"]) == ("closed", 0)
    assert stage.approve(activity).status_code == 409
    assert stage.books() == {}


def test_what_was_earned_at_once_is_paid_though_it_is_canceled(stage: Stage) -> None:
    activity = stage.run(reward={**CASH, "pay": "at_once"}, budget=CASH_BUDGET)
    seed_members(stage.program, 1)
    stage.join(activity, "m-0")
    canceled: Any = stage.program.staff("operator").post(f"/v1/activities/{activity['id']}/cancel", {})
    assert canceled.json["budget"]["status"] == "approved", "a reward still waits"
    stage.sweep()
    assert stage.show(activity)["budget"]["status"] == "closed"
    assert stage.books() == {"campaign_expense": -250, "member_available": 250}


def test_the_budgets_last_penny(stage: Stage) -> None:
    """Rewards beyond the budget are refused, in the order they were earned; it is used to the end, never beyond."""
    activity = stage.run(reward={**CASH, "pay": "at_once"}, budget={"currency": "GBP", "amount": 600})
    seed_members(stage.program, 4)
    for number in range(4):
        stage.join(activity, f"m-{number}")
    stage.sweep()
    assert [stage.available(f"m-{number}") for number in range(4)] == [250, 250, 0, 0]
    assert [(one["status"], one["reason"]) for one in reversed(stage.rewards(activity))] == [
        ("paid", None), ("paid", None), ("refused", "budget_exhausted"), ("refused", "budget_exhausted"),
    ]  # fmt: skip
    assert stage.show(activity)["budget"]["left"] == 100
    with frozen_at(AFTER):
        stage.settle(activity)
    assert stage.books() == {"campaign_expense": -500, "member_available": 500}
    stage.assert_sound()


def test_a_red_packet_is_funded_once_for_its_key(stage: Stage) -> None:
    activity = stage.run(budget=CASH_BUDGET)
    for _ in range(2):
        fund(stage, activity, 60_000)
    assert stage.books() == {"campaign_expense": -100_000, "activity_budget": 40_000, "red_packet_pool": 60_000}
    with pytest.raises(BudgetKeyReused):
        fund(stage, activity, 1)
    with pytest.raises(BudgetExhausted):
        fund(stage, activity, 40_001, "other")
    for _ in range(2):
        give_back(stage, activity, 10_000)
    assert stage.books() == {"campaign_expense": -100_000, "activity_budget": 50_000, "red_packet_pool": 50_000}
    stage.assert_sound(without=PACKETS)


def test_what_comes_back_late_goes_where_the_rest_went(stage: Stage) -> None:
    activity = stage.run(budget=CASH_BUDGET)
    fund(stage, activity, 60_000)
    with frozen_at(AFTER):
        assert stage.settle(activity)["budget"]["returned"] == 40_000
        give_back(stage, activity, 25_000)
    assert stage.books() == {"campaign_expense": -35_000, "red_packet_pool": 35_000}
    with pytest.raises(NoBudget):
        fund(stage, activity, 1, "late")
    stage.assert_sound(without=PACKETS)


def test_points_are_lent_without_money(stage: Stage) -> None:
    activity = stage.run(budget=POINTS_BUDGET)
    with pytest.raises(NoBudget):
        fund(stage, activity, 10)
    fund(stage, activity, 10, currency="PTS")
    assert stage.show(activity)["budget"]["left"] == 99_990
    give_back(stage, activity, 4)
    assert stage.show(activity)["budget"]["left"] == 99_994
    assert stage.books() == {}
    stage.assert_sound()


def test_without_a_budget_nothing_is_funded(stage: Stage) -> None:
    for activity_id in (id_of(stage.run()), id_of(stage.make(budget=CASH_BUDGET)), new_id()):
        program = stage.program.now()
        with pytest.raises(NoBudget), transaction(program.id):
            fund_red_packet(program, activity_id, 1, str(activity_id))


def test_the_last_penny_is_lent_once(stage: Stage) -> None:
    activity = stage.run(budget={"currency": "GBP", "amount": 5})

    def lend(number: int) -> str:
        try:
            fund(stage, activity, 1, f"packet-{number}")
        except BudgetExhausted:
            return "exhausted"
        return "lent"

    outcomes = together(stage.program.app, *[lambda number=number: lend(number) for number in range(10)])
    assert sorted(outcomes) == ["exhausted"] * 5 + ["lent"] * 5
    assert stage.show(activity)["budget"]["left"] == 0
    stage.assert_sound(without=PACKETS)


def test_one_key_at_once_is_lent_once(stage: Stage) -> None:
    activity = stage.run(budget=CASH_BUDGET)
    together(stage.program.app, *[lambda: fund(stage, activity, 1)] * 6)
    assert stage.show(activity)["budget"]["left"] == 99_999
