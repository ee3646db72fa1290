"""Uplines, downlines and teams over HTTP: order, pages, levels."""

from typing import Any

import pytest

from core.ids import public_id
from tests.clients import ApiClient, TestProgram, make_program
from tests.referral.growing import join, join_all

FAMILY = {"a": None, "b": "a", "c": "a", "d": "b", "e": "b", "f": "c", "g": "d", "x": None}


def levels(answer: Any) -> list[tuple[int, str]]:
    assert answer.status_code == 200, answer.text
    return [(row["level"], row["member"]["external_id"]) for row in answer.json["data"]]


def walk(client: ApiClient, path: str) -> list[tuple[int, str]]:
    """All pages of a list."""
    rows, cursor = [], ""
    while True:
        answer = client.get(f"{path}{'&' if '?' in path else '?'}limit=2{cursor}")
        rows += levels(answer)
        if answer.json["next_cursor"] is None:
            return rows
        assert len(answer.json["data"]) == 2
        cursor = f"&cursor={answer.json['next_cursor']}"


def test_an_upline_is_told_nearest_first(program: TestProgram) -> None:
    join_all(program.client, FAMILY)
    assert levels(program.client.get("/v1/members/ext:g/upline")) == [(1, "d"), (2, "b"), (3, "a")]
    assert levels(program.client.get("/v1/members/ext:g/upline?levels=2")) == [(1, "d"), (2, "b")]
    assert levels(program.client.get("/v1/members/ext:a/upline")) == []


def test_every_member_of_an_upline_has_his_depth(program: TestProgram) -> None:
    join_all(program.client, FAMILY)
    rows = program.client.get("/v1/members/ext:g/upline").json["data"]
    assert [row["member"]["depth"] for row in rows] == [2, 1, 0]


@pytest.mark.parametrize("levels", ["0", "1001", "x"])
def test_an_upline_goes_a_thousand_levels_at_most(program: TestProgram, levels: str) -> None:
    join(program.client, "a")
    assert program.client.get(f"/v1/members/ext:a/upline?levels={levels}").status_code == 422


def test_a_downline_is_told_by_level_or_whole_nearest_first(program: TestProgram) -> None:
    join_all(program.client, FAMILY)
    path = "/v1/members/ext:a/downline"
    assert levels(program.client.get(f"{path}?level=1")) == [(1, "b"), (1, "c")]
    assert levels(program.client.get(f"{path}?level=2")) == [(2, "d"), (2, "e"), (2, "f")]
    assert levels(program.client.get(f"{path}?level=4")) == []
    assert levels(program.client.get(path)) == [(1, "b"), (1, "c"), (2, "d"), (2, "e"), (2, "f"), (3, "g")]
    assert levels(program.client.get("/v1/members/ext:x/downline")) == []


@pytest.mark.parametrize("level", ["", "?level=1", "?level=2", "?level=3"])
def test_pages_of_a_downline_meet_without_gap_or_overlap(program: TestProgram, level: str) -> None:
    join_all(program.client, FAMILY)
    path = f"/v1/members/ext:a/downline{level}"
    assert walk(program.client, path) == levels(program.client.get(path))


def test_pages_stay_stable_when_somebody_joins_in_between(program: TestProgram) -> None:
    join_all(program.client, FAMILY)
    first = program.client.get("/v1/members/ext:a/downline?limit=3")
    join(program.client, "late", "a")
    cursor = first.json["next_cursor"]
    rest = program.client.get(f"/v1/members/ext:a/downline?cursor={cursor}")
    assert levels(rest) == [(2, "e"), (2, "f"), (3, "g")]


@pytest.mark.parametrize(
    "cursor", ["x", "e30", "WzEsIngiXQ", "WzEsIDJd", "WzAsIjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMCJd"]
)
def test_a_made_up_cursor_is_refused(program: TestProgram, cursor: str) -> None:
    join(program.client, "a")
    answer = program.client.get(f"/v1/members/ext:a/downline?cursor={cursor}")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/cursor")


def test_members_are_named_by_id_or_external_id(program: TestProgram) -> None:
    ids = join_all(program.client, {"shop/7 ü": None, "b": "shop/7 ü"})
    named = program.client.get("/v1/members/ext:shop%2F7%20%C3%BC/downline")
    assert levels(named) == levels(program.client.get(f"/v1/members/{public_id('mem', ids['shop/7 ü'])}/downline"))
    assert levels(named) == [(1, "b")]


PATHS = ["", "/inviter-history", "/upline", "/downline", "/team"]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_reads_the_tree_without_a_credential(program: TestProgram, path: str) -> None:
    shown = join(program.client, "a")
    assert program.anonymous.get(f"/v1/members/{shown['id']}{path}").status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_another_programs_tree_is_not_there(program: TestProgram, path: str) -> None:
    shown = join(make_program(program.app).client, "a")
    for ref in (shown["id"], "ext:a", "mem_x", "nothing"):
        assert program.client.get(f"/v1/members/{ref}{path}").status_code == 404
