"""Making one link: what it shows, what is refused, and a chosen code as its natural key."""

from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from core.clock import frozen_at
from core.db import fetch_all, transaction
from core.ids import public_id
from coupons.links.service import links_by_code, links_by_id, program_of_code
from tests.clients import TestProgram
from tests.coupons.links.links import (
    FUTURE,
    PAST,
    SHOP,
    announced,
    body,
    codes_in_table,
    faults,
    join,
    link_id,
    make,
    seed_coupon,
)

EVERYTHING: dict[str, Any] = {
    "code": "Ada-Tea_1", "campaign_id": "spring", "group_id": "g1", "content_id": "c1", "session_id": "s1",
    "channel": "wechat", "sub_ids": ["a", "b", "c", "d", "e"], "coupon_code": "TEA10",
    "product": {"sku": "T-1", "title": "Sencha", "image_url": "https://img.example/t.png", "price": 1250},
    "expires_at": "2100-01-01T00:00:00Z", "mini_program_path": "pages/tea?id=7",
}  # fmt: skip


def test_a_link_of_the_fewest_words(program: TestProgram) -> None:
    (member_id,) = join(program.client, "ada")
    link = make(program.client)
    code = link["code"]
    assert link | {"id": "", "created_at": "", "updated_at": ""} == {
        "id": "", "code": code, "short_url": f"http://localhost/r/{code}", "scene": code, "member_id": member_id,
        "destination_url": SHOP, "mini_program_path": None, "campaign_id": None, "group_id": None, "content_id": None,
        "session_id": None, "channel": None, "sub_ids": [], "coupon_code": None, "product": None, "expires_at": None,
        "status": "active", "created_at": "", "updated_at": "",
    }  # fmt: skip
    assert link["id"].startswith("lnk_")
    assert len(link["scene"]) <= 32
    assert link["created_at"] == link["updated_at"]
    assert program.client.get(f"/v1/links/{link['id']}").json == link
    assert announced(code) == 0  # nobody can hold a copy of what is new


def test_everything_that_is_said_is_kept(program: TestProgram) -> None:
    (member_id,) = join(program.client, "ada")
    seed_coupon(program, ["TEA10"])
    link = make(program.client, **EVERYTHING | {"coupon_code": "tea10"})
    assert {name: link[name] for name in EVERYTHING} == EVERYTHING
    assert link["member_id"] == member_id
    assert program.client.get(f"/v1/links/{link['id']}").json == link
    assert program.client.get("/v1/links/ext:Ada-Tea_1").json == link


def test_a_member_may_be_named_by_his_id(program: TestProgram) -> None:
    (member_id,) = join(program.client, "ada")
    link = make(program.client, member_external_id=None, member_id=member_id)
    assert link["member_id"] == member_id


def test_the_public_address_is_the_one_of_the_settings(program: TestProgram) -> None:
    join(program.client, "ada")
    settings = program.app.config["SETTINGS"]
    program.app.config["SETTINGS"] = replace(settings, public_url="https://go.shop.example/x")
    try:
        link = make(program.client)
    finally:
        program.app.config["SETTINGS"] = settings
    assert link["short_url"] == f"https://go.shop.example/x/r/{link['code']}"


def test_made_codes_differ_and_name_the_program(program: TestProgram, other_program: TestProgram) -> None:
    join(program.client, "ada")
    join(other_program.client, "ada")
    codes = [make(program.client)["code"] for _ in range(3)]
    other = make(other_program.client)["code"]
    assert len({*codes, other}) == 4
    assert [program_of_code(code) for code in (*codes, other)] == [program.id] * 3 + [other_program.id]


@pytest.mark.parametrize("code", ["nobody-has-this", "", "x", "\x00", "a" * 500, "茶", "7zzzzzzz000000000"])
def test_an_unknown_code_is_no_programs(program: TestProgram, code: str) -> None:
    assert program_of_code(code) is None


def test_a_chosen_code_leads_to_its_program(program: TestProgram, other_program: TestProgram) -> None:
    join(program.client, "ada")
    code = f"tea-{program.id.hex[-8:]}"
    link = make(program.client, code=code)
    assert program_of_code(code) == program.id
    with transaction(program.id, read_only=True):
        assert links_by_code(program.id, [code, "other"])[code].id == link_id(link)
        found = links_by_id(program.id, [link_id(link)])
        assert list(found.values()) == list(links_by_code(program.id, [code]).values())
        assert links_by_id(program.id, []) == links_by_code(program.id, []) == {}
    with transaction(other_program.id, read_only=True):
        assert links_by_code(other_program.id, [code]) == links_by_id(other_program.id, [link_id(link)]) == {}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"member_external_id": None}, "/member_id"),
    ({"member_id": "mem_" + "0" * 26}, "/member_external_id"),  # both
    ({"member_id": "mem_" + "0" * 26, "member_external_id": None}, "/member_id"),
    ({"member_external_id": "nobody"}, "/member_external_id"),
    ({"member_id": "lnk_" + "0" * 26, "member_external_id": None}, "/member_id"),
    ({"destination_url": None}, "/destination_url"),
    ({"destination_url": "javascript:alert(1)"}, "/destination_url"),
    ({"destination_url": "https://a@shop.example"}, "/destination_url"),
    ({"destination_url": "https://shop.example/" + "x" * 2000}, "/destination_url"),
    ({"destination_url": "https://shop.example/\n"}, "/destination_url"),
    ({"code": "ab"}, "/code"),
    ({"code": "x" * 33}, "/code"),
    ({"code": "a/b"}, "/code"),
    ({"code": "ada\n"}, "/code"),
    ({"code": "11234567890"}, "/code"),
    ({"code": 7}, "/code"),
    ({"sub_ids": ["a"] * 6}, "/sub_ids"),
    ({"sub_ids": ["x" * 101]}, "/sub_ids/0"),
    ({"sub_ids": None}, "/sub_ids"),
    ({"campaign_id": "x" * 201}, "/campaign_id"),
    ({"channel": ""}, "/channel"),
    ({"coupon_code": "NOBODYS"}, "/coupon_code"),
    ({"product": {"price": -1}}, "/product/price"),
    ({"product": {"price": 1.5}}, "/product/price"),
    ({"product": {"colour": "red"}}, "/product/colour"),
    ({"product": {"image_url": "javascript:alert(1)"}}, "/product/image_url"),
    ({"expires_at": "2026-01-01T00:00:00Z"}, "/expires_at"),
    ({"expires_at": "2100-01-01T00:00:00"}, "/expires_at"),
    ({"mini_program_path": "https://evil.example"}, "/mini_program_path"),
    ({"mini_program_path": "x" * 1025}, "/mini_program_path"),
    ({"clicks": 5}, "/clicks"),
]


@pytest.mark.parametrize(("wrong", "pointer"), BAD, ids=[f"{n}-{pointer[1:]}" for n, (_, pointer) in enumerate(BAD)])
def test_bad_content_is_refused_where_it_stands(program: TestProgram, wrong: dict[str, Any], pointer: str) -> None:
    join(program.client, "ada")
    answer = program.client.post("/v1/links", body(**wrong))
    assert faults(answer) == [pointer]
    assert codes_in_table(program) == []


def test_all_that_is_wrong_is_told_at_once(program: TestProgram) -> None:
    join(program.client, "ada")
    answer = program.client.post(
        "/v1/links",
        body(destination_url="x://y", coupon_code="NO", expires_at=PAST.isoformat(), mini_program_path="//x"),
    )
    assert set(faults(answer)) == {"/destination_url", "/coupon_code", "/expires_at", "/mini_program_path"}


def test_an_erased_member_gets_no_link(program: TestProgram) -> None:
    (member_id,) = join(program.client, "ada")
    program.client.post("/v1/members/ext:ada/erasure")
    assert faults(program.client.post("/v1/links", body(member_external_id=None, member_id=member_id))) == [
        "/member_id"
    ]


def test_a_member_of_another_program_is_none(program: TestProgram, other_program: TestProgram) -> None:
    (member_id,) = join(other_program.client, "ada")
    assert faults(program.client.post("/v1/links", body())) == ["/member_external_id"]
    assert faults(program.client.post("/v1/links", body(member_external_id=None, member_id=member_id))) == [
        "/member_id"
    ]


def test_a_coupon_code_of_another_program_is_none(program: TestProgram, other_program: TestProgram) -> None:
    join(program.client, "ada")
    seed_coupon(other_program, ["TEA10"])
    assert faults(program.client.post("/v1/links", body(coupon_code="TEA10"))) == ["/coupon_code"]


def chosen(program: TestProgram) -> str:
    """A code that no other test chooses: codes are unique in the whole installation."""
    return f"tea-{program.id.hex[-12:]}"


def test_the_same_content_again_is_the_same_link(program: TestProgram) -> None:
    (member_id,) = join(program.client, "ada")
    seed_coupon(program, ["TEA10"])
    content = EVERYTHING | {"code": chosen(program)}
    first = make(program.client, **content)
    for again in (body(**content), body(**content | {"member_external_id": None, "member_id": member_id})):
        answer = program.client.post("/v1/links", again)
        assert (answer.status_code, answer.json) == (200, first)
    assert codes_in_table(program) == [chosen(program)]


def test_a_repeat_is_answered_when_its_time_is_over(program: TestProgram) -> None:
    join(program.client, "ada")
    content = body(code=chosen(program), expires_at="2050-01-01T00:00:00Z")
    first = program.client.post("/v1/links", content).json
    with frozen_at(FUTURE):
        answer = program.client.post("/v1/links", content)
        assert (answer.status_code, answer.json) == (200, first | {"status": "expired"})


def test_a_changed_and_a_deleted_link_are_known_by_what_they_were_made_from(program: TestProgram) -> None:
    join(program.client, "ada")
    content = body(code=chosen(program))
    link = program.client.post("/v1/links", content).json
    changed = program.client.patch(f"/v1/links/{link['id']}", {"channel": "x"}).json
    assert program.client.post("/v1/links", content).json == changed
    assert program.client.post("/v1/links", content | {"channel": "x"}).status_code == 409
    program.client.delete(f"/v1/links/{link['id']}")
    answer = program.client.post("/v1/links", content)
    assert (answer.status_code, answer.json["id"], answer.json["status"]) == (200, link["id"], "deleted")


@pytest.mark.parametrize(
    "other",
    [{"channel": "x"}, {"destination_url": SHOP + "2"}, {"sub_ids": ["a"]}, {"member_external_id": "bob"}],
    ids=str,
)
def test_a_code_with_other_content_is_taken(program: TestProgram, other: dict[str, Any]) -> None:
    join(program.client, "ada", "bob")
    first = make(program.client, code=chosen(program))
    answer = program.client.post("/v1/links", body(code=chosen(program)) | other)
    assert (answer.status_code, answer.json["code"]) == (409, "already_exists")
    assert program.client.get(f"/v1/links/{first['id']}").json == first


def test_a_code_of_another_program_is_taken_and_nobody_learns_whose(
    program: TestProgram, other_program: TestProgram
) -> None:
    join(program.client, "ada")
    join(other_program.client, "ada")
    make(other_program.client, code=chosen(program))
    make(program.client, code="own-" + chosen(program))
    foreign = program.client.post("/v1/links", body(code=chosen(program)))
    own = program.client.post("/v1/links", body(code="own-" + chosen(program), channel="x"))
    assert foreign.status_code == own.status_code == 409
    assert foreign.json | {"request_id": ""} == own.json | {"request_id": ""}
    assert len(codes_in_table(program)) == 1


def test_codes_of_other_letters_are_other_codes(program: TestProgram) -> None:
    join(program.client, "ada")
    code = chosen(program)
    assert make(program.client, code=code)["id"] != make(program.client, code=code.upper())["id"]


class Maker(NamedTuple):
    """Who made a link."""

    kind: str
    id: UUID


def test_who_made_a_link_is_kept(program: TestProgram) -> None:
    (member_id,) = join(program.client, "ada")
    make(program.client, code="k-" + chosen(program))
    program.staff("operator").post("/v1/links", body(code="s-" + chosen(program)))
    program.member("ext:ada").post("/v1/me/links", {"code": "m-" + chosen(program), "destination_url": SHOP})
    with transaction(program.id, read_only=True):
        makers = fetch_all(
            Maker,
            "SELECT created_by_kind, created_by FROM links WHERE program_id = %(p)s ORDER BY code",
            p=program.id,
        )
    assert [maker.kind for maker in makers] == ["key", "member", "staff"]
    assert public_id("mem", makers[1].id) == member_id


def test_a_repeated_request_with_a_key_makes_one_link(program: TestProgram) -> None:
    join(program.client, "ada")
    first, again = [program.client.post("/v1/links", body(), headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    assert len(codes_in_table(program)) == 1
