"""Why an order pays what it pays: evidence, plan, settings, and every cent with its way."""

from typing import Any

from commission.orders.schemas import ExplanationShape
from tests.commission.orders.conftest import Shop


def lines(commission: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(line[name] for name in names) for line in commission["lines"]]


def test_anonymous_is_refused_and_another_order_not_found(shop: Shop) -> None:
    order = shop.order()
    assert shop.program.anonymous.get(f"/v1/orders/{order['id']}/explanation").status_code == 401
    assert shop.client.get("/v1/orders/ext:nothing/explanation").status_code == 404
    assert shop.client.get("/v1/orders/ord_00000000000000000000000000/explanation").status_code == 404


def test_the_arithmetic_of_every_commission(shop: Shop) -> None:
    order = shop.order(discount=50)
    explained = shop.explained()
    assert set(explained) == set(ExplanationShape().fields)
    assert explained["attribution"] == order["attribution"]
    assert explained["base"] == {
        "subtotal": 1100, "discount": 50, "coupon_discount": 0, "coupons": [], "commission_base": 1050,
        "lines": [
            {"sku": "x", "unit_price": 333, "quantity": 3, "net": 999, "base": 954},
            {"sku": "y", "unit_price": 101, "quantity": 1, "net": 101, "base": 96},
        ],
    }  # fmt: skip
    assert (explained["plan"]["name"], explained["plan"]["levels"][0]) == ("plan", {"rate_bps": 1000})
    first, second = explained["commissions"]
    assert (first["id"], first["amount"], first["kept"], first["reversals"]) == (
        order["commissions"][0]["id"],
        105,
        105,
        [],
    )
    assert (second["level"], second["amount"], second["before_cap"], second["denominator"]) == (2, 52, 52, 10_000)
    assert lines(second, "sku", "rate_bps", "rule", "numerator", "share") == [
        ("x", 500, None, 954 * 500, 47), ("y", 500, None, 96 * 500, 5),
    ]  # fmt: skip
    assert second["cap_of_order"] == 525


def test_the_cap_shows_what_it_cut(shop: Shop) -> None:
    shop.settings(payout_cap_bps=1200)
    shop.order()
    assert [(one["before_cap"], one["amount"]) for one in shop.explained()["commissions"]] == [(110, 110), (55, 22)]


def test_the_rule_that_set_each_term_is_named(shop: Shop) -> None:
    rules = [
        {"match": {"sku": "z"}, "levels": [{"rate_bps": 1}]},
        {"match": {"sku": "y"}, "levels": [{"amount": 7}]},
    ]
    shop.plan(1000, 500, rules=rules, effective_from="2001-01-01T00:00:00Z")
    shop.order()
    first, second = shop.explained()["commissions"]
    assert lines(first, "rule", "rate_bps", "unit_amount", "share") == [(None, 1000, 0, 99), (1, 0, 7, 7)]
    assert lines(second, "rule", "rate_bps", "unit_amount", "share") == [(None, 500, 0, 49), (1, 0, 0, 0)]


def test_a_level_that_earns_nothing_is_explained_too(shop: Shop) -> None:
    shop.plan(1000, 0, 200, effective_from="2001-01-01T00:00:00Z")
    shop.member("d", "c")
    order = shop.order("o1", "d")
    explained = shop.explained()["commissions"]
    assert [(one["level"], one["id"] is None, one["amount"]) for one in explained] == [
        (1, False, 110), (2, True, 0), (3, False, 22),
    ]  # fmt: skip
    assert [one["level"] for one in order["commissions"]] == [1, 3]


def test_reversals_name_their_refund_their_lines_and_the_balance(shop: Shop) -> None:
    shop.order()
    first = shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 2}])
    shop.complete()
    shop.mature()
    second = shop.refund("o1", "r2", amount=50)
    explained = shop.explained()
    level_1 = explained["commissions"][0]
    assert level_1["reversals"] == [
        {"refund_id": first["id"], "amount": 67, "by_line": [67, 0], "from": "pending"},
        {"refund_id": second["id"], "amount": 6, "by_line": [4, 2], "from": "available"},
    ]
    assert level_1["kept"] == 110 - 67 - 6 == shop.available("b")[0]
    assert explained["refunds"] == shop.shown()["refunds"] == [first, second]


def test_evidence_that_was_refused_and_levels_not_paid_say_why(shop: Shop) -> None:
    suspended = shop.client.patch("/v1/members/ext:b", {"status": "suspended"}).json
    assert suspended is not None
    shop.order("o1")
    explained = shop.explained("o1")
    assert explained["attribution"] == {"source": "none", "member_id": None, "evidence": None}
    assert explained["evidence_refused"] == [{"source": "binding", "member_id": suspended["id"], "reason": "suspended"}]
    shop.member("d", "c")
    shop.order("o2", "d")
    explained = shop.explained("o2")
    assert explained["attribution"]["source"] == explained["attribution"]["evidence"]["source"] == "binding"
    assert explained["levels_unpaid"] == [{"level": 2, "member_id": suspended["id"], "reason": "suspended"}]
    shop.order("o3", "b")
    assert [one["reason"] for one in shop.explained("o3")["levels_unpaid"]] == ["no_inviter"] * 2


def test_a_guest_an_unbound_customer_and_an_unpaid_order(shop: Shop) -> None:
    shop.order("o1", None)
    shop.order("o2", "stranger")
    shop.order("o3", paid_at=None)
    for name in ("o1", "o2", "o3"):
        explained = shop.explained(name)
        assert (explained["attribution"]["source"], explained["commissions"]) == ("none", [])
    assert shop.explained("o2")["evidence_refused"][0]["reason"] == "no_member"
    assert (shop.explained("o3")["plan"], shop.explained("o3")["settings"]) == (None, None)
