"""Paid, completed, canceled, after-sale: which step is possible when, what repeats do, and when commissions mature."""

from typing import Any

import pytest

from core.db import scalar, transaction
from tests.commission.orders.conftest import COMPLETED_AT, PAID_AT, REFUNDED_AT, Shop, earned, order_body

OTHER = "2026-03-20T00:00:00Z"
STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "pay": ("pay", {"paid_at": PAID_AT}),
    "pay at another instant": ("pay", {"paid_at": OTHER}),
    "complete": ("complete", {"completed_at": COMPLETED_AT}),
    "complete at another instant": ("complete", {"completed_at": OTHER}),
    "cancel": ("cancel", {"canceled_at": REFUNDED_AT, "reason": "r"}),
    "cancel at another instant": ("cancel", {"canceled_at": OTHER, "reason": "r"}),
}
# the state an order is in, and what each step answers there: 200 with the status after it, or 409
TABLE: dict[str, tuple[tuple[str, ...], dict[str, int | str]]] = {
    "placed": ((), {
        "pay": "paid", "pay at another instant": "paid", "complete": 409, "cancel": "canceled",
    }),
    "paid": (("pay",), {
        "pay": "paid", "pay at another instant": 409, "complete": "completed", "cancel": "canceled",
    }),
    "completed": (("pay", "complete"), {
        "pay": "completed", "pay at another instant": 409, "complete": "completed",
        "complete at another instant": 409, "cancel": "canceled",
    }),
    "canceled before it was paid": (("cancel",), {
        "pay": 409, "pay at another instant": 409, "complete": 409, "cancel": "canceled",
        "cancel at another instant": 409,
    }),
    "canceled after it was paid": (("pay", "cancel"), {
        "pay": "canceled", "pay at another instant": 409, "complete": 409, "cancel": "canceled",
        "cancel at another instant": 409,
    }),
    "canceled after it was completed": (("pay", "complete", "cancel"), {
        "complete": "canceled", "complete at another instant": 409, "cancel at another instant": 409,
    }),
}  # fmt: skip


def take(shop: Shop, order: str, step: str) -> tuple[int, dict[str, Any]]:
    path, body = STEPS[step]
    answer = shop.client.post(f"/v1/orders/ext:{order}/{path}", body)
    assert answer.json is not None
    return answer.status_code, answer.json


@pytest.mark.parametrize("state", TABLE)
def test_which_step_is_possible_in_which_state(shop: Shop, state: str) -> None:
    before, steps = TABLE[state]
    for number, (step, expected) in enumerate(steps.items()):
        order = f"o{number}"
        shop.order(order, paid_at=None)
        for one in before:
            assert take(shop, order, one)[0] == 200
        was = shop.shown(order)
        status, answer = take(shop, order, step)
        if expected == 409:
            assert (status, answer["code"], answer["status_now"]) == (409, "wrong_state", was["status"]), step
            assert shop.shown(order) == was
        else:
            assert (status, answer["status"]) == (200, expected), step
            assert shop.shown(order) == answer
            assert take(shop, order, step) == (200, answer), f"{step} again"


def test_unknown_orders_have_no_steps(shop: Shop) -> None:
    for step, (path, body) in STEPS.items():
        assert take(shop, "nothing", step)[0] == 404
        assert shop.program.anonymous.post(f"/v1/orders/ext:o1/{path}", body).status_code == 401
        assert shop.client.post(f"/v1/orders/ext:o1/{path}", {}).status_code == 422
    assert shop.client.put("/v1/orders/ext:nothing/after-sale", {"open": True}).status_code == 404
    assert shop.client.put("/v1/orders/ext:nothing/after-sale", {"open": "yes"}).status_code == 422


def test_a_placed_order_earns_nothing_until_it_is_paid(shop: Shop) -> None:
    placed = shop.order(paid_at=None, placed_at="2026-02-01T00:00:00Z")
    assert (placed["status"], placed["commissions"], placed["paid_at"]) == ("placed", [], None)
    assert placed["attribution"] == {"source": "none", "member_id": None, "evidence": None}
    assert shop.balance("b")["pending"] == 0
    paid = shop.pay()
    assert (paid["status"], paid["attribution"]["source"], earned(paid)) == (
        "paid",
        "binding",
        [(1, 110, 0), (2, 55, 0)],
    )
    shop.pay()
    assert shop.pending("b", "a") == [110, 55]
    assert shop.post("/v1/orders", order_body(paid_at=None, placed_at="2026-02-01T00:00:00Z"), 200) == paid
    shop.post("/v1/orders", order_body(placed_at="2026-02-01T00:00:00Z"), 409)


def test_an_order_paid_later_is_as_one_that_came_paid(shop: Shop) -> None:
    more: dict[str, Any] = {"discount": 50, "shipping": 9, "channel": "app"}
    shop.order("o1", paid_at=None, **more)
    later, at_once = shop.pay("o1"), shop.order("o2", **more)
    assert earned(later) == earned(at_once)
    assert later["attribution"] == at_once["attribution"]
    shares = [[one["lines"] for one in shop.explained(order)["commissions"]] for order in ("o1", "o2")]
    assert shares[0] == shares[1]


def test_a_canceled_unpaid_order_refunds_nothing(shop: Shop) -> None:
    shop.order(paid_at=None)
    canceled = shop.cancel()
    assert (canceled["refunds"], canceled["refunded"], canceled["cancel_reason"]) == ([], 0, "not wanted")


def test_a_staff_members_step_is_audited(shop: Shop) -> None:
    order = shop.order()
    shop.owner.post("/v1/orders/ext:o1/cancel", {"canceled_at": REFUNDED_AT, "reason": "fraud"})
    with transaction(shop.program.id, read_only=True):
        recorded = scalar(
            "SELECT target FROM audit_events WHERE program_id = %(program_id)s AND action = 'orders.cancel_order'",
            program_id=shop.program.id,
        )
    assert recorded == order["id"]
