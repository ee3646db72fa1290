"""Lists of orders: filters, pages that stay put while orders come in, and nothing of another program."""

from typing import Any

from tests.clients import ApiClient, TestProgram
from tests.commission.orders.conftest import Shop, order_body, pointers


def listed(client: ApiClient, **query: Any) -> list[str]:
    answer = client.get("/v1/orders", query_string=query)
    assert answer.status_code == 200, answer.text
    return [one["external_id"] for one in answer.json["data"]]  # type: ignore[index]


def test_anonymous_is_refused(shop: Shop) -> None:
    assert shop.program.anonymous.get("/v1/orders").status_code == 401


def test_newest_first_with_all_that_an_order_shows(shop: Shop) -> None:
    for name in ("o1", "o2", "o3"):
        shop.order(name)
    shop.refund("o2", "r1", amount=5)
    assert listed(shop.client) == ["o3", "o2", "o1"]
    answer = shop.client.get("/v1/orders").json
    assert answer == {"data": [shop.shown(name) for name in ("o3", "o2", "o1")], "next_cursor": None}


def test_filters(shop: Shop) -> None:
    shop.member("d", "c")
    shop.order("o1", "c", paid_at="2026-01-01T00:00:00Z")
    shop.order("o2", "d", paid_at="2026-01-02T00:00:00Z")
    shop.order("o3", None, paid_at="2026-01-03T00:00:00Z")
    shop.order("o4", "d", paid_at=None, placed_at="2026-01-04T00:00:00Z")
    shop.order("o5", "d", paid_at=None)
    shop.complete("o1")
    shop.cancel("o3")
    member_id = shop.shown("o2")["attribution"]["member_id"]
    expected: list[tuple[dict[str, str], list[str]]] = [
        ({"external_id": "o2"}, ["o2"]), ({"external_id": "o9"}, []), ({"member_id": member_id}, ["o2"]),
        ({"customer_external_id": "d"}, ["o5", "o4", "o2"]), ({"customer_external_id": "nobody"}, []),
        ({"status": "placed"}, ["o5", "o4"]), ({"status": "paid"}, ["o2"]),
        ({"status": "completed"}, ["o1"]), ({"status": "canceled"}, ["o3"]),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-03T00:00:00Z"}, ["o2"]),
        ({"from": "2026-01-03T00:00:00Z", "to": "2026-01-05T00:00:00Z"}, ["o4", "o3"]),
        ({"to": "2026-01-02T00:00:00Z"}, ["o1"]), ({"from": "2026-02-01T00:00:00Z"}, ["o5"]),
        ({"customer_external_id": "d", "status": "paid", "from": "2026-01-01T00:00:00Z"}, ["o2"]),
    ]  # fmt: skip
    for query, names in expected:
        assert listed(shop.client, **query) == names, query


def test_pages_stay_put_while_orders_come_in(shop: Shop) -> None:
    shop.batch([order_body(f"o{number}") for number in range(7)])
    seen: list[str] = []
    cursor = None
    for page in range(10):
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        answer = shop.client.get("/v1/orders", query_string=query).json
        assert answer is not None
        seen += [one["external_id"] for one in answer["data"]]
        shop.order(f"later-{page}")
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == [f"o{number}" for number in range(7)]
    assert listed(shop.client, limit=2, status="paid") == ["later-2", "later-1"]


def test_a_full_last_page_has_no_next(shop: Shop) -> None:
    shop.batch([order_body(f"o{number}") for number in range(4)])
    first = shop.client.get("/v1/orders?limit=2").json
    assert first is not None
    second = shop.client.get("/v1/orders", query_string={"limit": 2, "cursor": first["next_cursor"]}).json
    assert second is not None
    assert (len(first["data"]), len(second["data"]), second["next_cursor"]) == (2, 2, None)


def test_bad_queries_are_refused(shop: Shop) -> None:
    for query, where in (
        ("limit=0", "/limit"), ("limit=201", "/limit"), ("limit=x", "/limit"), ("cursor=x", "/cursor"),
        ("cursor=WyJ4Il0", "/cursor"), ("status=open", "/status"), ("from=2026-01-01", "/from"), ("to=x", "/to"),
        ("member_id=x", "/member_id"), ("color=red", "/color"), ("external_id=%00", "/external_id"),
        ("status=paid&status=placed", "/status"),
    ):  # fmt: skip
        answer = shop.client.get(f"/v1/orders?{query}")
        assert (answer.status_code, pointers(answer)) == (422, [where]), query


def test_nothing_of_another_program(shop: Shop, other_program: TestProgram) -> None:
    order = shop.order()
    other = other_program.client
    assert listed(other) == listed(other, external_id="o1") == listed(other, customer_external_id="c") == []
    assert listed(other, member_id=order["attribution"]["member_id"]) == []
