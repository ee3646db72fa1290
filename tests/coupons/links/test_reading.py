"""Links listed: newest first, by filters, in pages that stay as they are while links are made."""

from typing import Any

import pytest

from core.clock import frozen_at
from tests.clients import TestProgram
from tests.coupons.links.links import FUTURE, batch, body, faults, join, make


def listed(program: TestProgram, query: str) -> list[str]:
    """The channels of the links found: the tests name links by them."""
    answer = program.client.get(f"/v1/links?{query}")
    assert answer.status_code == 200, answer.text
    return [link["channel"] for link in answer.json["data"]]


def make_some(program: TestProgram) -> list[dict[str, Any]]:
    """`a` and `b` of ada, the latter of a campaign; `c` of bob, which expires; `d` of bob, deleted."""
    join(program.client, "ada", "bob")
    links = [
        make(program.client, channel="a"),
        make(program.client, channel="b", campaign_id="spring"),
        make(program.client, channel="c", member_external_id="bob", expires_at="2050-01-01T00:00:00Z"),
        make(program.client, channel="d", member_external_id="bob", expires_at="2050-01-01T00:00:00Z"),
    ]
    program.client.delete(f"/v1/links/{links[3]['id']}")
    return links


def test_all_links_newest_first(program: TestProgram, other_program: TestProgram) -> None:
    make_some(program)
    assert listed(program, "") == ["d", "c", "b", "a"]
    assert other_program.client.get("/v1/links").json == {"data": [], "next_cursor": None}


def test_links_by_what_they_have(program: TestProgram) -> None:
    links = make_some(program)
    assert listed(program, f"member_id={links[0]['member_id']}") == ["b", "a"]
    assert listed(program, "member_id=ext:bob") == ["d", "c"]
    assert listed(program, "member_id=ext:nobody") == []
    assert listed(program, "campaign_id=spring") == ["b"]
    assert listed(program, "channel=a") == ["a"]
    assert listed(program, f"code={links[2]['code']}") == ["c"]
    assert listed(program, "member_id=ext:ada&campaign_id=spring&channel=b&status=active") == ["b"]
    assert listed(program, "member_id=ext:bob&campaign_id=spring") == []


def test_links_by_their_status(program: TestProgram) -> None:
    make_some(program)
    assert [listed(program, f"status={status}") for status in ("active", "expired", "deleted")] == [
        ["c", "b", "a"], [], ["d"],
    ]  # fmt: skip
    with frozen_at(FUTURE):
        assert [listed(program, f"status={status}") for status in ("active", "expired", "deleted")] == [
            ["b", "a"], ["c"], ["d"],
        ]  # fmt: skip


def test_the_status_shown_is_the_one_asked_for(program: TestProgram) -> None:
    make_some(program)
    with frozen_at(FUTURE):
        for status in ("active", "expired", "deleted"):
            links = program.client.get(f"/v1/links?status={status}").json["data"]
            assert {link["status"] for link in links} == {status}


def test_pages_hold_every_link_once_while_links_are_made(program: TestProgram) -> None:
    join(program.client, "ada")
    batch(program.client, *[body(channel=f"{number:02}") for number in range(25)])
    seen: list[str] = []
    cursor = ""
    while True:
        answer = program.client.get(f"/v1/links?limit=10{cursor}").json
        seen += [link["channel"] for link in answer["data"]]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
        make(program.client, channel="new")
    assert sorted(seen) == [f"{number:02}" for number in range(25)]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("status=ended", "/status"), ("limit=0", "/limit"), ("limit=201", "/limit"), ("cursor=x", "/cursor"),
        ("member_id=x", "/member_id"), ("clicks=1", "/clicks"), ("code=%00", "/code"),
    ],
)  # fmt: skip
def test_a_query_that_means_nothing_is_refused(program: TestProgram, query: str, pointer: str) -> None:
    assert faults(program.client.get(f"/v1/links?{query}")) == [pointer]


@pytest.mark.parametrize("ref", ["lnk_" + "0" * 26, "ext:nobody", "mem_" + "0" * 26, "lnk_x"])
def test_a_link_that_is_not_there(program: TestProgram, ref: str) -> None:
    assert program.client.get(f"/v1/links/{ref}").status_code == 404
    assert program.client.patch(f"/v1/links/{ref}", {}).status_code == 404
    assert program.client.delete(f"/v1/links/{ref}").status_code == 404
    assert program.client.get(f"/v1/links/{ref}/share-text").status_code == 404
