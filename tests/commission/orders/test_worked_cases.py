"""The worked cases of the arithmetic, through the API: what clients see is what the rules say."""

from tests.commission.orders.conftest import Shop, earned


def test_case_1_two_lines_two_levels(shop: Shop) -> None:
    order = shop.order()
    assert (order["subtotal"], order["commission_base"], order["total"]) == (1100, 1100, 1100)
    assert order["attribution"]["source"] == "binding"
    assert earned(order) == [(1, 110, 0), (2, 55, 0)]
    assert [one["status"] for one in order["commissions"]] == ["pending", "pending"]


def test_case_2_refunds_by_line_reverse_at_every_level(shop: Shop) -> None:
    shop.order()
    shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 2}])
    assert earned(shop.shown()) == [(1, 110, 67), (2, 55, 34)]
    shop.refund("o1", "r2", items=[{"sku": "x", "quantity": 1}])
    assert earned(shop.shown()) == [(1, 110, 100), (2, 55, 50)]
    assert shop.balance("b")["pending"] == 10
    assert shop.balance("a")["pending"] == 5


def test_case_3_the_order_discount_is_shared(shop: Shop) -> None:
    order = shop.order(discount=50)
    assert [line["base"] for line in order["items"]] == [954, 96]
    assert earned(order) == [(1, 105, 0), (2, 52, 0)]


def test_case_4_the_cap_cuts_the_deepest_level(shop: Shop) -> None:
    shop.settings(payout_cap_bps=1200)
    assert earned(shop.order()) == [(1, 110, 0), (2, 22, 0)]


def test_case_5_a_suspended_inviter_is_passed_over(shop: Shop) -> None:
    shop.client.patch("/v1/members/ext:b", {"status": "suspended"})
    order = shop.order()
    assert (order["attribution"]["source"], earned(order)) == ("none", [])
    shop.member("d", "c")
    assert earned(shop.order("o2", "d")) == [(1, 110, 0), (3, 22, 0)]
    shop.settings(suspended_upline="compress")
    assert earned(shop.order("o3", "d")) == [(1, 110, 0), (2, 55, 0)]


def test_case_7_an_excluded_category_earns_nothing_but_counts_for_the_cap(shop: Shop) -> None:
    rule = {"match": {"category": "service"}, "excluded": True}
    shop.plan(1000, 500, 200, rules=[rule], effective_from="2001-01-01T00:00:00Z")
    items = [
        {"sku": "x", "quantity": 1, "unit_price": 1000},
        {"sku": "post", "quantity": 1, "unit_price": 500, "category": "service"},
    ]
    order = shop.order(items=items)
    assert (order["commission_base"], earned(order)) == (1500, [(1, 100, 0), (2, 50, 0)])


def test_case_10_amounts_on_a_line_with_nothing_left(shop: Shop) -> None:
    rule = {"match": {"sku": "free"}, "levels": [{"amount": 30}]}
    shop.plan(0, rules=[rule], effective_from="2001-01-01T00:00:00Z")
    shop.settings(payout_cap_bps=10000)
    items = [
        {"sku": "free", "quantity": 3, "unit_price": 10, "discount": 30},
        {"sku": "dear", "quantity": 1, "unit_price": 1000},
    ]
    assert earned(shop.order(items=items)) == [(1, 90, 0)]
    shop.refund("o1", "r1", items=[{"sku": "free", "quantity": 1}])
    assert earned(shop.shown()) == [(1, 90, 30)]
