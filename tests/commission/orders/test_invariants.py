"""What holds whatever a shop does: random trees, plans, orders, refunds, completions and maturations."""

from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commission.orders.explanation import explanation_of
from commission.orders.lifecycle import order_id_of
from core.db import execute, transaction
from core.ids import ExternalRef
from tests.commission.orders.books import assert_sound, faults_of
from tests.commission.orders.conftest import Shop
from tests.commission.orders.scenarios import Event, Scenario, let_happen, open_shop, scenarios

moderately = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def names_of(scenario: Scenario) -> list[str]:
    return [story[0].order for story in scenario.stories]


def money_of(shop: Shop, scenario: Scenario) -> dict[str, tuple[int, int]]:
    balances = {one["external_id"]: shop.balance(one["external_id"]) for one in scenario.members}
    return {name: (balance["pending"], balance["available"]) for name, balance in balances.items()}


@pytest.mark.timeout(400)  # a failure takes its time to be made small
@moderately
@given(scenarios())
def test_the_books_are_sound_and_a_full_refund_leaves_nothing(app: Flask, scenario: Scenario) -> None:
    shop = open_shop(app, scenario)
    for story in scenario.stories:
        let_happen(shop, story)
        assert_sound(shop.program.id)
    for name in names_of(scenario):
        assert_within_the_cap(shop.shown(name), scenario)
        assert_explained(shop, name)
    let_happen(shop, [Event("cancel", name) for name in names_of(scenario)])
    assert_sound(shop.program.id)
    assert all(sum(money) == 0 for money in money_of(shop, scenario).values())
    for name in names_of(scenario):
        order = shop.shown(name)
        assert order["refunded"] == order["total"]
        assert all(one["status"] == "reversed" for one in order["commissions"])


def assert_within_the_cap(order: dict[str, Any], scenario: Scenario) -> None:
    of_plan = scenario.terms["cap_bps"]
    cap_bps = min(scenario.settings["payout_cap_bps"], 10_000 if of_plan is None else of_plan)
    assert sum(one["amount"] for one in order["commissions"]) <= order["commission_base"] * cap_bps // 10_000
    assert all(one["level"] <= scenario.settings["max_levels"] for one in order["commissions"])


def assert_explained(shop: Shop, name: str) -> None:
    """What the explanation works out anew is what was accrued and taken back."""
    with transaction(shop.program.id, read_only=True):
        explained = explanation_of(shop.program.id, order_id_of(shop.program.id, ExternalRef(name)))
    recorded = {one["id"]: one for one in shop.shown(name)["commissions"]}
    assert [one["id"] for one in explained["commissions"] if one["amount"]] == list(recorded)
    for one in explained["commissions"]:
        if one["amount"] == 0:
            assert (one["id"], one["kept"]) == (None, 0)
            continue
        known = recorded[one["id"]]
        assert (one["member_id"], one["level"], one["amount"]) == (known["member_id"], known["level"], known["amount"])
        assert sum(line["share"] for line in one["lines"]) == one["amount"]
        assert sum(reversal["amount"] for reversal in one["reversals"]) == known["reversed"]
        assert one["kept"] == known["amount"] - known["reversed"]
        assert sum(line["numerator"] for line in one["lines"]) // one["denominator"] == one["before_cap"]


@pytest.mark.timeout(400)  # a failure takes its time to be made small
@moderately
@given(scenarios(), st.data())
def test_any_batch_size_and_any_order_of_independent_events_come_to_the_same(
    app: Flask, scenario: Scenario, data: st.DataObject
) -> None:
    one, other = open_shop(app, scenario), open_shop(app, scenario)
    for story in scenario.stories:
        let_happen(one, story)
    let_happen(other, interleaved(scenario.stories, data), batch=data.draw(st.integers(1, 8), label="batch"))
    for shop in (one, other):
        let_happen(shop, [Event("mature", "")])
    assert money_of(one, scenario) == money_of(other, scenario)
    for name in names_of(scenario):
        assert of_an_order(one.shown(name)) == of_an_order(other.shown(name))
    assert_sound(other.program.id)


def interleaved(stories: list[list[Event]], data: st.DataObject) -> list[Event]:
    """The events of all stories mixed; within each story their order stays."""
    turns = data.draw(st.permutations([n for n, story in enumerate(stories) for _ in story]), label="turns")
    coming = [iter(story) for story in stories]
    return [next(coming[turn]) for turn in turns]


def of_an_order(order: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on when and with what it came in."""
    same = {name: order[name] for name in ("status", "total", "refunded", "items", "commission_base")}
    return same | {"commissions": [(one["level"], one["amount"], one["reversed"]) for one in order["commissions"]]}


BREAKS = {
    "balances are the sums of postings": "UPDATE member_balances SET pending = pending + 1 WHERE program_id = %(p)s",
    "a commission lost what its reversals took": "UPDATE commissions SET reversed = 1 WHERE program_id = %(p)s",
    "an order is refunded by its refunds": "UPDATE orders SET refunded = 1 WHERE program_id = %(p)s",
    "lines add up to their order": "UPDATE order_lines SET base = base + 1 WHERE program_id = %(p)s",
    "paid + available + pending + in_payout = accrued - reversed + adjustments + given":
        "UPDATE commissions SET amount = amount + 1 WHERE program_id = %(p)s",
    "one accrual an order that pays": "DELETE FROM commissions WHERE program_id = %(p)s",
}  # fmt: skip


@pytest.mark.parametrize("rule", BREAKS)
def test_unsound_books_are_found(shop: Shop, rule: str) -> None:
    shop.order()
    assert_sound(shop.program.id)
    with transaction(shop.program.id):
        assert execute(BREAKS[rule], p=shop.program.id)  # type: ignore[arg-type]
    assert rule in {fault.rule for fault in faults_of(shop.program.id)}
