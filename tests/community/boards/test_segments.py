"""Segments: who is in one, page by page, saved or not, and the same as a look at everybody would find."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from community.boards.segments import Segment, members_in_segment, size_of
from core.clock import now
from core.db import execute, transaction
from tests.clients import ApiClient, TestProgram, make_program
from tests.commission.orders.conftest import Shop
from tests.community.boards.reading import follow
from tests.factories import seed_members, set_member


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


def buy(shop: Shop, order: str, customer: str, amount: int, days_ago: int) -> None:
    paid_at = (now() - timedelta(days=days_ago)).isoformat()
    shop.order(order, customer, items=[{"sku": "x", "quantity": 1, "unit_price": amount}], paid_at=paid_at)


@pytest.fixture
def people(shop: Shop) -> Shop:
    """a: nothing bought; b: once, long ago; c: twice, the last one lately; d: once, lately, and much."""
    buy(shop, "o1", "b", 100, 90)
    buy(shop, "o2", "c", 200, 90)
    buy(shop, "o3", "c", 200, 5)
    buy(shop, "o4", "d", 9000, 5)
    shop.client.patch("/v1/members/ext:d", {"grade": "gold"})
    follow(shop.program)
    return shop


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "abcd"), ("kind=new", "d"), ("kind=new&new_days=100", "bcd"), ("kind=returning", "c"),
        ("quiet_days=60", "b"), ("quiet_days=100", ""), ("min_spend=300", "cd"), ("max_spend=300", "ab"),
        ("min_spend=1&max_spend=400", "bc"), ("grade=gold", "d"), ("grade=gold&kind=returning", ""),
        ("kind=returning&min_spend=400&max_spend=400", "c"), ("min_spend=0", "abcd"),
    ],
)  # fmt: skip
def test_a_preview_counts_and_shows_who_is_in_it(people: Shop, query: str, names: str) -> None:
    answer = people.client.get(f"/v1/segments/preview?{query}")
    assert answer.status_code == 200, answer.text
    found = answer.json
    assert sorted(one["external_id"] for one in found["sample"]) == list(names)  # type: ignore[index]
    assert found["count"] == len(names)  # type: ignore[index]


def test_only_active_members_count_and_money_that_came_back_does_not(people: Shop) -> None:
    people.refund("o4", "r1", amount=8900)
    people.client.patch("/v1/members/ext:c", {"status": "suspended"})
    follow(people.program)
    found = people.client.get("/v1/segments/preview?min_spend=100").json
    assert sorted(one["external_id"] for one in found["sample"]) == ["b", "d"]  # type: ignore[index]


def test_a_segment_is_saved_changed_and_forgotten(program: TestProgram, operator: ApiClient) -> None:
    made = operator.post("/v1/segments", {"name": "Quiet", "terms": {"quiet_days": 60}})
    assert made.status_code == 201, made.text
    segment: dict[str, Any] = made.json  # type: ignore[assignment]
    assert (segment["name"], segment["terms"]) == ("Quiet", {"quiet_days": 60})
    path = f"/v1/segments/{segment['id']}"
    assert program.client.get(path).json == segment
    assert [one["id"] for one in program.client.get("/v1/segments").json["data"]] == [segment["id"]]  # type: ignore[index]
    renamed = operator.patch(path, {"name": "Still quiet"}).json
    assert (renamed["name"], renamed["terms"]) == ("Still quiet", {"quiet_days": 60})  # type: ignore[index]
    changed = operator.patch(path, {"terms": {"grade": "gold"}}).json
    assert (changed["name"], changed["terms"]) == ("Still quiet", {"grade": "gold"})  # type: ignore[index]
    assert operator.delete(path).status_code == 204
    assert [operator.delete(path).status_code, program.client.get(path).status_code] == [404, 404]


def test_a_saved_segment_shows_its_members_page_by_page(people: Shop, operator: ApiClient) -> None:
    segment = operator.post("/v1/segments", {"name": "Buyers", "terms": {"min_spend": 1}}).json
    names: list[str] = []
    path = f"/v1/segments/{segment['id']}/members?limit=2"  # type: ignore[index]
    cursor: str | None = ""
    while cursor is not None:
        answer = people.client.get(path + (f"&cursor={cursor}" if cursor else "")).json
        names += [one["external_id"] for one in answer["data"]]  # type: ignore[index]
        cursor = answer["next_cursor"]  # type: ignore[index]
    assert names == ["b", "c", "d"]


def test_who_may_do_what(app: Flask, program: TestProgram, operator: ApiClient) -> None:
    body = {"name": "Quiet", "terms": {"quiet_days": 60}}
    segment = operator.post("/v1/segments", body).json
    path = f"/v1/segments/{segment['id']}"  # type: ignore[index]
    for method, where in [("GET", path), ("GET", "/v1/segments"), ("GET", f"{path}/members"), ("POST", "/v1/segments")]:
        assert program.anonymous.call(method, where, None if method == "GET" else body).status_code == 401
    assert program.anonymous.get("/v1/segments/preview").status_code == 401
    assert program.client.post("/v1/segments", body).status_code == 403
    other = make_program(app)
    assert [other.client.get(path).status_code, other.client.get(f"{path}/members").status_code] == [404, 404]
    theirs = other.staff("operator")
    assert [theirs.patch(path, {"name": "x"}).status_code, theirs.delete(path).status_code] == [404, 404]
    assert program.client.get("/v1/segments/mem_x").status_code == 404
    assert program.client.get(path).status_code == 200


@pytest.mark.parametrize(
    "terms", [{"kind": "old"}, {"new_days": 3}, {"min_spend": 2, "max_spend": 1}, {"quiet_days": 0}, {"luck": 1}, 7]
)
def test_terms_that_make_no_sense_are_refused(program: TestProgram, operator: ApiClient, terms: Any) -> None:
    assert operator.post("/v1/segments", {"name": "x", "terms": terms}).status_code == 422
    if isinstance(terms, dict):
        query = "&".join(f"{name}={value}" for name, value in terms.items())
        assert program.client.get(f"/v1/segments/preview?{query}").status_code == 422


def test_pages_of_any_segment_are_what_a_look_at_everybody_finds(program: TestProgram) -> None:
    chance = random.Random(7)  # noqa: S311 -- the same again for the same seed
    members = seed_members(program, 60)
    at = now()
    bought: dict[UUID, tuple[int, int, int, int]] = {}
    grades = {member: chance.choice(["standard", "gold"]) for member in members}
    for member in members:
        set_member(program, member, grade=grades[member])
        if chance.random() < 0.7:
            last = chance.randrange(100)
            bought[member] = (last + chance.randrange(100), last, chance.randrange(4), chance.randrange(5) * 100)
    with transaction(program.id):
        for member, (first, last, orders, spent) in bought.items():
            execute(
                """INSERT INTO customer_sums (program_id, customer_id, first_order_at, last_order_at, orders, spent,
                                              invite_open)
                   VALUES (%(p)s, %(m)s, %(first)s, %(last)s, %(orders)s, %(spent)s, false)""",
                p=program.id, m=member, first=at - timedelta(days=first), last=at - timedelta(days=last), orders=orders,
                spent=spent,
            )  # fmt: skip

    def belongs(member: UUID, segment: Segment) -> bool:
        first, last, orders, spent = bought.get(member, (0, 0, 0, 0))
        has = member in bought
        return all(
            [
                segment.kind != "new" or (has and first < (segment.new_days or 30)),
                segment.kind != "returning" or (has and orders >= 2),
                segment.quiet_days is None or (has and last >= segment.quiet_days),
                not segment.min_spend or (has and spent >= segment.min_spend),
                segment.max_spend is None or spent <= segment.max_spend,
                segment.grade is None or grades[member] == segment.grade,
            ]
        )

    for _ in range(80):
        segment = Segment(
            kind=chance.choice([None, "new", "returning"]), new_days=chance.choice([None, 50]),
            quiet_days=chance.choice([None, 20, 60]), min_spend=chance.choice([None, 0, 200]),
            max_spend=chance.choice([None, 100, 300]), grade=chance.choice([None, "gold"]),
        )  # fmt: skip
        expected = sorted(member for member in members if belongs(member, segment))
        found: list[UUID] = []
        with transaction(program.id, read_only=True):
            while part := members_in_segment(program.id, segment, found[-1] if found else None, 7):
                found += part
            assert size_of(program.id, segment) == len(expected)
        assert found == expected, segment
