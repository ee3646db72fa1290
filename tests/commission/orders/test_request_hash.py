"""Repeats of orders that were accepted long ago are still repeats: the hash of what they said never changes."""

from typing import Any

import orjson
import pytest

from commission.orders.loading import load_order
from commission.orders.new_order import request_hash
from core.db import execute, transaction
from tests.commission.orders.conftest import Shop, order_body

PLAIN = "b822a44c626640192f84bb8d40417d15cc553abafb2bf725dcb505b2a09418d9"
FULL = "2a78222992980c1f81e5fa0cbabdfb32c5431b38c6c1c7690ad13261203865cc"
EVERYTHING_ORDERS_ALWAYS_HAD: dict[str, Any] = {
    "paid_at": None, "placed_at": "2026-03-01T10:00:00+08:00", "shipping": 30, "tax": 7, "discount": 5,
    "channel": "app", "store_external_id": "b", "group_id": "g", "content_id": "k", "session_id": "s",
    "attributes": {"b": [1, {"y": 2.5, "x": None}], "a": True},
    "items": [
        {"sku": "x", "quantity": 2, "unit_price": 500, "discount": 1, "category": "tea", "name": "Grüner 茶",
         "supply_price": 200, "product_url": "https://shop.example/x", "image_url": "https://shop.example/x.png"}
    ],
}  # fmt: skip
NOTHING_ADDED: dict[str, Any] = {
    "coupon_codes": [], "coupon_policy": "redeem", "coupon_discounts": None, "click_id": None, "link_code": None,
    "visitor_id": None, "sub_ids": [],
}  # fmt: skip
ADDED: list[dict[str, Any]] = [
    {"coupon_codes": ["A"]}, {"coupon_codes": ["A", "B"]}, {"coupon_codes": ["B", "A"]},
    {"coupon_policy": "record", "coupon_discounts": []},
    {"coupon_policy": "record", "coupon_discounts": [{"code": "A", "amount": 1}]},
    {"coupon_policy": "record", "coupon_discounts": [{"code": "A", "amount": 2}]},
    {"click_id": "A"}, {"link_code": "A"}, {"visitor_id": "A"}, {"sub_ids": ["A"]},
]  # fmt: skip


def hashed(**changes: Any) -> str:
    return request_hash(load_order(orjson.dumps(order_body(**changes)))).hex()


def test_orders_without_the_later_fields_hash_as_they_always_did() -> None:
    assert hashed() == PLAIN
    assert hashed(**EVERYTHING_ORDERS_ALWAYS_HAD) == FULL
    assert hashed(**NOTHING_ADDED) == PLAIN


def test_what_the_later_fields_say_counts() -> None:
    assert len({PLAIN, *(hashed(**more) for more in ADDED)}) == len(ADDED) + 1


def test_the_case_of_a_code_does_not_count() -> None:
    assert hashed(coupon_codes=["Summer "]) == hashed(coupon_codes=["SUMMER"])


@pytest.mark.parametrize("again", [{}, NOTHING_ADDED])
def test_an_order_accepted_before_there_were_codes_is_still_known(shop: Shop, again: dict[str, Any]) -> None:
    order = shop.order()
    with transaction(shop.program.id):
        execute(
            "UPDATE orders SET request_hash = %(hash)s WHERE program_id = %(program_id)s",
            program_id=shop.program.id, hash=bytes.fromhex(PLAIN),
        )  # fmt: skip
    assert shop.post("/v1/orders", order_body(**again), 200) == order
