"""Paid, completed, canceled, after-sale: which step is possible when, what repeats do, and when commissions mature."""

from datetime import timedelta
from typing import Any

import pytest

from core.db import scalar, transaction
from tests.commission.orders.conftest import COMPLETED_AT, MATURE_AT, PAID_AT, REFUNDED_AT, Shop, earned, order_body

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


def hold_ends(order: dict[str, Any]) -> set[str | None]:
    return {one["matures_at"] for one in order["commissions"]}


def test_the_hold_begins_with_completion(shop: Shop) -> None:
    assert hold_ends(shop.order()) == {None}
    shop.mature()
    assert shop.available("b") == [0]
    assert hold_ends(shop.complete()) == {"2026-03-09T10:00:00Z"}
    shop.mature(MATURE_AT - timedelta(microseconds=1))
    assert shop.available("b", "a") == [0, 0]
    shop.mature(MATURE_AT)
    assert (shop.available("b", "a"), shop.pending("b", "a")) == ([110, 55], [0, 0])
    assert [one["status"] for one in shop.shown()["commissions"]] == ["available", "available"]


def test_the_hold_begins_with_payment_where_settings_say_so(shop: Shop) -> None:
    shop.settings(hold_from="paid", hold_days=1)
    assert hold_ends(shop.order()) == {"2026-03-02T10:00:00Z"}
    assert hold_ends(shop.complete()) == {"2026-03-02T10:00:00Z"}
    shop.settings(hold_days=0)
    assert hold_ends(shop.order("o2")) == {PAID_AT}


def test_the_hold_is_that_of_the_settings_at_acceptance(shop: Shop) -> None:
    shop.order("o1")
    shop.order("o2", paid_at=None)
    shop.settings(hold_days=1)
    shop.order("o3")
    shop.settings(hold_from="paid", hold_days=2)
    assert hold_ends(shop.complete("o1")) == {"2026-03-09T10:00:00Z"}
    assert hold_ends(shop.pay("o2")) == {"2026-03-03T10:00:00Z"}
    shop.settings(hold_from="completed")
    batch = {"orders": [{"external_id": f"o{n}", "completed_at": COMPLETED_AT} for n in (1, 2, 3)]}
    shop.post("/v1/orders/complete-batch", batch)
    ends = ({"2026-03-09T10:00:00Z"}, {"2026-03-03T10:00:00Z"}, {"2026-03-03T10:00:00Z"})
    assert tuple(hold_ends(shop.shown(f"o{n}")) for n in (1, 2, 3)) == ends


def test_orders_are_completed_in_a_batch(shop: Shop) -> None:
    for number in range(5):
        shop.order(f"o{number}", paid_at=None if number == 3 else PAID_AT)
    shop.complete("o1")
    shop.complete("o4")
    shop.cancel("o4")
    wanted: list[Any] = [
        ("o2", COMPLETED_AT, "created"), ("o1", COMPLETED_AT, "exists"), ("o1", OTHER, "error"),
        ("nothing", COMPLETED_AT, "error"), ("o3", COMPLETED_AT, "error"), ("o0", OTHER, "created"),
        ("o0", OTHER, "exists"), ("o0", COMPLETED_AT, "error"), ("o4", COMPLETED_AT, "exists"),
    ]  # fmt: skip
    items: list[Any] = [{"external_id": name, "completed_at": at} for name, at, _ in wanted]
    results = shop.post("/v1/orders/complete-batch", {"orders": [*items, {"external_id": "o2"}, 7]})["results"]
    assert [(one["external_id"], one["status"]) for one in results] == [
        *((name, status) for name, _, status in wanted), ("o2", "error"), (None, "error"),
    ]  # fmt: skip
    codes = [one["error"]["code"] for one in results if one["error"]]
    assert codes == ["wrong_state", "not_found", "wrong_state", "wrong_state", "invalid", "invalid"]
    assert "another instant" in results[7]["error"]["detail"]
    assert [shop.shown(f"o{n}")["completed_at"] for n in (0, 1, 2, 3)] == [OTHER, COMPLETED_AT, COMPLETED_AT, None]
    assert hold_ends(shop.shown("o0")) == {"2026-03-27T00:00:00Z"}
    for body in ({"orders": []}, {"orders": [{}] * 1001}, {}, []):
        assert shop.client.post("/v1/orders/complete-batch", body).status_code == 422


def test_an_open_after_sale_case_holds_past_maturity(shop: Shop) -> None:
    shop.order()
    shop.complete()
    held = shop.after_sale(is_open=True)
    assert held["after_sale"] == {"open": True, "reason": "broken"}
    assert [(one["held"], one["held_reason"]) for one in held["commissions"]] == [(True, "after_sale")] * 2
    assert shop.after_sale(is_open=True) == held
    shop.mature()
    assert (shop.pending("b"), shop.available("b")) == ([110], [0])
    let_go = shop.after_sale(is_open=False)
    assert [one["held"] for one in let_go["commissions"]] == [False, False]
    shop.mature()
    assert (shop.pending("b"), shop.available("b")) == ([0], [110])


def test_a_case_opened_before_the_payment_holds_too(shop: Shop) -> None:
    shop.order(paid_at=None)
    shop.after_sale(is_open=True)
    assert [one["held_reason"] for one in shop.pay()["commissions"]] == ["after_sale"] * 2


def test_a_case_opened_after_maturity_takes_nothing_back(shop: Shop) -> None:
    shop.order()
    shop.complete()
    shop.mature()
    opened = shop.after_sale(is_open=True)
    assert [(one["held"], one["status"]) for one in opened["commissions"]] == [(False, "available")] * 2
    assert shop.available("b") == [110]


def test_a_refund_during_a_case_takes_from_what_is_held(shop: Shop) -> None:
    shop.order()
    shop.complete()
    shop.after_sale(is_open=True)
    shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 3}])
    shop.after_sale(is_open=False)
    shop.mature()
    assert (shop.pending("b", "a"), shop.available("b", "a")) == ([0, 0], [10, 5])


def test_suspension_never_stops_maturation(shop: Shop) -> None:
    shop.order()
    shop.complete()
    shop.client.patch("/v1/members/ext:b", {"status": "suspended"})
    shop.mature()
    assert shop.available("b") == [110]


def test_a_staff_members_step_is_audited(shop: Shop) -> None:
    order = shop.order()
    shop.owner.post("/v1/orders/ext:o1/cancel", {"canceled_at": REFUNDED_AT, "reason": "fraud"})
    with transaction(shop.program.id, read_only=True):
        recorded = scalar(
            "SELECT target FROM audit_events WHERE program_id = %(program_id)s AND action = 'orders.cancel_order'",
            program_id=shop.program.id,
        )
    assert recorded == order["id"]
