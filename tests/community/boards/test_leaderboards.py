"""Boards over HTTP: who may read them, ranks, pages, groups, and how members are named."""

from typing import Any

import pytest
from flask import Flask

from community.boards.service import names_of
from core.db import transaction
from core.ids import new_id, parse_public_id, public_id
from tests.clients import TestProgram, make_program
from tests.commission.orders.conftest import Shop
from tests.community.boards.groups import join, make_group
from tests.community.boards.reading import follow

MARCH = "period=month&date=2026-03-15"


def read(program: TestProgram, path: str = f"/v1/leaderboards/sales?{MARCH}") -> list[tuple[int, str | None, int]]:
    """Rank, id and value."""
    answer = program.client.get(path)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json["data"]  # type: ignore[index]
    return [(one["rank"], one["member"] and one["member"]["id"], one["value"]) for one in rows]


def ref(shop: Shop, name: str) -> str:
    return str(shop.client.get(f"/v1/members/ext:{name}").json["id"])  # type: ignore[index]


def sell(shop: Shop, *sales: tuple[str, int], group: str | None = None, paid_at: str = "2026-03-01T10:00:00Z") -> None:
    """Sales of members to customers of their own."""
    for member, amount in sales:
        customer = f"of-{member}"
        if shop.client.get(f"/v1/members/ext:{customer}").status_code == 404:
            shop.member(customer, member)
        items = [{"sku": "x", "quantity": 1, "unit_price": amount}]
        more = {"group_id": group} if group else {}
        shop.order(f"o-{new_id()}", customer, items=items, paid_at=paid_at, **more)
    follow(shop.program)


@pytest.mark.parametrize(
    "path", ["/v1/leaderboards/sales", "/v1/leaderboards/core-fans?group_id=ext:g", "/v1/day-sums", "/v1/me/rank"]
)
def test_nobody_reads_without_a_credential(program: TestProgram, path: str) -> None:
    assert program.anonymous.get(path).status_code == 401


def test_the_best_stand_first_and_equal_ones_share_a_rank(shop: Shop) -> None:
    sell(shop, ("a", 500), ("b", 900), ("c", 500), ("d", 100))
    found = read(shop.program)
    assert [(rank, value) for rank, _, value in found] == [(1, 900), (2, 500), (2, 500), (4, 100)]
    assert found[0][1] == ref(shop, "b")
    assert {one[1] for one in found[1:3]} == {ref(shop, "a"), ref(shop, "c")}


def test_pages_go_on_where_the_last_one_ended(shop: Shop) -> None:
    sell(shop, ("a", 500), ("b", 500), ("c", 500), ("d", 100))
    path, pages = f"/v1/leaderboards/sales?{MARCH}&limit=1", []
    cursor = ""
    while cursor is not None:
        answer = shop.client.get(path + (f"&cursor={cursor}" if cursor else "")).json
        pages += [(one["rank"], one["member"]["id"], one["value"]) for one in answer["data"]]  # type: ignore[index]
        cursor = answer["next_cursor"]  # type: ignore[index]
    assert pages == read(shop.program)
    assert [rank for rank, *_ in pages] == [1, 1, 1, 4]


def test_each_measure_has_its_board(shop: Shop) -> None:
    sell(shop, ("b", 1000), ("b", 1000), ("d", 1500))
    b, a, d = ref(shop, "b"), ref(shop, "a"), ref(shop, "d")
    assert read(shop.program, f"/v1/leaderboards/orders?{MARCH}") == [(1, b, 2), (2, d, 1)]
    assert read(shop.program, f"/v1/leaderboards/invites?{MARCH}") == [(1, one, 1) for one in sorted([b, d])]
    # 10 % of his own sales, 5 % of the level below, 2 % of the next
    assert read(shop.program, f"/v1/leaderboards/commission?{MARCH}") == [(1, b, 275), (2, d, 150), (3, a, 130)]
    assert read(shop.program, f"/v1/leaderboards/points?{MARCH}") == []


def test_a_period_is_the_one_the_day_lies_in(shop: Shop) -> None:
    sell(shop, ("b", 100), paid_at="2026-03-01T10:00:00Z")  # a Sunday
    sell(shop, ("b", 10), paid_at="2026-03-02T10:00:00Z")
    path = "/v1/leaderboards/sales?period={}&date={}"
    for period, day, value in [
        ("day", "2026-03-01", 100), ("day", "2026-03-02", 10), ("week", "2026-02-23", 100), ("week", "2026-03-08", 10),
        ("month", "2026-03-31", 110), ("all", "2020-01-01", 110),
    ]:  # fmt: skip
        assert [one[2] for one in read(shop.program, path.format(period, day))] == [value], (period, day)
    assert read(shop.program, path.format("month", "2026-04-01")) == []
    assert read(shop.program, "/v1/leaderboards/sales") == []  # of this month


def test_a_groups_board_is_of_what_was_sold_in_it_by_whichever_name(shop: Shop) -> None:
    group = make_group(shop.program)
    sell(shop, ("b", 100), group="wecom-17")
    sell(shop, ("b", 30), ("d", 200), group=group["id"])
    sell(shop, ("b", 5000), ("a", 1), group="other")
    for name in (group["id"], "ext:wecom-17"):
        found = read(shop.program, f"/v1/leaderboards/sales?{MARCH}&group_id={name}")
        assert found == [(1, ref(shop, "d"), 200), (2, ref(shop, "b"), 130)]
    found = read(shop.program, f"/v1/leaderboards/sales?{MARCH}&group_id={group['id']}&limit=1")
    assert found == [(1, ref(shop, "d"), 200)]


def test_another_programs_group_and_unknown_boards_are_not_found(app: Flask, program: TestProgram) -> None:
    other = make_group(make_program(app))
    for query in (f"group_id={other['id']}", "group_id=ext:wecom-17", f"group_id={public_id('grp', new_id())}"):
        assert program.client.get(f"/v1/leaderboards/sales?{query}").status_code == 404
        assert program.client.get(f"/v1/leaderboards/core-fans?{query}").status_code == 404
        assert program.client.get(f"/v1/day-sums?{query}").status_code == 404
    assert program.client.get("/v1/leaderboards/luck").status_code == 404


def test_another_program_sees_nothing_of_it(app: Flask, shop: Shop) -> None:
    sell(shop, ("b", 100))
    assert read(make_program(app)) == []


@pytest.mark.parametrize(
    "query", ["period=year", "date=x", "group_id=x", "limit=0", "cursor=x", "cursor=WzEsMSwieCIsMV0"]
)
def test_what_makes_no_sense_is_refused(program: TestProgram, query: str) -> None:
    assert program.client.get(f"/v1/leaderboards/sales?{query}").status_code == 422


def test_members_are_named_as_they_want(shop: Shop) -> None:
    for name, full in (("x", "Li Hua"), ("y", "Ann"), ("z", "Bo")):
        shop.member(name, name=full)
    sell(shop, ("x", 300), ("y", 200), ("z", 100))
    assert shop.program.member("ext:x").put("/v1/me/privacy", {"names": "full"}).status_code == 200
    assert shop.program.member("ext:y").put("/v1/me/privacy", {"names": "hidden"}).status_code == 200
    rows = shop.client.get(f"/v1/leaderboards/sales?{MARCH}").json["data"]  # type: ignore[index]
    assert rows == [
        {"rank": 1, "member": {"id": ref(shop, "x"), "name": "Li Hua"}, "value": 300},
        {"rank": 2, "member": None, "value": 200},
        {"rank": 3, "member": {"id": ref(shop, "z"), "name": "B**"}, "value": 100},
    ]
    assert shop.program.member("ext:x").get("/v1/me/privacy").json == {"names": "full"}
    assert shop.program.member("ext:z").get("/v1/me/privacy").json == {"names": "masked"}
    assert shop.program.member("ext:z").put("/v1/me/privacy", {"names": "loud"}).status_code == 422


def test_who_was_erased_is_nobody(shop: Shop) -> None:
    shop.member("x", name="Li Hua")
    sell(shop, ("x", 5))  # too little to earn by
    shop.program.member("ext:x").put("/v1/me/privacy", {"names": "full"})
    member_id = parse_public_id("mem", ref(shop, "x"))
    assert member_id is not None
    erased = shop.program.staff("owner").post(f"/v1/members/{ref(shop, 'x')}/erasure")
    assert erased.status_code < 300, erased.text
    with transaction(shop.program.id, read_only=True):
        assert names_of(shop.program.id, [member_id]) == {}
    assert read(shop.program) == [(1, None, 5)]


def test_my_place_and_how_far_the_next_is(shop: Shop) -> None:
    sell(shop, ("a", 500), ("b", 900), ("c", 500))

    def mine(name: str, query: str = MARCH) -> dict[str, Any]:
        answer = shop.program.member(f"ext:{name}").get(f"/v1/me/rank?{query}")
        assert answer.status_code == 200, answer.text
        return answer.json  # type: ignore[return-value]

    same = {"measure": "sales", "period": "month", "starts_on": "2026-03-01"}
    assert mine("b") == same | {"rank": 1, "value": 900, "next": None}
    assert mine("c") == same | {"rank": 2, "value": 500, "next": {"value": 900, "distance": 400}}
    assert mine("d") == same | {"rank": None, "value": 0, "next": {"value": 500, "distance": 500}}
    assert mine("d", "measure=points") | {"starts_on": None} == {
        "measure": "points", "period": "month", "starts_on": None, "rank": None, "value": 0, "next": None,
    }  # fmt: skip


def test_places_in_a_group_are_for_its_members(shop: Shop) -> None:
    group = make_group(shop.program)
    sell(shop, ("b", 100), ("d", 300), group="wecom-17")
    join(shop.program, group, "b")
    path = f"/v1/me/rank?{MARCH}&group_id={group['id']}"
    place = shop.program.member("ext:b").get(path).json
    assert (place["rank"], place["value"], place["next"]["distance"]) == (2, 100, 200)  # type: ignore[index]
    assert shop.program.member("ext:d").get(path).status_code == 404
    assert shop.program.member("ext:b").get("/v1/me/rank?group_id=ext:none").status_code == 404


def test_core_fans_are_members_who_buy_in_the_group(shop: Shop) -> None:
    group = make_group(shop.program)
    for number, (customer, amount) in enumerate([("a", 100), ("a", 100), ("b", 400), ("c", 200), ("d", 0)]):
        items = [{"sku": "x", "quantity": 1, "unit_price": amount}]
        shop.order(f"o{number}", customer, items=items, group_id="wecom-17", paid_at="2026-03-01T10:00:00Z")
    shop.order("old", "c", group_id="wecom-17", paid_at="2026-01-01T10:00:00Z")
    shop.cancel("o4")
    join(shop.program, group, "a", "b", "d")
    follow(shop.program)
    path = f"/v1/leaderboards/core-fans?group_id={group['id']}&date=2026-03-30"
    rows = shop.client.get(path).json["data"]  # type: ignore[index]
    # the mean of four orders is 200
    assert [(one["member"]["id"], one["score"], one["orders"], one["spent"]) for one in rows] == [
        (ref(shop, "b"), 30, 1, 400), (ref(shop, "a"), 30, 2, 200),
    ]  # fmt: skip
    assert shop.client.get(path.replace("03-30", "04-01")).json == {"data": []}
    assert shop.client.get("/v1/leaderboards/core-fans").status_code == 422


def test_one_day_as_a_digest_tells_it(shop: Shop) -> None:
    operator = shop.program.staff("operator")
    group = make_group(shop.program)
    lines = [
        {"sku": "tea", "quantity": 3, "unit_price": 100, "name": "Green tea"},
        {"sku": "cup", "quantity": 1, "unit_price": 500},
    ]  # fmt: skip
    shop.order("o1", "c", items=lines, group_id="wecom-17", paid_at="2026-03-01T10:00:00Z")
    shop.order("o2", "d", items=lines[:1], paid_at="2026-03-01T11:00:00Z")
    shop.order("o3", None, items=lines[1:], paid_at="2026-03-01T12:00:00Z")
    shop.order("o4", "d", items=lines, paid_at="2026-03-01T12:00:00Z")
    shop.cancel("o4")
    shop.refund("o1", "r1", amount=100)
    shop.member("late", joined_at="2026-03-01T12:00:00Z")
    follow(shop.program)
    day = shop.client.get("/v1/day-sums?date=2026-03-01").json
    assert day["top_sellers"][0] | {"member": None} == {"rank": 1, "member": None, "value": 1000}  # type: ignore[index]
    del day["top_sellers"]  # type: ignore[attr-defined]
    # the refund takes its share of each line, 38 and 62, and each commission is rounded down: 69 + 34 and 30 + 15
    assert day == {
        "day": "2026-03-01", "sales": 1500, "orders": 3, "commission": 148, "new_members": 1, "new_customers": 2,
        "hot_products": [
            {"sku": "tea", "name": "Green tea", "quantity": 6, "sales": 562},
            {"sku": "cup", "name": None, "quantity": 2, "sales": 938},
        ],
        "new_coupons": [],
    }  # fmt: skip
    in_group = shop.client.get(f"/v1/day-sums?date=2026-03-01&group_id={group['id']}").json
    assert (in_group["sales"], in_group["orders"], in_group["new_customers"]) == (700, 1, 1)  # type: ignore[index]
    assert [one["sku"] for one in in_group["hot_products"]] == ["tea", "cup"]  # type: ignore[index]
    coupon = operator.post("/v1/coupons", {"name": "Ten off", "kind": "amount", "amount": 10}).json
    today = shop.client.get("/v1/day-sums").json
    assert today["new_coupons"] == [{"id": coupon["id"], "name": "Ten off"}]  # type: ignore[index]
    assert today["new_members"] >= 4  # type: ignore[index]
