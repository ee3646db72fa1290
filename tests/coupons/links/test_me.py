"""A member and his own links: the same service, and nobody else's."""

from typing import Any

import pytest

from tests.clients import TestProgram
from tests.coupons.links.links import SHOP, announced, body, codes_in_table, faults, join, make, seed_coupon

MINE: dict[str, Any] = {"destination_url": SHOP}


def test_anonymous_and_the_shops_key_are_refused(program: TestProgram) -> None:
    for client, status in ((program.anonymous, 401), (program.client, 403), (program.staff("owner"), 403)):
        answers = [
            client.get("/v1/me/links"), client.post("/v1/me/links", MINE), client.get("/v1/me/links/ext:x"),
            client.patch("/v1/me/links/ext:x", {}), client.delete("/v1/me/links/ext:x"),
            client.get("/v1/me/links/ext:x/share-text"),
        ]  # fmt: skip
        assert {answer.status_code for answer in answers} == {status}


def test_a_member_makes_a_link_for_himself(program: TestProgram) -> None:
    (member_id,) = join(program.client, "ada")
    member = program.member("ext:ada")
    answer = member.post("/v1/me/links", MINE | {"channel": "wechat", "sub_ids": ["a"]})
    assert (answer.status_code, answer.json["member_id"]) == (201, member_id)
    assert program.client.get(f"/v1/links/{answer.json['id']}").json == answer.json
    assert member.get(f"/v1/me/links/{answer.json['id']}").json == answer.json
    assert member.get("/v1/me/links").json["data"] == [answer.json]


@pytest.mark.parametrize("field", ["member_id", "member_external_id"])
def test_a_member_may_not_name_a_member(program: TestProgram, field: str) -> None:
    (ada, bob) = join(program.client, "ada", "bob")
    for name in ({"member_id": [ada, bob], "member_external_id": ["ada", "bob"]})[field]:
        assert faults(program.member("ext:ada").post("/v1/me/links", MINE | {field: name})) == [f"/{field}"]
    assert codes_in_table(program) == []


def test_the_same_rules_hold(program: TestProgram) -> None:
    join(program.client, "ada", "bob")
    program.staff("owner").patch("/v1/program", {"link_hosts": ["shop.example"]})
    member, code = program.member("ext:ada"), f"tea-{program.id.hex[-12:]}"
    assert faults(member.post("/v1/me/links", {"destination_url": "https://evil.example"})) == ["/destination_url"]
    assert faults(member.post("/v1/me/links", MINE | {"coupon_code": "NO"})) == ["/coupon_code"]
    assert faults(member.post("/v1/me/links", {})) == ["/destination_url"]
    first = member.post("/v1/me/links", MINE | {"code": code})
    again = member.post("/v1/me/links", MINE | {"code": code})
    assert (first.status_code, again.status_code, again.json) == (201, 200, first.json)
    # the shop's call with the same content is the same content
    assert program.client.post("/v1/links", body(code=code)).json == first.json
    taken = program.member("ext:bob").post("/v1/me/links", MINE | {"code": code})
    assert (taken.status_code, taken.json["code"]) == (409, "already_exists")


def test_a_member_changes_and_deletes_his_own(program: TestProgram) -> None:
    join(program.client, "ada")
    link, member = make(program.client), program.member("ext:ada")
    path = f"/v1/me/links/{link['id']}"
    changed = member.patch(path, {"channel": "x"})
    assert (changed.status_code, changed.json["channel"]) == (200, "x")
    assert faults(member.patch(path, {"destination_url": "//x"})) == ["/destination_url"]
    assert [member.delete(path).status_code for _ in range(2)] == [204, 204]
    assert member.patch(path, {"channel": "y"}).json["code"] == "link_deleted"
    assert member.get(path).json["status"] == "deleted"
    assert announced(link["code"]) == 2


def test_another_members_link_is_not_there(program: TestProgram) -> None:
    join(program.client, "ada", "bob")
    link, bob = make(program.client), program.member("ext:bob")
    for ref in (link["id"], f"ext:{link['code']}"):
        path = f"/v1/me/links/{ref}"
        answers = [
            bob.get(path),
            bob.patch(path, {"channel": "x"}),
            bob.delete(path),
            bob.get(f"{path}/share-text"),
        ]
        assert {answer.status_code for answer in answers} == {404}
    assert bob.get("/v1/me/links").json["data"] == []
    assert bob.get(f"/v1/me/links?code={link['code']}").json["data"] == []
    assert program.client.get(f"/v1/links/{link['id']}").json == link


def test_my_links_by_filters_and_in_pages(program: TestProgram) -> None:
    join(program.client, "ada", "bob")
    member = program.member("ext:ada")
    for number in range(3):
        make(program.client, channel=f"{number}", campaign_id="spring" if number else None)
        make(program.client, member_external_id="bob")
    assert [link["channel"] for link in member.get("/v1/me/links").json["data"]] == ["2", "1", "0"]
    assert len(member.get("/v1/me/links?campaign_id=spring&status=active").json["data"]) == 2
    assert faults(member.get("/v1/me/links?member_id=ext:bob")) == ["/member_id"]
    first = member.get("/v1/me/links?limit=2").json
    second = member.get(f"/v1/me/links?limit=2&cursor={first['next_cursor']}").json
    assert [link["channel"] for link in first["data"] + second["data"]] == ["2", "1", "0"]
    assert second["next_cursor"] is None


def test_a_member_shares_his_link(program: TestProgram) -> None:
    join(program.client, "ada", name="Ada")
    seed_coupon(program, ["TEA10"])
    link = make(program.client, coupon_code="TEA10")
    answer = program.member("ext:ada").get(f"/v1/me/links/{link['id']}/share-text?language=en")
    assert answer.json == program.client.get(f"/v1/links/{link['id']}/share-text?language=en").json
    assert "TEA10" in answer.json["text"]
    assert link["short_url"] in answer.json["text"]
