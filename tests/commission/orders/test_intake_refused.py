"""What no order may be: every fault is named where it is, nothing is written, and nothing is ever our fault."""

from typing import Any

from hypothesis import HealthCheck, example, given, settings

from core.money import MAX_AMOUNT
from tests.commission.orders.conftest import Shop, order_body, pointers
from tests.commission.orders.test_loading import mangled_orders


def told(*discounts: dict[str, Any]) -> dict[str, Any]:
    """What a shop says that has given discounts already."""
    return {"coupon_policy": "record", "coupon_discounts": list(discounts)}


BAD_CONTENT: list[tuple[dict[str, Any], list[str]]] = [
    ({"currency": "EUR"}, ["/currency"]),
    ({"currency": "gbp"}, ["/currency"]),
    ({"items": []}, ["/items"]),
    ({"items": [{"sku": "x", "quantity": 1, "unit_price": 5}] * 3}, ["/items/1", "/items/2"]),
    ({"items": [{"sku": "x", "quantity": 2, "unit_price": 5, "discount": 11}]}, ["/items/0/discount"]),
    ({"discount": 1101}, ["/discount"]),
    ({"items": [{"sku": "x", "quantity": 0, "unit_price": -1}]}, ["/items/0/quantity", "/items/0/unit_price"]),
    ({"items": [{"sku": "x", "quantity": 1.5, "unit_price": "1"}]}, ["/items/0/quantity", "/items/0/unit_price"]),
    ({"paid_at": "2026-03-01T10:00:00"}, ["/paid_at"]),
    ({"paid_at": "yesterday", "placed_at": 5}, ["/paid_at", "/placed_at"]),
    ({"external_id": "a\nb"}, ["/external_id"]),
    ({"external_id": "x" * 201}, ["/external_id"]),
    ({"external_id": ""}, ["/external_id"]),
    ({"items": [{"sku": "x", "quantity": 10**9, "unit_price": MAX_AMOUNT}]}, ["/items"]),
    ({"shipping": MAX_AMOUNT}, ["/items"]),
    ({"shipping": MAX_AMOUNT + 1}, ["/shipping"]),
    ({"tax": 2**70}, ["/tax"]),
    ({"attributes": {"deep": [[[[1]]]]}}, ["/attributes"]),
    ({"coupon_codes": "X"}, ["/coupon_codes"]),
    ({"coupon_codes": None}, ["/coupon_codes"]),
    ({"coupon_codes": ["", "x" * 64, "x" * 65, "a\x00"]}, ["/coupon_codes/0", "/coupon_codes/2", "/coupon_codes/3"]),
    ({"coupon_codes": [f"C{number}" for number in range(21)]}, ["/coupon_codes"]),
    ({"coupon_policy": "trust"}, ["/coupon_policy"]),
    ({"coupon_policy": "record"}, ["/coupon_discounts"]),
    ({"coupon_discounts": []}, ["/coupon_discounts"]),
    (told({"code": "A", "amount": 5}) | {"coupon_policy": "redeem"}, ["/coupon_discounts"]),
    (told({"code": "A", "amount": -1}, {"code": "B"}), ["/coupon_discounts/0/amount", "/coupon_discounts/1/amount"]),
    (
        told({"code": "a", "amount": 1}, {"code": "B", "amount": 1}, {"code": "A ", "amount": 1}),
        ["/coupon_discounts/2/code"],
    ),
    (told({"code": "A", "amount": 1, "rate": 5}), ["/coupon_discounts/0/rate"]),
    (told({"code": "A", "amount": 1000}, {"code": "B", "amount": 101}), ["/coupon_discounts/1/amount"]),
    ({"click_id": "c" * 201}, ["/click_id"]),
    ({"link_code": "c" * 65}, ["/link_code"]),
    ({"visitor_id": ""}, ["/visitor_id"]),
    ({"visitor_id": "v\x7f"}, ["/visitor_id"]),
    ({"sub_ids": ["1", "2", "3", "4", "5", "6"]}, ["/sub_ids"]),
    ({"sub_ids": ["1", "", "a\nb"]}, ["/sub_ids/1", "/sub_ids/2"]),
    ({"status": "paid"}, ["/status"]),
]


def test_bad_content_is_refused_where_it_is(shop: Shop) -> None:
    for change, where in BAD_CONTENT:
        refused = shop.client.post("/v1/orders", order_body() | change)
        assert (refused.status_code, sorted(pointers(refused))) == (422, where), change
    assert shop.client.get("/v1/orders").json["data"] == []  # type: ignore[index]


def test_what_an_order_cannot_be_without(shop: Shop) -> None:
    for missing in ("external_id", "currency", "paid_at", "items"):
        refused = shop.client.post("/v1/orders", {k: v for k, v in order_body().items() if k != missing})
        assert (refused.status_code, pointers(refused)) == (422, [f"/{missing}"])


DEEP = b"[" * 90_000 + b"]" * 90_000
ODD_VALUES = [b"%d" % 2**70, b"-9223372036854775809", b"1e400", DEEP, b'"\\ud800"', b'"\xff"', b"nan"]


def test_odd_json_is_no_fault_of_ours(shop: Shop) -> None:
    start = b'{"external_id":"o1","currency":"GBP","paid_at":null,"items":[{"sku":"x","quantity":1,"unit_price":1}],'
    for value in ODD_VALUES:
        order = start + b'"attributes":{"n":' + value + b"}}"
        for path, body in (("/v1/orders", order), ("/v1/orders/batch", b'{"orders":[' + order + b"]}")):
            answer = shop.client.call("POST", path, data=body, headers={"Content-Type": "application/json"})
            assert answer.status_code < 500, (value[:30], answer.text)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mangled_orders())
@example(order_body(attributes={"k": "\ud83d"}))
def test_no_order_is_answered_with_a_5xx(shop: Shop, document: dict[str, Any]) -> None:
    answer = shop.client.post("/v1/orders", document)
    assert answer.status_code in {200, 201, 400, 409, 422}, answer.text
    batch = shop.client.post("/v1/orders/batch", {"orders": [document, order_body("after")]})
    assert batch.status_code in {200, 400}, batch.text
