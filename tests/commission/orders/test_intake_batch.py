"""Many orders at once: the same as one by one, each item for itself, results in the order of the request."""

from typing import Any

from core.ids import parse_public_id
from tests.clients import TestProgram
from tests.commission.orders.conftest import PAID_AT, Shop, earned, order_body, pointers


def line(sku: str, quantity: int = 1, unit_price: int = 100, **more: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "unit_price": unit_price} | more


def fates(results: list[dict[str, Any]]) -> list[tuple[str | None, str]]:
    return [(one["external_id"], one["status"]) for one in results]


def many_orders() -> list[dict[str, Any]]:
    """Orders of several customers with odd amounts, discounts, one guest and one not paid."""
    customers = ["c", "b", "a", None, "stranger", "c"]
    return [
        order_body(
            f"o{number}", customers[number % 6], discount=number * 7, shipping=number,
            items=[line("x", number + 1, 333), line("y", 3, 101 + number, discount=number)],
        ) | ({"paid_at": None} if number == 7 else {})
        for number in range(12)
    ]  # fmt: skip


def test_anonymous_is_refused(shop: Shop) -> None:
    assert shop.program.anonymous.post("/v1/orders/batch", {"orders": [order_body()]}).status_code == 401


def test_results_stand_in_the_order_of_the_request(shop: Shop) -> None:
    orders = [order_body(f"o{number}") for number in (5, 1, 9, 3)]
    results = shop.batch(orders)
    assert fates(results) == [("o5", "created"), ("o1", "created"), ("o9", "created"), ("o3", "created")]
    for one in results:
        assert one["error"] is None
        assert shop.shown(one["external_id"])["id"] == one["id"]


def test_bad_items_harm_nobody_and_say_what_is_wrong_with_them(shop: Shop) -> None:
    bad: list[tuple[Any, str | None, list[str]]] = [
        (order_body("b1", currency="EUR"), "b1", ["/currency"]),
        (order_body("b2", items=[line("x"), line("x")]), "b2", ["/items/1"]),
        (order_body("b3", discount=1101), "b3", ["/discount"]),
        (order_body("b4", items=[line("x", 0)]), "b4", ["/items/0/quantity"]),
        (order_body("b5", coupon_codes=["X", 5]), "b5", ["/coupon_codes/1"]),
        (order_body("b6", store_external_id="nobody"), "b6", ["/store_external_id"]),
        ({"external_id": "b7"}, "b7", ["/currency", "/items", "/paid_at"]),
        (order_body(7), None, ["/external_id"]),  # type: ignore[arg-type]
        ("order", None, [""]),
        (None, None, [""]),
    ]
    results = shop.batch([order_body("first"), *(item for item, *_ in bad), order_body("last")])
    assert fates([results[0], results[-1]]) == [("first", "created"), ("last", "created")]
    for one, (_, external_id, where) in zip(results[1:-1], bad, strict=True):
        assert (one["external_id"], one["status"], one["id"]) == (external_id, "error", None)
        assert (one["error"]["code"], sorted(pointers(one["error"]))) == ("invalid", where)
    assert shop.pending("b", "a") == [220, 110]
    assert len(shop.client.get("/v1/orders").json["data"]) == 2  # type: ignore[index]


def test_the_same_id_twice_in_a_batch_is_one_order(shop: Shop) -> None:
    results = shop.batch([order_body("o1"), order_body("o1"), order_body("o1", shipping=5), order_body("o2")])
    assert [one["status"] for one in results] == ["created", "exists", "error", "created"]
    assert results[2]["error"]["code"] == "already_exists"
    assert results[0]["id"] == results[1]["id"]
    assert shop.pending("b") == [220]


def test_a_refused_order_does_not_take_its_id_from_a_good_one_behind_it(shop: Shop) -> None:
    for number, fault in enumerate(({"currency": "EUR"}, {"store_external_id": "nobody"}, {"discount": 9999})):
        name = f"o{number}"
        results = shop.batch([order_body(name, **fault), order_body(name), order_body(name, **fault)])
        assert [one["status"] for one in results] == ["error", "created", "error"], fault
        assert [one["error"] and one["error"]["code"] for one in results] == ["invalid", None, "already_exists"]


def test_a_batch_again_exists_and_changes_nothing(shop: Shop) -> None:
    first = shop.batch(many_orders())
    before = (shop.pending("a", "b", "c"), [shop.shown(one["external_id"]) for one in first])
    again = shop.batch(many_orders())
    assert fates(again) == [(one["external_id"], "exists") for one in first]
    assert [one["id"] for one in again] == [one["id"] for one in first]
    assert (shop.pending("a", "b", "c"), [shop.shown(one["external_id"]) for one in first]) == before


def test_known_new_and_clashing_orders_mix(shop: Shop) -> None:
    shop.order("known")
    results = shop.batch([order_body("new"), order_body("known"), order_body("known", tax=1)])
    assert [one["status"] for one in results] == ["created", "exists", "error"]


def test_a_batch_is_the_same_as_one_by_one(shop: Shop, other_program: TestProgram) -> None:
    twin = Shop(other_program)
    twin.settings(max_levels=3)
    twin.member("a")
    twin.member("b", "a")
    twin.member("c", "b")
    twin.plan(1000, 500, 200)
    shop.batch(many_orders())
    for order in many_orders():
        twin.post("/v1/orders", order, 201)
    for order in many_orders():
        one, other = shop.shown(order["external_id"]), twin.shown(order["external_id"])
        assert earned(one) == earned(other)
        for name in ("status", "subtotal", "discount", "total", "commission_base", "items"):
            assert one[name] == other[name]
    assert shop.pending("a", "b", "c") == twin.pending("a", "b", "c")


def test_a_customer_named_by_several_orders_is_made_once(shop: Shop) -> None:
    shop.batch([order_body(f"o{number}", "new") for number in range(3)])
    orders = [shop.shown(f"o{number}") for number in range(3)]
    assert len({order["customer_id"] for order in orders}) == 1
    assert parse_public_id("mem", orders[0]["customer_id"])


def test_what_is_no_batch_is_refused_as_a_whole(shop: Shop) -> None:
    too_many = {"orders": [order_body(f"o{number}") for number in range(501)]}
    for body in ({"orders": []}, too_many, {"orders": {}}, {}, [], {"orders": [order_body()], "more": 1}):
        refused = shop.client.post("/v1/orders/batch", body)
        assert (refused.status_code, pointers(refused)) == (422, ["/orders"]), str(body)[:60]
    assert shop.client.call("POST", "/v1/orders/batch", data=b"{", content_type="application/json").status_code == 400
    assert shop.client.get("/v1/orders").json["data"] == []  # type: ignore[index]


def test_five_hundred_orders_are_a_batch(shop: Shop) -> None:
    results = shop.batch([order_body(f"o{number}") for number in range(500)])
    assert {one["status"] for one in results} == {"created"}
    assert shop.pending("b", "a") == [500 * 110, 500 * 55]


def test_orders_of_over_a_thousand_lines_and_of_five_thousand(shop: Shop) -> None:
    for count in (1_100, 5_000):
        order = shop.order(f"o{count}", items=[line(f"sku-{number}", 1, 10) for number in range(count)])
        assert (len(order["items"]), order["total"], earned(order)[0]) == (count, 10 * count, (1, count, 0))
        assert [one["sku"] for one in order["items"][-2:]] == [f"sku-{count - 2}", f"sku-{count - 1}"]
        shop.refund(f"o{count}", f"r{count}", items=[{"sku": f"sku-{count - 1}", "quantity": 1}])
        assert earned(shop.shown(f"o{count}"))[0] == (1, count, 1)
    too_long = order_body("long", items=[line(f"sku-{number}") for number in range(5_001)])
    refused = shop.client.post("/v1/orders", too_long)
    assert (refused.status_code, pointers(refused)) == (422, ["/items"])
    assert shop.batch([too_long, order_body("short")])[1]["status"] == "created"


def test_a_batch_can_be_replayed_by_its_idempotency_key(shop: Shop) -> None:
    headers = {"Idempotency-Key": "k1"}
    body = {"orders": [order_body("o1", paid_at=PAID_AT)]}
    first, again = (shop.client.post("/v1/orders/batch", body, headers=headers) for _ in range(2))
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.data == first.data
    assert again.json["results"][0]["status"] == "created"  # type: ignore[index]
