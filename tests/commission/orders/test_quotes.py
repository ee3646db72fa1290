"""What a sale would earn (分享赚 ¥x): the same cents that the sale then pays."""

from typing import Any

from commission.orders.quote_schemas import QuoteShape
from tests.commission.orders.conftest import Shop, earned, order_body, pointers

ITEMS = order_body()["items"]


def quoted(shop: Shop, **terms: Any) -> dict[str, Any]:
    return shop.post("/v1/commission-quotes", {"items": ITEMS} | terms)


def amounts(levels: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(one["level"], one["amount"]) for one in levels]


def test_anonymous_is_refused(shop: Shop) -> None:
    assert shop.program.anonymous.post("/v1/commission-quotes", {"items": ITEMS}).status_code == 401
    assert shop.program.staff("viewer").post("/v1/commission-quotes", {"items": ITEMS}).status_code == 200


def test_with_nobody_named_every_level_is_quoted(shop: Shop) -> None:
    answer = quoted(shop)
    assert set(answer) == set(QuoteShape().fields)
    assert amounts(answer["levels"]) == [(1, 110), (2, 55), (3, 22)]
    assert [one["member_id"] for one in answer["levels"]] == [None, None, None]
    assert [(one["sku"], amounts(one["levels"])) for one in answer["items"]] == [
        ("x", [(1, 99), (2, 49), (3, 19)]), ("y", [(1, 10), (2, 5), (3, 2)]),
    ]  # fmt: skip


def test_a_member_who_shares_sees_himself_at_level_1(shop: Shop) -> None:
    member = shop.client.get("/v1/members/ext:b").json
    assert member is not None
    answer = quoted(shop, member_id=member["id"])
    assert amounts(answer["levels"]) == [(1, 110), (2, 55)]
    assert answer["levels"][0]["member_id"] == member["id"]


def test_the_quote_is_what_the_order_then_pays(shop: Shop) -> None:
    rules = [{"match": {"grade": "gold"}, "levels": [{"rate_bps": 700}, {"amount": 9}]}]
    shop.plan(1000, 500, 200, rules=rules, cap_bps=900, effective_from="2001-01-01T00:00:00Z")
    shop.client.patch("/v1/members/ext:a", {"grade": "gold"})
    for customer in ("c", "b", "a", "stranger"):
        levels = quoted(shop, customer_external_id=customer)["levels"]
        order = shop.order(f"by-{customer}", customer)
        paid = [one for one in levels if one["amount"]]  # what earns nothing is quoted, not recorded
        assert amounts(paid) == [(level, amount) for level, amount, _ in earned(order)]
        assert [one["member_id"] for one in paid] == [one["member_id"] for one in order["commissions"]]


def test_an_unknown_customer_is_bound_to_nobody_and_not_made(shop: Shop) -> None:
    assert quoted(shop, customer_external_id="nobody")["levels"] == []
    assert shop.client.get("/v1/members/ext:nobody").status_code == 404


def test_who_would_not_be_paid_is_not_quoted(shop: Shop) -> None:
    member = shop.client.patch("/v1/members/ext:b", {"status": "suspended"}).json
    own = shop.client.get("/v1/members/ext:c").json
    assert member is not None
    assert own is not None
    assert quoted(shop, member_id=member["id"])["levels"] == []
    assert quoted(shop, member_id=own["id"], customer_external_id="c")["levels"] == []
    shop.settings(self_purchase="level_1")
    assert amounts(quoted(shop, member_id=own["id"], customer_external_id="c")["levels"]) == [(1, 110), (3, 22)]


def test_the_plan_of_now_and_the_channel_count(shop: Shop) -> None:
    shop.plan(9000, effective_from="2999-01-01T00:00:00Z")
    shop.plan(
        100, rules=[{"match": {"channel": "app"}, "levels": [{"rate_bps": 200}]}], effective_from="2001-01-01T00:00:00Z"
    )
    assert amounts(quoted(shop)["levels"]) == [(1, 11)]
    assert amounts(quoted(shop, channel="app")["levels"]) == [(1, 22)]


def test_without_a_plan_nothing_is_earned(shop: Shop) -> None:
    plan_id = shop.client.get("/v1/plans").json["data"][0]["id"]  # type: ignore[index]
    assert shop.owner.post(f"/v1/plans/{plan_id}/retire").status_code == 200
    answer = quoted(shop)
    assert (answer["plan_id"], answer["levels"], [one["levels"] for one in answer["items"]]) == (None, [], [[], []])


def test_many_items_at_once_by_sku(shop: Shop) -> None:
    items = [{"sku": f"s{number}", "unit_price": 100 * number} for number in range(500)]
    answer = quoted(shop, items=items)
    assert [one["sku"] for one in answer["items"]] == [item["sku"] for item in items]
    assert amounts(answer["items"][7]["levels"]) == [(1, 70), (2, 35), (3, 14)]


def test_bad_content_is_refused_where_it_is(shop: Shop) -> None:
    bad: list[tuple[dict[str, Any], list[str]]] = [
        ({"items": []}, ["/items"]), ({"items": [ITEMS[0]] * 501}, ["/items"]), ({"more": 1}, ["/more"]),
        ({"member_id": "mem_00000000000000000000000000"}, ["/member_id"]), ({"member_id": "b"}, ["/member_id"]),
        ({"items": [{"sku": "x", "unit_price": 5, "discount": 6}]}, ["/items/0/discount"]),
        ({"items": [{"sku": "x", "unit_price": 10**15, "quantity": 2}]}, ["/items"]),
    ]  # fmt: skip
    for terms, where in bad:
        refused = shop.client.post("/v1/commission-quotes", {"items": ITEMS} | terms)
        assert (refused.status_code, pointers(refused)) == (422, where), str(terms)[:80]


def test_a_quote_writes_nothing(shop: Shop) -> None:
    quoted(shop, customer_external_id="c")
    assert shop.client.get("/v1/orders").json["data"] == []  # type: ignore[index]
    assert shop.pending("b", "a") == [0, 0]
