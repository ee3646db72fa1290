"""Refunds by line and by amount: what they take, what they leave, and when they are refused."""

from typing import Any

from commission.orders.refund_schemas import RefundShape
from core.db import transaction
from referral.tree.counters import fold_deltas
from tests.commission.orders.conftest import REFUNDED_AT, Shop, earned, pointers

X1 = [{"sku": "x", "quantity": 1}]
ALL = [{"sku": "x", "quantity": 3}, {"sku": "y", "quantity": 1}]


def refused(
    shop: Shop, terms: dict[str, Any], order: str = "o1", external_id: str = "bad"
) -> tuple[int, str, list[str]]:
    """Status, code and pointers of the refusal."""
    body = {"external_id": external_id, "refunded_at": REFUNDED_AT} | terms
    answer = shop.client.post(f"/v1/orders/ext:{order}/refunds", body)
    assert answer.json is not None
    return answer.status_code, answer.json["code"], pointers(answer) if "errors" in answer.json else []


def test_anonymous_is_refused(shop: Shop) -> None:
    shop.order()
    assert shop.program.anonymous.post("/v1/orders/ext:o1/refunds", {}).status_code == 401
    assert shop.program.anonymous.post("/v1/refunds/batch", {}).status_code == 401
    assert shop.program.staff("finance").post("/v1/orders/ext:o1/refunds", {}).status_code == 403


def test_a_refund_by_line(shop: Shop) -> None:
    order = shop.order(shipping=50)
    refund = shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 2}], reason="too\nsmall")
    assert set(refund) == set(RefundShape().fields)
    assert (refund["order_id"], refund["kind"], refund["value"], refund["amount"]) == (order["id"], "items", 666, None)
    assert (refund["refunded_at"], refund["reason"]) == (REFUNDED_AT, "too\nsmall")
    shown = shop.shown()
    assert (shown["refunded"], shown["total"], shown["status"]) == (666, 1150, "paid")
    assert [line["refunded_quantity"] for line in shown["items"]] == [2, 0]
    assert shown["refunds"] == [refund]
    assert shop.pending("b", "a") == [110 - 67, 55 - 34]


def test_a_refund_by_amount_takes_the_lines_before_shipping_and_tax(shop: Shop) -> None:
    shop.order(shipping=50, tax=20)
    assert shop.refund("o1", "r1", amount=110)["value"] == 110
    assert [line["refunded_amount"] for line in shop.shown()["items"]] == [100, 10]
    assert earned(shop.shown()) == [(1, 110, 12), (2, 55, 7)]  # floors of 100 × 899/999, 10 × 91/101, and of the halves
    shop.refund("o1", "r2", amount=990 + 30)
    assert earned(shop.shown()) == [(1, 110, 110), (2, 55, 55)]
    assert shop.shown()["refunded"] == 1130
    assert refused(shop, {"amount": 41}) == (409, "refund_exceeds_order", ["/amount"])
    shop.refund("o1", "r3", amount=40)
    assert shop.shown()["refunded"] == shop.shown()["total"] == 1170
    assert refused(shop, {"amount": 1}) == (409, "refund_exceeds_order", ["/amount"])


def test_a_refund_only_of_shipping_leaves_commissions_alone(shop: Shop) -> None:
    shop.order(shipping=500, items=[{"sku": "x", "quantity": 1, "unit_price": 1000, "discount": 1000}])
    shop.refund("o1", "r1", amount=500)
    assert (shop.shown()["refunded"], shop.shown()["commissions"]) == (500, [])


def test_several_prices_of_a_sku_need_the_price(shop: Shop) -> None:
    items = [{"sku": "x", "quantity": 2, "unit_price": 500}, {"sku": "x", "quantity": 1, "unit_price": 400}]
    shop.order(items=items)
    assert refused(shop, {"items": X1}) == (422, "invalid", ["/items/0/unit_price"])
    assert refused(shop, {"items": [{"sku": "x", "quantity": 1, "unit_price": 450}]})[2] == ["/items/0/unit_price"]
    assert refused(shop, {"items": [{"sku": "z", "quantity": 1}]})[2] == ["/items/0/sku"]
    shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 1, "unit_price": 400}])
    assert [line["refunded_quantity"] for line in shop.shown()["items"]] == [0, 1]


def test_equal_items_add_up(shop: Shop) -> None:
    shop.order()
    assert refused(shop, {"items": X1 * 4}) == (409, "refund_exceeds_order", ["/items/3/quantity"])
    assert shop.refund("o1", "r1", items=[*X1, {"sku": "x", "quantity": 2, "unit_price": 333}])["value"] == 999


def test_the_same_refund_again_is_the_stored_one(shop: Shop) -> None:
    shop.order()
    refund = shop.refund("o1", "r1", items=X1)
    assert shop.refund("o1", "r1", 200, items=X1) == refund
    spelled_out = {"items": [X1[0] | {"unit_price": None}], "reason": None, "refunded_at": "2026-03-05T08:00:00+08:00"}
    assert shop.refund("o1", "r1", 200, **spelled_out) == refund
    assert shop.shown()["refunded"] == 333
    shop.cancel()
    assert shop.refund("o1", "r1", 200, items=X1) == refund


def test_another_refund_under_the_same_id_is_refused(shop: Shop) -> None:
    shop.order()
    shop.order("o2")
    shop.refund("o1", "r1", items=X1)
    for change in ({"items": [{"sku": "y", "quantity": 1}]}, {"amount": 333}, {"items": X1, "reason": "other"}):
        assert refused(shop, change, external_id="r1")[:2] == (409, "already_exists")
    assert refused(shop, {"items": X1}, order="o2", external_id="r1")[:2] == (409, "already_exists")
    assert (shop.shown()["refunded"], shop.shown("o2")["refunded"]) == (333, 0)


def test_more_than_is_left_is_refused_and_changes_nothing(shop: Shop) -> None:
    shop.order()
    shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 2}])
    before = shop.shown()
    assert refused(shop, {"items": [{"sku": "x", "quantity": 2}]}) == (
        409, "refund_exceeds_order", ["/items/0/quantity"],
    )  # fmt: skip
    assert refused(shop, {"amount": 435}) == (409, "refund_exceeds_order", ["/amount"])
    assert shop.shown() == before


def test_what_cannot_be_refunded(shop: Shop) -> None:
    shop.order("placed", paid_at=None)
    assert refused(shop, {"items": X1}, "placed")[:2] == (409, "wrong_state")
    shop.cancel("placed")
    assert refused(shop, {"items": X1}, "placed")[:2] == (409, "wrong_state")
    shop.order("canceled")
    shop.cancel("canceled")
    assert refused(shop, {"items": X1}, "canceled")[:2] == (409, "refund_exceeds_order")
    assert refused(shop, {"amount": 1}, "canceled")[:2] == (409, "refund_exceeds_order")
    assert refused(shop, {"items": X1}, "nothing")[:2] == (404, "not_found")


def test_bad_content_is_refused_where_it_is(shop: Shop) -> None:
    shop.order()
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [""]), ({"items": X1, "amount": 5}, [""]), ({"items": []}, ["/items"]), ({"amount": 0}, ["/amount"]),
        ({"items": [{"sku": "x", "quantity": 0}]}, ["/items/0/quantity"]), ({"amount": 2**70}, ["/amount"]),
        ({"items": X1, "refunded_at": "2026-03-05"}, ["/refunded_at"]), ({"items": X1, "more": 1}, ["/more"]),
        ({"items": [{"sku": "x", "quantity": 1, "unit_price": -1}]}, ["/items/0/unit_price"]),
    ]  # fmt: skip
    for terms, where in bad:
        assert refused(shop, terms) == (422, "invalid", where), terms
    assert shop.shown()["refunds"] == []


def test_a_full_refund_leaves_nothing(shop: Shop) -> None:
    shop.order()
    shop.refund("o1", "r1", items=ALL)
    shown = shop.shown()
    assert [(one["status"], one["amount"] - one["reversed"]) for one in shown["commissions"]] == [("reversed", 0)] * 2
    assert shop.pending("b", "a") == shop.available("b", "a") == [0, 0]


def test_after_maturation_a_refund_takes_from_available_into_debt(shop: Shop) -> None:
    shop.order()
    shop.complete()
    shop.mature()
    assert [shop.balance("b")[name] for name in ("pending", "available")] == [0, 110]
    adjusted = shop.program.staff("finance").post(
        "/v1/adjustments", {"member_id": shop.shown()["commissions"][0]["member_id"], "amount": -100, "reason": "spent"}
    )
    assert shop.owner.post(f"/v1/adjustments/{adjusted.json['id']}/approve").status_code == 200  # type: ignore[index]
    shop.refund("o1", "r1", items=ALL)
    assert [shop.balance("b")[name] for name in ("available", "debt")] == [-100, 100]
    assert [one["status"] for one in shop.shown()["commissions"]] == ["reversed", "reversed"]
    assert [one["from"] for level in shop.explained()["commissions"] for one in level["reversals"]] == ["available"] * 2
    shop.order("o2")
    shop.complete("o2")
    shop.mature()
    assert [shop.balance("b")[name] for name in ("available", "debt")] == [10, 0]


def test_a_refund_before_and_one_after_maturation_take_from_where_it_is(shop: Shop) -> None:
    shop.order()
    shop.refund("o1", "r1", items=X1)
    shop.complete()
    shop.mature()
    shop.refund("o1", "r2", items=X1)
    assert (shop.pending("b"), shop.available("b")) == ([0], [110 - 67])
    assert [one["status"] for one in shop.shown()["commissions"]] == ["available", "available"]


def test_a_cancel_is_a_refund_of_the_rest(shop: Shop) -> None:
    shop.order(shipping=50, tax=20)
    shop.refund("o1", "r1", items=X1)
    shop.refund("o1", "r2", amount=67)
    shown = shop.cancel()
    assert (shown["status"], shown["refunded"], shown["total"]) == ("canceled", 1170, 1170)
    assert (shown["refunds"][2]["kind"], shown["refunds"][2]["external_id"]) == ("cancel", None)
    assert shown["refunds"][2]["value"] == 1170 - 333 - 67
    assert [one["status"] for one in shown["commissions"]] == ["reversed", "reversed"]
    assert shop.pending("b", "a") == [0, 0]


def test_team_sales_follow_the_refund(shop: Shop) -> None:
    shop.order()
    shop.refund("o1", "r1", items=X1)
    with transaction(shop.program.id):
        fold_deltas(shop.program.id)
    team = shop.client.get("/v1/members/ext:b/team").json
    assert team is not None
    assert (team["order_count"], team["sales"]) == (1, 1100 - 333)
