"""Orders that name coupon codes: what is taken off, what is refused and where, and what the shop only reports."""

from typing import Any

import pytest

from tests.commission.orders.books import assert_sound
from tests.commission.orders.conftest import PAID_AT, Shop, earned, order_body, pointers
from tests.commission.orders.selling import coupon, taken_of
from tests.commission.orders.test_statements import cost


def bases(order: dict[str, Any]) -> list[int]:
    return [line["base"] for line in order["items"]]


def told(*discounts: tuple[str, int], **more: Any) -> dict[str, Any]:
    return {"coupon_policy": "record", "coupon_discounts": [{"code": c, "amount": a} for c, a in discounts]} | more


def refused(shop: Shop, *codes: str, **more: Any) -> tuple[list[str], list[tuple[str, str]]]:
    """Where the faults are, and the reasons by code."""
    answer = shop.client.post("/v1/orders", order_body("refused", coupon_codes=list(codes), **more))
    assert (answer.status_code, answer.json["code"]) == (422, "coupon_refused"), answer.text  # type: ignore[index]
    reasons = [(one["code"], one["reason"]) for one in answer.json["refused"]]  # type: ignore[index]
    assert shop.client.get("/v1/orders/ext:refused").status_code == 404
    return pointers(answer), reasons


def test_a_code_takes_its_amount_off_the_lines_and_off_every_commission(shop: Shop) -> None:
    coupon_id = coupon(shop, "HUNDRED")
    order = shop.order(coupon_codes=["hundred"], discount=50, shipping=30)
    assert order["coupons"] == [
        {"code": "HUNDRED", "coupon_id": coupon_id, "amount": 100, "lines": [0, 1], "recorded": False}
    ]
    # 50 off 999 and 101 leaves 954 and 96; 100 off those 90.86 and 9.14
    assert bases(order) == [863, 87]
    sums = [order[name] for name in ("subtotal", "discount", "coupon_discount", "commission_base", "total")]
    assert sums == [1100, 50, 100, 950, 980]
    assert earned(order) == [(1, 95, 0), (2, 47, 0)]
    assert shop.shown() == order
    assert shop.explained()["base"]["coupons"] == order["coupons"]
    assert_sound(shop.program.id)


def test_codes_are_applied_in_the_order_named_each_over_what_is_left(shop: Shop) -> None:
    coupon(shop, "TENTH", kind="percent", amount=None, percent_bps=1000, stackable=True)
    coupon(shop, "Y50", amount=50, skus=["y"], stackable=True)
    tenth_first = shop.order("o1", coupon_codes=["TENTH", "Y50"])
    y_first = shop.order("o2", coupon_codes=["Y50", "TENTH"])
    assert [one["amount"] for one in tenth_first["coupons"]] == [110, 50]
    assert [one["amount"] for one in y_first["coupons"]] == [50, 105]
    assert [one["lines"] for one in y_first["coupons"]] == [[1], [0, 1]]
    assert (bases(tenth_first), bases(y_first)) == ([899, 41], [899, 46])


def test_what_is_quoted_is_what_an_order_pays(shop: Shop) -> None:
    coupon(shop, "TENTH", kind="percent", amount=None, percent_bps=1000, stackable=True)
    coupon(shop, "Y50", amount=50, skus=["y"], stackable=True)
    wanted = {"items": order_body()["items"], "discount": 7, "codes": ["Y50", "TENTH"]}
    quoted = shop.post("/v1/coupon-quotes", wanted)
    order = shop.order(discount=7, coupon_codes=["Y50", "TENTH"])
    assert [one["amount"] for one in order["coupons"]] == [one["amount"] for one in quoted["per_code"]]
    assert order["coupon_discount"] == quoted["discount"]


def test_every_refused_code_is_named_with_its_reason_and_its_place(shop: Shop) -> None:
    coupon(shop, "GOOD")
    coupon(shop, "OLD", valid_to="2020-01-01T00:00:00Z")
    coupon(shop, "RICH", min_spend=5000, stackable=True)
    assert refused(shop, "GOOD", "nothing", "OLD") == (
        ["/coupon_codes/1", "/coupon_codes/2"],
        [("NOTHING", "unknown_code"), ("OLD", "expired")],
    )
    assert refused(shop, "RICH") == (["/coupon_codes/0"], [("RICH", "min_spend_not_reached")])
    assert refused(shop, "GOOD", "GOOD")[1] == [("GOOD", "named_twice")]
    assert shop.client.get("/v1/orders").json["data"] == []  # type: ignore[index]


def test_a_refused_order_makes_nobody_a_member_and_takes_nothing(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", total_quantity=1)
    refused(shop, "ONE", "NOTHING", customer_external_id="stranger")
    assert shop.client.get("/v1/members/ext:stranger").status_code == 404
    assert taken_of(shop, coupon_id) == 0


def test_in_a_batch_the_last_unit_goes_to_the_earlier_order_and_others_are_not_harmed(shop: Shop) -> None:
    coupon_id = coupon(shop, "TWO", total_quantity=2)
    bodies = [
        order_body("z", coupon_codes=["TWO", "NOTHING"]),  # refused whole: it takes no unit from those behind it
        order_body("y", coupon_codes=["TWO"]),
        order_body("x"),
        order_body("w", coupon_codes=["TWO"]),
        order_body("v", coupon_codes=["TWO"]),
    ]
    fates = shop.batch(bodies)
    assert [fate["status"] for fate in fates] == ["error", "created", "created", "created", "error"]
    assert fates[4]["error"]["code"] == "coupon_refused"
    assert fates[4]["error"]["refused"] == [{"code": "TWO", "reason": "sold_out"}]
    assert fates[4]["error"]["errors"][0]["pointer"] == "/coupon_codes/0"
    assert taken_of(shop, coupon_id) == 2
    again = shop.batch(bodies)
    assert [fate["status"] for fate in again] == ["error", "exists", "exists", "exists", "error"]
    assert taken_of(shop, coupon_id) == 2


def test_an_id_that_stands_twice_in_a_batch_redeems_once(shop: Shop) -> None:
    coupon_id = coupon(shop, "TWO", total_quantity=2)
    fates = shop.batch([order_body("o1", coupon_codes=["TWO"])] * 3 + [order_body("o2", coupon_codes=["TWO"])])
    assert [fate["status"] for fate in fates] == ["created", "exists", "exists", "created"]
    assert taken_of(shop, coupon_id) == 2


def test_an_id_whose_first_order_is_refused_is_free_for_the_next_in_the_batch(shop: Shop) -> None:
    fates = shop.batch([order_body("o1", coupon_codes=["NOTHING"]), order_body("o1"), order_body("o1", shipping=5)])
    assert [fate["status"] for fate in fates] == ["error", "created", "error"]
    assert [fate["error"] and fate["error"]["code"] for fate in fates] == ["coupon_refused", None, "already_exists"]


def test_the_same_order_again_redeems_nothing(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", total_quantity=1)
    order = shop.order(coupon_codes=["ONE"])
    assert shop.post("/v1/orders", order_body(coupon_codes=["one "]), 200) == order
    assert taken_of(shop, coupon_id) == 1
    other = shop.client.post("/v1/orders", order_body(coupon_codes=[]))
    assert (other.status_code, other.json["code"]) == (409, "already_exists")  # type: ignore[index]


def test_an_order_that_is_only_placed_has_its_code_already(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", "a", total_quantity=1)
    order = shop.order(paid_at=None, coupon_codes=["ONE"])
    assert (order["coupon_discount"], taken_of(shop, coupon_id)) == (100, 1)
    paid = shop.pay()
    assert (paid["attribution"]["source"], earned(paid), taken_of(shop, coupon_id)) == ("coupon", [(1, 100, 0)], 1)


def test_a_reservation_of_the_order_is_confirmed_by_it(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", total_quantity=1)
    wanted = {"order_external_id": "o1", "items": order_body()["items"], "codes": ["ONE"]}
    shop.post("/v1/coupon-reservations", wanted, 201)
    assert refused(shop, "ONE")[1] == [("ONE", "sold_out")]
    assert shop.order("o1", coupon_codes=["ONE"])["coupon_discount"] == 100
    assert taken_of(shop, coupon_id) == 1


def reserve(shop: Shop, order: str, code: str, customer: str | None = None) -> Any:
    wanted = {"order_external_id": order, "items": order_body()["items"], "codes": [code]}
    named = {"customer_external_id": customer} if customer else {}
    return shop.client.post("/v1/coupon-reservations", wanted | named)


@pytest.mark.parametrize("reserved_for", [None, "b"])
def test_a_reservation_for_another_customer_does_not_lift_the_limit_of_who_orders(
    shop: Shop, reserved_for: str | None
) -> None:
    coupon_id = coupon(shop, "ONCE", per_customer_limit=1, total_quantity=3)
    shop.order("o1", coupon_codes=["ONCE"])
    assert reserve(shop, "refused", "ONCE", reserved_for).status_code == 201
    assert refused(shop, "ONCE")[1] == [("ONCE", "limit_reached")]
    assert shop.order("refused", "new", coupon_codes=["ONCE"])["coupon_discount"] == 100
    assert taken_of(shop, coupon_id) == 2
    assert shop.order("o3", "b", coupon_codes=["ONCE"])["coupon_discount"] == 100  # what was reserved for him is free


def test_reservations_for_nobody_do_not_lift_the_limit_of_a_new_customer_of_a_batch(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONCE", per_customer_limit=1, total_quantity=2)
    assert [reserve(shop, order, "ONCE").status_code for order in ("o1", "o2")] == [201, 201]
    fates = shop.batch([order_body(order, "new", coupon_codes=["ONCE"]) for order in ("o1", "o2")])
    assert [fate["status"] for fate in fates] == ["created", "error"]
    assert fates[1]["error"]["refused"] == [{"code": "ONCE", "reason": "limit_reached"}]
    assert taken_of(shop, coupon_id) == 2  # the second is still reserved


@pytest.mark.parametrize("recorded", [False, True])
def test_an_order_that_has_used_a_code_cannot_reserve_it_again(shop: Shop, *, recorded: bool) -> None:
    coupon_id = coupon(shop, "FREE", total_quantity=5)
    shop.order(**(told(("FREE", 5)) if recorded else {"coupon_codes": ["FREE"]}))
    answer = reserve(shop, "o1", "FREE")
    assert (answer.status_code, answer.json["refused"]) == (422, [{"code": "FREE", "reason": "already_used"}])
    assert taken_of(shop, coupon_id) == (0 if recorded else 1)


# --- discounts that the shop has given already ---


def test_discounts_as_told_are_recorded_and_take_no_quantity(shop: Shop) -> None:
    coupon_id = coupon(shop, "YYY", "a", skus=["y"], total_quantity=1)
    order = shop.order(**told(("yyy", 60), ("WHO", 40)))
    assert order["coupons"] == [
        {"code": "YYY", "coupon_id": coupon_id, "amount": 60, "lines": [1], "recorded": True},
        {"code": "WHO", "coupon_id": None, "amount": 40, "lines": [0, 1], "recorded": True},
    ]
    assert (order["coupon_discount"], order["total"]) == (100, 1000)
    assert bases(order) == [961, 39]
    assert (order["attribution"]["source"], earned(order)) == ("coupon", [(1, 100, 0)])
    assert taken_of(shop, coupon_id) == 0
    assert shop.post("/v1/orders", order_body(**told(("yyy", 60), ("WHO", 40))), 200) == order


def test_a_told_discount_its_lines_cannot_bear_is_taken_from_all(shop: Shop) -> None:
    coupon(shop, "YYY", skus=["y"])
    order = shop.order(**told(("YYY", 102)))
    assert order["coupons"][0]["lines"] == [0, 1]
    assert bases(order) == [906, 92]


def test_more_than_is_left_is_refused_where_it_stands(shop: Shop) -> None:
    answer = shop.client.post("/v1/orders", order_body(**told(("A", 1000), ("B", 101))))
    assert (answer.status_code, pointers(answer)) == (422, ["/coupon_discounts/1/amount"])
    assert shop.order(**told(("A", 1000), ("B", 100)))["total"] == 0


def test_codes_beside_told_discounts_took_nothing_and_still_speak(shop: Shop) -> None:
    coupon(shop, "MINE", "a")
    order = shop.order(**told(("OTHER", 10), coupon_codes=["mine", "OTHER"]))
    assert [(one["code"], one["amount"]) for one in order["coupons"]] == [("OTHER", 10), ("MINE", 0)]
    assert order["attribution"]["source"] == "coupon"
    nothing = shop.order("o2", **told())
    assert (nothing["coupons"], nothing["attribution"]["source"]) == ([], "binding")


# --- what it costs ---


@pytest.mark.parametrize("count", [1, 100])
def test_codes_cost_some_statements_however_many_orders_there_are(shop: Shop, count: int) -> None:
    coupon(shop, "FREE", "a", stackable=True)
    coupon(shop, "SOME", total_quantity=1000, stackable=True)
    shop.order("warm", coupon_codes=["FREE"], paid_at=PAID_AT)
    orders = [order_body(f"o{number}", coupon_codes=["FREE", "SOME"]) for number in range(count)]
    assert cost(lambda: shop.batch(orders)) <= 27
    recorded = [order_body(f"r{number}", **told(("FREE", 5), ("WHO", 5))) for number in range(count)]
    assert cost(lambda: shop.batch(recorded)) <= 22
