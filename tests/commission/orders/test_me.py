"""What a member sees of orders: his own purchases, and why his own commissions are what they are."""

import json
from typing import Any

from commission.orders.schemas import OwnExplanationShape, OwnOrderShape
from tests.commission.orders.conftest import Shop


def mine(shop: Shop, member: str, path: str) -> Any:
    answer = shop.program.member(f"ext:{member}").get(path)
    assert answer.status_code == 200, answer.text
    return answer.json


def commission_of(shop: Shop, member: str, order: str = "o1") -> str:
    own = mine(shop, member, "/v1/me")["id"]
    return next(one["id"] for one in shop.shown(order)["commissions"] if one["member_id"] == own)  # type: ignore[no-any-return]


def test_only_members_have_a_surface_of_their_own(shop: Shop) -> None:
    assert shop.program.anonymous.get("/v1/me/orders").status_code == 401
    assert shop.client.get("/v1/me/orders").status_code == 403
    assert shop.owner.get("/v1/me/orders").status_code == 403
    assert shop.program.member("ext:b").get("/v1/orders").status_code == 403


def test_a_member_sees_his_own_purchases_and_no_commissions(shop: Shop) -> None:
    order = shop.order("o1", "c")
    shop.order("o2", "b")
    shop.order("o3", None)
    (own,) = mine(shop, "c", "/v1/me/orders")["data"]
    assert (own["id"], own["external_id"], own["total"]) == (order["id"], "o1", 1100)
    assert set(own) == set(OwnOrderShape().fields)
    assert set(own["items"][0]) == {"sku", "name", "quantity", "unit_price", "refunded_quantity"}
    assert mine(shop, "a", "/v1/me/orders")["data"] == []


def test_own_orders_come_in_pages_newest_first(shop: Shop) -> None:
    for number in range(5):
        shop.order(f"o{number}", "c")
        shop.order(f"x{number}", "b")
    first = mine(shop, "c", "/v1/me/orders?limit=3")
    second = mine(shop, "c", f"/v1/me/orders?limit=3&cursor={first['next_cursor']}")
    assert [one["external_id"] for one in first["data"] + second["data"]] == ["o4", "o3", "o2", "o1", "o0"]
    assert second["next_cursor"] is None
    assert shop.program.member("ext:c").get("/v1/me/orders?status=paid").status_code == 422


def test_the_explanation_of_an_own_commission_hides_the_others(shop: Shop) -> None:
    order = shop.order()
    shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 2}])
    for member, level, kept in (("b", 1, 43), ("a", 2, 21)):
        own = commission_of(shop, member)
        explained = mine(shop, member, f"/v1/me/commissions/{own}/explanation")
        assert set(explained) == set(OwnExplanationShape().fields)
        (one,) = explained["commissions"]
        assert (one["id"], one["level"], one["kept"], explained["source"]) == (own, level, kept, "binding")
        others = [other for other in order["commissions"] if other["id"] != own]
        hidden = [other["id"] for other in others] + [other["member_id"] for other in others] + [order["customer_id"]]
        assert not any(secret in json.dumps(explained) for secret in hidden)


def test_the_commission_of_another_is_not_found(shop: Shop) -> None:
    shop.order()
    of_a = commission_of(shop, "a")
    client = shop.program.member("ext:b")
    for ref in (of_a, "com_00000000000000000000000000", "com_1", "ext:o1"):
        assert client.get(f"/v1/me/commissions/{ref}/explanation").status_code == 404
