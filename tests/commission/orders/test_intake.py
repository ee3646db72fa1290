"""One order comes in: created, repeated, refused, and what it remembers of the moment it was accepted."""

from typing import Any
from urllib.parse import quote

from commission.orders.schemas import OrderShape
from core.auth import keys
from core.db import transaction
from core.money import MAX_AMOUNT
from tests.clients import ApiClient, TestProgram
from tests.commission.orders.conftest import PAID_AT, Shop, earned, order_body, pointers

ODD_IDS = ["A/1", "a//b/", "订单 1", "100%", "50%25", "a b", "x?y=1#z", "..", "ext:1", "ord_1", "ü" * 200]


def test_anonymous_is_refused(shop: Shop) -> None:
    assert shop.program.anonymous.post("/v1/orders", order_body()).status_code == 401


def test_only_keys_and_owners_bring_orders_in(shop: Shop) -> None:
    for role in ("viewer", "operator", "finance"):
        staff = shop.program.staff(role)
        assert staff.post("/v1/orders", order_body()).status_code == 403
        assert staff.get("/v1/orders").status_code == 200
    assert shop.program.member("ext:c").post("/v1/orders", order_body()).status_code == 403
    assert shop.owner.post("/v1/orders", order_body()).status_code == 201


def test_a_key_without_the_scope_is_refused(shop: Shop) -> None:
    with transaction(shop.program.id):
        _, key = keys.create_key(shop.program.id, name="reader", scopes=["orders:read"])
    reader = ApiClient(shop.program.app, key)
    assert reader.post("/v1/orders", order_body()).status_code == 403
    assert reader.get("/v1/orders").status_code == 200


def test_another_programs_order_is_not_found(shop: Shop, other_program: TestProgram) -> None:
    order = shop.order()
    for ref in (order["id"], "ext:o1"):
        for path in (f"/v1/orders/{ref}", f"/v1/orders/{ref}/explanation"):
            assert other_program.client.get(path).status_code == 404
        for step, body in (
            ("pay", {"paid_at": PAID_AT}),
            ("complete", {"completed_at": PAID_AT}),
            ("cancel", {"canceled_at": PAID_AT, "reason": "r"}),
            ("refunds", {"external_id": "r1", "refunded_at": PAID_AT, "amount": 1}),
        ):
            assert other_program.client.post(f"/v1/orders/{ref}/{step}", body).status_code == 404
        assert other_program.client.put(f"/v1/orders/{ref}/after-sale", {"open": True}).status_code == 404
    assert shop.shown() == order


def test_the_same_external_id_is_free_in_another_program(shop: Shop, other_program: TestProgram) -> None:
    shop.order()
    assert other_program.client.post("/v1/orders", order_body()).status_code == 201


def test_an_order_is_answered_as_it_is_then_shown(shop: Shop) -> None:
    lines = [
        {"sku": "x", "quantity": 2, "unit_price": 500, "discount": 1, "category": "tea", "name": "Grüner 茶",
         "supply_price": 200, "product_url": "https://shop.example/x", "image_url": "https://shop.example/x.png"},
        {"sku": "x", "quantity": 1, "unit_price": 400},
    ]  # fmt: skip
    attributes = {"note": 'a "b" \\ {c}, NULL', "n": [1, 2.5, None, True]}
    order = shop.order(
        items=lines, shipping=30, tax=70, discount=99, placed_at="2026-03-01T09:00:00+01:00", channel="app",
        group_id="g", content_id="k", session_id="s", attributes=attributes,
    )  # fmt: skip
    assert set(order) == set(OrderShape().fields)
    assert [order[name] for name in ("subtotal", "discount", "coupon_discount", "commission_base", "total")] == [
        1399, 99, 0, 1300, 1400,
    ]  # fmt: skip
    assert (order["placed_at"], order["paid_at"]) == ("2026-03-01T08:00:00Z", PAID_AT)
    assert (order["attributes"], order["items"][0]["name"]) == (attributes, "Grüner 茶")
    assert shop.shown() == order
    assert shop.client.get(f"/v1/orders/{order['id']}").json == order


def test_the_same_content_again_answers_the_stored_order(shop: Shop) -> None:
    order = shop.order()
    assert shop.post("/v1/orders", order_body(), 200) == order
    spelled_out: dict[str, Any] = {
        "paid_at": "2026-03-01T18:00:00.000+08:00", "placed_at": None, "shipping": 0, "tax": 0, "discount": 0,
        "channel": None, "store_external_id": None, "attributes": {},
        "items": [item | {"discount": 0, "name": None, "category": None} for item in order_body()["items"]],
    }  # fmt: skip
    assert shop.post("/v1/orders", order_body(**spelled_out), 200) == order
    assert shop.pending("b", "a") == [110, 55]


def test_the_repeat_shows_the_order_as_it_is_now(shop: Shop) -> None:
    shop.order()
    shop.refund("o1", "r1", items=[{"sku": "y", "quantity": 1}])
    shop.complete()
    again = shop.post("/v1/orders", order_body(), 200)
    assert (again["status"], again["refunded"]) == ("completed", 101)
    assert again == shop.shown()


OTHER_CONTENT: list[dict[str, Any]] = [
    {"shipping": 1}, {"customer_external_id": "d"}, {"customer_external_id": None},
    {"paid_at": "2026-03-01T10:00:01Z"}, {"paid_at": None}, {"attributes": {"a": 1}}, {"channel": "app"},
    {"items": order_body()["items"][::-1]}, {"items": order_body()["items"][:1]}, {"store_external_id": "b"},
]  # fmt: skip


def test_other_content_under_the_same_id_is_refused_and_changes_nothing(shop: Shop) -> None:
    order = shop.order()
    for change in OTHER_CONTENT:
        refused = shop.client.post("/v1/orders", order_body() | change)
        assert (refused.status_code, refused.json["code"]) == (409, "already_exists"), change  # type: ignore[index]
    assert shop.shown() == order
    assert shop.pending("b", "a") == [110, 55]
    assert shop.client.get("/v1/members/ext:d").status_code == 404


def test_a_repeat_makes_no_member_of_an_erased_customer(shop: Shop) -> None:
    shop.order("o1", "guest")
    assert shop.owner.post("/v1/members/ext:guest/erasure").status_code in {200, 204}
    shop.post("/v1/orders", order_body("o1", "guest"), 200)
    assert shop.client.get("/v1/members/ext:guest").status_code == 404


def test_an_unknown_customer_becomes_a_member_whom_his_first_post_completes(shop: Shop) -> None:
    order = shop.order("o1", "new")
    assert (order["attribution"]["source"], order["commissions"]) == ("none", [])
    member = shop.client.get("/v1/members/ext:new").json
    assert member is not None
    assert (member["id"], member["inviter_id"]) == (order["customer_id"], None)
    assert shop.member("new", "b")["id"] == member["id"]
    assert earned(shop.order("o2", "new")) == [(1, 110, 0), (2, 55, 0)]
    assert shop.shown("o1") == order


def test_a_guests_order_is_nobodys(shop: Shop) -> None:
    order = shop.order(customer=None)
    assert (order["customer_id"], order["attribution"]) == (
        None,
        {"source": "none", "member_id": None, "evidence": None},
    )
    assert (order["status"], order["commissions"]) == ("paid", [])


def test_a_store_must_be_a_member(shop: Shop) -> None:
    unknown = shop.client.post("/v1/orders", order_body(store_external_id="shop-1"))
    assert (unknown.status_code, pointers(unknown)) == (422, ["/store_external_id"])
    assert shop.client.get("/v1/members/ext:shop-1").status_code == 404
    store = shop.member("shop-1")
    assert shop.order(store_external_id="shop-1")["store_id"] == store["id"]


def test_any_text_is_an_external_id(shop: Shop) -> None:
    for external_id in ODD_IDS:
        order = shop.order(external_id)
        path = f"/v1/orders/ext:{quote(external_id, safe='')}"
        assert shop.client.get(path).json == order
        completed = shop.client.post(f"{path}/complete", {"completed_at": PAID_AT}).json
        found = shop.client.get("/v1/orders", query_string={"external_id": external_id}).json
        assert [completed["id"], *(one["id"] for one in found["data"])] == [order["id"]] * 2  # type: ignore[index]


def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    for ref in ("ext:nobody", "ord_00000000000000000000000000", "ord_1", "mem_1", "ext:", "%00", "ext:%00"):
        assert shop.client.get(f"/v1/orders/{ref}").status_code == 404, ref


def test_the_largest_order_pays_to_the_cent_and_is_explained(shop: Shop) -> None:
    line = {"sku": "x", "quantity": 1, "unit_price": MAX_AMOUNT}
    assert earned(shop.order(items=[line])) == [(1, MAX_AMOUNT // 10, 0), (2, MAX_AMOUNT // 20, 0)]
    rule = {"match": {"sku": "y"}, "levels": [{"amount": MAX_AMOUNT}]}
    shop.plan(1000, rules=[rule], effective_from="2001-01-01T00:00:00Z")
    shop.order("o2", items=[line, {"sku": "y", "quantity": 10**9, "unit_price": 0}])
    explained = shop.client.get("/v1/orders/ext:o2/explanation")
    assert explained.status_code == 200
    (level_1, *_) = explained.json["commissions"]  # type: ignore[index]
    assert (level_1["before_cap"], level_1["amount"]) == (MAX_AMOUNT // 10 + MAX_AMOUNT * 10**9, MAX_AMOUNT // 2)
    assert shop.client.post("/v1/commission-quotes", {"items": [line | {"sku": "y", "quantity": 1}]}).status_code == 200


def test_the_currency_stands_as_soon_as_there_is_an_order(shop: Shop) -> None:
    """Also while nobody has earned: it would earn in another currency than it is in."""
    shop.post("/v1/orders", order_body("o", paid_at=None), 201)
    answer = shop.owner.patch("/v1/program", {"currency": "JPY"})
    assert (answer.status_code, answer.json["code"]) == (409, "currency_fixed")  # type: ignore[index]
    assert shop.owner.patch("/v1/program", {"name": "Tea"}).status_code == 200
