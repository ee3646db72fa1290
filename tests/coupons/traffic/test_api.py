"""Stats over HTTP: whose they are, what they sum, how they are cut, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from core.db import transaction
from core.ids import new_id, parse_public_id, public_id
from coupons.clicks.shipping import ship
from coupons.traffic.folding import fold_deltas
from coupons.traffic.service import SaleDelta, count_sales
from tests.clients import ApiClient, TestProgram, make_program
from tests.coupons.clicks.making import CRAWLER, click

DAY = datetime(2026, 11, 10, 12, 30, tzinfo=UTC)


def a_link(client: ApiClient, member: str = "seller", **other: Any) -> dict[str, Any]:
    client.post("/v1/members", {"external_id": member})
    body = {"member_external_id": member, "destination_url": "https://shop.example/x", **other}
    answer = client.post("/v1/links", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)  # type: ignore[call-overload]


def ids(link: dict[str, Any]) -> tuple[UUID, UUID]:
    link_id, member_id = parse_public_id("lnk", link["id"]), parse_public_id("mem", link["member_id"])
    assert link_id is not None
    assert member_id is not None
    return link_id, member_id


def clicked(program: TestProgram, link: dict[str, Any], *at: datetime, **other: Any) -> None:
    link_id, member_id = ids(link)
    ship([click(program.id, one, n, link_id=link_id, member_id=member_id, **other) for n, one in enumerate(at)])


def sold(program: TestProgram, link: dict[str, Any], at: datetime, orders: int = 1, sales: int = 5000) -> None:
    link_id, member_id = ids(link)
    present = program.now()
    with transaction(program.id):
        count_sales(program.id, [SaleDelta(at, link_id, member_id, None, None, None, None, None, orders, sales, 500)])
        fold_deltas(present)


@pytest.fixture
def link(client: ApiClient) -> dict[str, Any]:
    return a_link(client)


def test_anonymous_is_refused_and_another_programs_link_is_not_found(
    program: TestProgram, link: dict[str, Any]
) -> None:
    path = f"/v1/links/{link['id']}/stats"
    assert program.anonymous.get(path).status_code == 401
    assert make_program(program.app).client.get(path).status_code == 404
    assert program.client.get(f"/v1/links/{public_id('lnk', new_id())}/stats").status_code == 404
    assert program.client.get(f"/v1/links/{link['member_id']}/stats").status_code == 404


def test_a_link_shows_its_sums_and_a_series_without_gaps(program: TestProgram, link: dict[str, Any]) -> None:
    clicked(program, link, DAY, DAY + timedelta(hours=1), DAY + timedelta(days=2))
    clicked(program, link, DAY, user_agent=CRAWLER)
    sold(program, link, DAY)
    answer = program.client.get(f"/v1/links/{link['id']}/stats?from=2026-11-09&to=2026-11-12").json
    sums = {key: answer[key] for key in answer if key not in ("series", "interval", "currency")}
    assert sums == {
        "clicks": 3, "unique_clicks": 3, "bot_clicks": 1, "orders": 1, "sales": 5000, "commission": 500,
        "conversion": 3333,
    }  # fmt: skip
    assert [(one["at"], one["clicks"], one["conversion"]) for one in answer["series"]] == [
        ("2026-11-09", 0, None), ("2026-11-10", 2, 5000), ("2026-11-11", 0, None), ("2026-11-12", 1, 0),
    ]  # fmt: skip
    assert (answer["currency"], answer["interval"]) == ("GBP", "day")


def test_hours_and_months_are_other_cuts_of_the_same(program: TestProgram, link: dict[str, Any]) -> None:
    clicked(program, link, DAY, DAY + timedelta(hours=1), DAY + timedelta(days=30))
    path = f"/v1/links/ext:{link['code']}/stats"
    hours = program.client.get(f"{path}?interval=hour&from=2026-11-10T12:00:00Z&to=2026-11-10T14:00:00Z").json
    assert [(one["at"], one["clicks"]) for one in hours["series"]] == [
        ("2026-11-10T12:00:00Z", 1), ("2026-11-10T13:00:00Z", 1),
    ]  # fmt: skip
    months = program.client.get(f"{path}?interval=month&from=2026-10-15&to=2026-12-31").json
    assert [(one["at"], one["clicks"]) for one in months["series"]] == [
        ("2026-10-01", 0), ("2026-11-01", 2), ("2026-12-01", 1),
    ]  # fmt: skip
    assert months["clicks"] == 3


def test_days_are_the_programs_own(app: Flask) -> None:
    program = make_program(app, timezone="Asia/Shanghai")
    link = a_link(program.client)
    with app.app_context():
        clicked(program, link, datetime(2026, 11, 10, 16, tzinfo=UTC))
    answer = program.client.get(f"/v1/links/{link['id']}/stats?from=2026-11-10&to=2026-11-11").json
    assert [one["clicks"] for one in answer["series"]] == [0, 1]


def test_without_a_span_the_last_thirty_days_are_shown(program: TestProgram, link: dict[str, Any]) -> None:
    answer = program.client.get(f"/v1/links/{link['id']}/stats").json
    assert len(answer["series"]) == 30


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=yesterday", "/from"),
        ("from=2026-11-10T12:00:00", "/from"),
        ("from=2026-13-01", "/from"),
        ("to=2026-11-31", "/to"),
        ("from=2026-11-10&to=2026-11-09", "/to"),
        ("interval=hour&from=2026-01-01&to=2026-03-01", "/from"),
        ("from=2020-01-01&to=2026-03-01", "/from"),
        ("interval=week", "/interval"),
        ("since=2026-01-01", "/since"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(
    program: TestProgram, link: dict[str, Any], query: str, pointer: str
) -> None:
    answer = program.client.get(f"/v1/links/{link['id']}/stats?{query}")
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]  # type: ignore[index]


def test_a_member_sees_his_own_links_only(program: TestProgram, link: dict[str, Any]) -> None:
    clicked(program, link, DAY)
    path = f"/v1/me/links/{link['id']}/stats?from=2026-11-10&to=2026-11-10"
    mine = program.member("ext:seller").get(path).json
    assert mine["clicks"] == mine["series"][0]["clicks"] == 1
    assert "commission" not in mine  # his upline's is in that sum
    assert "commission" not in mine["series"][0]
    program.client.post("/v1/members", {"external_id": "other"})
    assert program.member("ext:other").get(path).status_code == 404
    assert program.client.get(path).status_code == 403


def test_links_are_ranked_page_by_page(program: TestProgram) -> None:
    links = [a_link(program.client, f"m{n}", campaign_id="spring" if n % 2 else None) for n in range(5)]
    for n, one in enumerate(links):
        clicked(program, one, *(DAY + timedelta(minutes=k) for k in range(n // 2 + 1)), campaign_id=one["campaign_id"])
    found, cursor = [], None
    while cursor is not None or not found:
        query = "group_by=link&from=2026-11-10&to=2026-11-10&limit=2" + (f"&cursor={cursor}" if cursor else "")
        page = program.client.get(f"/v1/stats?{query}").json
        found += page["data"]
        cursor = page["next_cursor"]
    assert [one["clicks"] for one in found] == [3, 2, 2, 1, 1]
    assert {(one["key"], one["link_code"]) for one in found} == {(one["id"], one["code"]) for one in links}
    members = program.client.get("/v1/stats?group_by=member&from=2026-11-10&to=2026-11-10").json["data"]
    assert {one["key"] for one in members} == {one["member_id"] for one in links}
    campaigns = program.client.get("/v1/stats?group_by=campaign&from=2026-11-10&to=2026-11-10").json["data"]
    assert [(one["key"], one["clicks"], one["link_code"]) for one in campaigns] == [("spring", 3, None)]


def test_the_sort_is_what_was_asked_for(program: TestProgram) -> None:
    few, many = a_link(program.client, "few"), a_link(program.client, "many")
    clicked(program, few, DAY)
    clicked(program, many, DAY, DAY)
    sold(program, few, DAY, sales=9000)
    sold(program, many, DAY, sales=100)
    for sort, first in (("clicks", many), ("sales", few)):
        rows = program.client.get(f"/v1/stats?group_by=link&sort={sort}&from=2026-11-10&to=2026-11-10").json["data"]
        assert rows[0]["key"] == first["id"]


def test_what_the_list_cannot_answer_is_refused(program: TestProgram) -> None:
    for query in ("", "group_by=weather", "group_by=link&sort=name", "group_by=link&cursor=x", "group_by=link&limit=0"):
        assert program.client.get(f"/v1/stats?{query}").status_code == 422, query
    forged = "WyJhIiwiYiJd"  # ["a","b"]
    assert program.client.get(f"/v1/stats?group_by=link&cursor={forged}").status_code == 422
    assert program.anonymous.get("/v1/stats?group_by=link").status_code == 401
    assert make_program(program.app).client.get("/v1/stats?group_by=link").json["data"] == []


def test_any_dimension_has_a_series(program: TestProgram) -> None:
    link = a_link(program.client, channel="tv")
    clicked(program, link, DAY, channel="tv")
    span = "from=2026-11-10&to=2026-11-10"
    for query in ("", "&dimension=channel&key=tv", f"&dimension=link&key={link['id']}"):
        assert program.client.get(f"/v1/stats/series?{span}{query}").json["clicks"] == 1, query
    for query in ("&key=x", "&dimension=channel", "&dimension=member&key=tv", "&dimension=weather"):
        assert program.client.get(f"/v1/stats/series?{span}{query}").status_code == 422, query
