"""Links changed, ended and deleted; everybody who holds a copy is told."""

from typing import Any

import pytest

from core.clock import frozen_at
from tests.clients import TestProgram
from tests.coupons.links.links import FUTURE, SHOP, announced, body, faults, join, make, seed_coupon

CHANGES: list[dict[str, Any]] = [
    {"destination_url": SHOP + "&b=2"}, {"mini_program_path": "pages/b"}, {"campaign_id": "b"}, {"group_id": "b"},
    {"content_id": "b"}, {"session_id": "b"}, {"channel": "b"}, {"sub_ids": ["x", "y"]}, {"coupon_code": "BBB"},
    {"product": {"sku": "b", "title": None, "image_url": None, "price": 7}}, {"expires_at": "2099-01-01T00:00:00Z"},
]  # fmt: skip
FULL: dict[str, Any] = {
    "mini_program_path": "pages/a", "campaign_id": "a", "group_id": "a", "content_id": "a", "session_id": "a",
    "channel": "a", "sub_ids": ["a"], "coupon_code": "AAA", "product": {"sku": "a"},
    "expires_at": "2090-01-01T00:00:00Z",
}  # fmt: skip


def set_hosts(program: TestProgram, *hosts: str) -> None:
    answer = program.staff("owner").patch("/v1/program", {"link_hosts": list(hosts)})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_a_change_changes_what_it_names(program: TestProgram, change: dict[str, Any]) -> None:
    join(program.client, "ada")
    seed_coupon(program, ["AAA", "BBB"])
    link = make(program.client, **FULL)
    answer = program.client.patch(f"/v1/links/{link['id']}", change)
    assert answer.status_code == 200, answer.text
    assert answer.json == link | change | {"updated_at": answer.json["updated_at"]}
    assert answer.json["updated_at"] > link["updated_at"]
    assert program.client.get(f"/v1/links/{link['id']}").json == answer.json
    assert announced(link["code"]) == 1


@pytest.mark.parametrize("name", [name for name in FULL if name != "sub_ids"])
def test_null_takes_away(program: TestProgram, name: str) -> None:
    join(program.client, "ada")
    seed_coupon(program, ["AAA"])
    link = make(program.client, **FULL)
    answer = program.client.patch(f"/v1/links/{link['id']}", {name: None})
    assert answer.json == link | {name: None, "updated_at": answer.json["updated_at"]}


def test_nothing_changes_nothing(program: TestProgram) -> None:
    join(program.client, "ada")
    link = make(program.client)
    assert program.client.patch(f"/v1/links/{link['id']}", {}).json == link
    assert announced(link["code"]) == 0


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"code": "new-code"}, "/code"),
    ({"member_id": "mem_" + "0" * 26}, "/member_id"),
    ({"member_external_id": "ada"}, "/member_external_id"),
    ({"status": "active"}, "/status"),
    ({"destination_url": None}, "/destination_url"),
    ({"destination_url": "//evil.example"}, "/destination_url"),
    ({"destination_url": "https://evil.example/"}, "/destination_url"),
    ({"mini_program_path": "https://evil.example"}, "/mini_program_path"),
    ({"coupon_code": "NOBODYS"}, "/coupon_code"),
    ({"sub_ids": ["a"] * 6}, "/sub_ids"),
    ({"sub_ids": None}, "/sub_ids"),
    ({"product": {"price": "7"}}, "/product/price"),
]


@pytest.mark.parametrize(("change", "pointer"), WRONG, ids=[f"{n}-{p[1:]}" for n, (_, p) in enumerate(WRONG)])
def test_what_may_not_be_is_refused(program: TestProgram, change: dict[str, Any], pointer: str) -> None:
    join(program.client, "ada")
    set_hosts(program, "shop.example")
    link = make(program.client)
    assert faults(program.client.patch(f"/v1/links/{link['id']}", {"channel": "x"} | change)) == [pointer]
    assert program.client.get(f"/v1/links/{link['id']}").json == link
    assert announced(link["code"]) == 0


def test_an_instant_that_has_passed_ends_the_link_now(program: TestProgram) -> None:
    join(program.client, "ada")
    link = make(program.client)
    answer = program.client.patch(f"/v1/links/{link['id']}", {"expires_at": "2026-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json["status"]) == (200, "expired")
    assert program.client.get(f"/v1/links/resolve?code={link['code']}").status_code == 410
    again = program.client.patch(f"/v1/links/{link['id']}", {"expires_at": None})  # and it may live again
    assert (again.status_code, again.json["status"]) == (200, "active")
    assert announced(link["code"]) == 2


def test_a_link_expires_by_itself(program: TestProgram) -> None:
    join(program.client, "ada")
    link = make(program.client, expires_at=FUTURE.isoformat())
    assert link["status"] == "active"
    with frozen_at(FUTURE):
        assert program.client.get(f"/v1/links/{link['id']}").json["status"] == "expired"


def test_a_deleted_link_stays_readable_and_cannot_be_changed(program: TestProgram) -> None:
    join(program.client, "ada")
    link = make(program.client)
    path = f"/v1/links/{link['id']}"
    answers = [program.client.delete(path) for _ in range(2)]
    assert [(answer.status_code, answer.data) for answer in answers] == [(204, b"")] * 2
    assert announced(link["code"]) == 1
    shown = program.client.get(path).json
    assert shown == link | {"status": "deleted", "updated_at": shown["updated_at"]}
    for change in ({"channel": "x"}, {"expires_at": None}, {}):
        answer = program.client.patch(path, change)
        assert (answer.status_code, answer.json["code"]) == (409, "link_deleted")
    assert program.client.get(path).json == shown


def test_a_deleted_code_is_never_given_again(program: TestProgram, other_program: TestProgram) -> None:
    join(program.client, "ada")
    join(other_program.client, "ada")
    code = f"tea-{program.id.hex[-12:]}"
    link = make(program.client, code=code)
    program.client.delete(f"/v1/links/{link['id']}")
    for client in (program.client, other_program.client):
        answer = client.post("/v1/links", body(code=code, channel="other"))
        assert (answer.status_code, answer.json["code"]) == (409, "already_exists")


def test_a_link_made_before_the_hosts_were_narrowed_keeps_working(program: TestProgram) -> None:
    join(program.client, "ada")
    link = make(program.client)
    set_hosts(program, "other.example")
    assert program.client.get(f"/v1/links/resolve?code={link['code']}").json["destination"] == SHOP
    assert program.client.patch(f"/v1/links/{link['id']}", {"channel": "x"}).status_code == 200
    assert faults(program.client.patch(f"/v1/links/{link['id']}", {"destination_url": SHOP})) == ["/destination_url"]
    assert faults(program.client.post("/v1/links", body())) == ["/destination_url"]


def test_hosts_allow_by_the_settings_of_the_moment(program: TestProgram) -> None:
    join(program.client, "ada")
    set_hosts(program, "*.例子.公司", "Shop.Example", "myapp://")
    for url in ("https://www.例子.公司/", "https://a.xn--fsqu00a.xn--55qx5d", "https://shop.example/x", "myapp://tea"):
        assert make(program.client, destination_url=url)["destination_url"] == url
    for url in ("https://例子.公司/", "https://www.shop.example/", "yourapp://tea"):
        assert faults(program.client.post("/v1/links", body(destination_url=url))) == ["/destination_url"]
