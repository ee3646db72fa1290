"""Who is in a group: joining welcomes once, twice is once, leaving and coming back counts anew."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from community.groups.members import Joining, join
from community.groups.service import find_group, members_in
from core.auth.service import program_of
from core.clock import frozen_at
from core.db import transaction
from core.ids import ExternalRef, parse_public_id
from tests.clients import TestProgram
from tests.community.groups.conftest import Desk, group_uuid
from tests.community.groups.overlapping import overlapping
from tests.threads import together

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def present(desk: Desk, group: dict[str, Any]) -> list[str]:
    shown = desk.shop.get(f"/v1/groups/{group['id']}/members").json
    return [one["member"]["external_id"] for one in shown["data"]]  # type: ignore[index]


def test_anonymous_and_members_are_refused(desk: Desk) -> None:
    group = desk.group()
    desk.member("ada")
    path = f"/v1/groups/{group['id']}/members"
    assert desk.program.anonymous.post(path, {"member_external_id": "ada"}).status_code == 401
    assert desk.program.member("ext:ada").post(path, {"member_external_id": "ada"}).status_code == 403


def test_joining_welcomes_and_is_told(desk: Desk) -> None:
    group = desk.group(welcome="Welcome, {name}!", rules="Be kind.")
    member_id = desk.member("ada", name="Ada Lovelace")
    answer = desk.join(group, "ada")
    assert answer.status_code == 201
    assert (answer.json["member"]["id"], answer.json["told_by"], answer.json["left_at"]) == (member_id, "shop", None)  # type: ignore[index]
    ((key, text),) = desk.messages(group)
    assert text == "Welcome, A∗∗!\n\nBe kind."
    assert key.startswith(f"join:{group_uuid(group)}:{parse_public_id('mem', member_id)}")
    assert desk.events("group.joined") == [
        {"group_id": str(group_uuid(group)), "member_id": str(parse_public_id("mem", member_id))}
    ]
    with transaction(desk.program.id):
        known = parse_public_id("mem", member_id)
        assert known is not None
        assert members_in(desk.program.id, group_uuid(group), [known]) == {known}


def test_joining_twice_is_once(desk: Desk) -> None:
    group = desk.group(rules="Be kind.")
    desk.member("ada")
    first, second = desk.join(group, "ada"), desk.join(group, "ada")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    assert len(desk.messages(group)) == len(desk.events("group.joined")) == 1


def test_joining_at_once_is_once(desk: Desk) -> None:
    group = desk.group(rules="Be kind.")
    desk.member("ada")
    answers = together(desk.program.app, *[lambda: desk.program.client_with(desk.program.api_key).post(
        f"/v1/groups/{group['id']}/members", {"member_external_id": "ada"}
    )] * 6)  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len(desk.messages(group)) == len(desk.events("group.joined")) == 1
    assert present(desk, group) == ["ada"]


def test_joining_while_another_call_says_the_same_is_once(desk: Desk) -> None:
    group = desk.group(rules="Be kind.")
    desk.member("ada")
    program_id = desk.program.id

    def join_now() -> bool:
        program, found = program_of(program_id), find_group(program_id, group_uuid(group))
        return join(program, found, [Joining(ExternalRef("ada"))])[0].created

    assert overlapping(desk.program.app, program_id, join_now, join_now) == (True, False)
    assert len(desk.messages(group)) == len(desk.events("group.joined")) == 1


def test_leaving_and_coming_back_counts_anew_and_welcomes_once_a_day(desk: Desk) -> None:
    group = desk.group(rules="Be kind.")
    desk.member("ada")
    path = f"/v1/groups/{group['id']}/members/ext:ada"
    for hours, welcomes in ((0, 1), (1, 1), (24, 2)):
        with frozen_at(NOON + timedelta(hours=hours)):
            assert desk.join(group, "ada").status_code == 201
            assert len(desk.messages(group)) == welcomes
            assert [desk.shop.delete(path).status_code for _ in range(2)] == [204, 204]
    assert len(desk.events("group.joined")) == 3
    assert present(desk, group) == []
    stays: Any = desk.shop.get(f"/v1/groups/{group['id']}/members?left=true").json
    assert [one["member"]["external_id"] for one in stays["data"]] == ["ada"] * 3


def test_a_group_without_words_says_nothing(desk: Desk) -> None:
    group = desk.group()
    desk.member("ada")
    desk.join(group, "ada")
    assert desk.messages(group) == []
    assert len(desk.events("group.joined")) == 1


def test_a_name_cannot_do_anything_in_a_welcome(desk: Desk) -> None:
    group = desk.group(welcome="Welcome, {name}!")
    desk.member("eve", name="@all<a href='https://evil.example'>")
    desk.join(group, "eve")
    ((_, text),) = desk.messages(group)
    assert text == "Welcome, ＠∗∗!"


@pytest.mark.parametrize(
    ("names", "text"),
    [("hidden", "Welcome, friend!"), ("masked", "Welcome, A∗∗!"), ("full", "Welcome, Ada Lovelace!")],
)
def test_a_welcome_names_a_member_as_he_chose(desk: Desk, names: str, text: str) -> None:
    group = desk.group(welcome="Welcome, {name}!")
    desk.member("ada", name="Ada Lovelace")
    assert desk.program.member("ext:ada").put("/v1/me/privacy", {"names": names}).status_code == 200
    desk.join(group, "ada")
    assert [text for _, text in desk.messages(group)] == [text]


def test_who_hides_his_name_is_nameless_at_the_head_of_a_batch(desk: Desk) -> None:
    group = desk.group(welcome="Welcome, {name}!", language="zh")
    for external_id in ("ada", "bob"):
        desk.member(external_id)
        desk.program.member(f"ext:{external_id}").put("/v1/me/privacy", {"names": "hidden"})
    body = {"members": [{"member_external_id": "ada"}, {"member_external_id": "bob"}]}
    assert desk.shop.post(f"/v1/groups/{group['id']}/members/batch", body).status_code == 200
    assert [text for _, text in desk.messages(group)] == ["Welcome, 新朋友 等 1 人!"]


def test_a_batch_is_welcomed_once_and_one_bad_item_harms_nobody(desk: Desk) -> None:
    group = desk.group(welcome="Hello {name}")
    ids = [desk.member(name, name=name.title()) for name in ("ada", "bob", "cy")]
    desk.join(group, "cy")
    body = {"members": [
        {"member_external_id": "ada"}, {"member_id": ids[1]}, {"member_external_id": "nobody"}, {"member_id": "x"},
        {"member_external_id": "ada"}, {"member_external_id": "cy"},
    ]}  # fmt: skip
    results: Any = desk.shop.post(f"/v1/groups/{group['id']}/members/batch", body).json
    assert [one["status"] for one in results["results"]] == ["created", "created", "error", "error", "exists", "exists"]
    assert [one["id"] for one in results["results"]] == [ids[0], ids[1], None, None, ids[0], ids[2]]
    assert results["results"][2]["error"]["errors"][0]["pointer"] == "/member_external_id"
    assert [text for _, text in desk.messages(group)] == ["Hello C∗∗", "Hello A∗∗ and 1 more"]
    assert len(desk.events("group.joined")) == 3
    assert present(desk, group) == ["bob", "ada", "cy"]


def test_a_thousand_join_in_a_few_statements(desk: Desk) -> None:
    group = desk.group(rules="Be kind.")
    members = [{"external_id": f"m{number}"} for number in range(1000)]
    assert desk.shop.post("/v1/members/batch", {"members": members}).status_code == 200
    body = {"members": [{"member_external_id": one["external_id"]} for one in members]}
    results: Any = desk.shop.post(f"/v1/groups/{group['id']}/members/batch", body).json
    assert {one["status"] for one in results["results"]} == {"created"}
    assert len(desk.messages(group)) == 1
    too_many = {"members": [*body["members"], {"member_external_id": "one more"}]}
    assert desk.shop.post(f"/v1/groups/{group['id']}/members/batch", too_many).status_code == 422


def test_a_chat_user_belongs_to_one_member(desk: Desk) -> None:
    group = desk.group()
    desk.member("ada")
    desk.member("bob")
    assert desk.join(group, "ada", chat_user="77").status_code == 201
    assert desk.join(group, "ada", chat_user="77").status_code == 200
    answer = desk.join(group, "bob", chat_user="77")
    assert (answer.status_code, answer.json["code"]) == (409, "identity_taken")  # type: ignore[index]
    assert present(desk, group) == ["ada"]


def test_of_two_who_claim_a_chat_user_in_one_batch_the_first_has_it(desk: Desk) -> None:
    group = desk.group()
    for name in ("ada", "bob"):
        desk.member(name)
    items = [{"member_external_id": name, "chat_user": "77"} for name in ("ada", "bob")]
    results: Any = desk.shop.post(f"/v1/groups/{group['id']}/members/batch", {"members": items}).json
    assert [one["status"] for one in results["results"]] == ["created", "error"]
    assert results["results"][1]["error"]["code"] == "identity_taken"
    assert present(desk, group) == ["ada"]


def test_who_is_unknown_or_erased_cannot_join(desk: Desk) -> None:
    group = desk.group()
    desk.member("ada")
    desk.shop.post("/v1/members/ext:ada/erasure")
    assert desk.join(group, "ada").status_code == 422
    assert desk.join(group, "nobody").status_code == 422
    desk.operator.delete(f"/v1/groups/{group['id']}")
    desk.member("bob")
    assert (desk.join(group, "bob").status_code) == 409


def test_another_programs_member_cannot_join(desk: Desk, other_program: TestProgram) -> None:
    group = desk.group()
    stranger: Any = other_program.client.post("/v1/members", {"external_id": "x"}).json
    answer = desk.shop.post(f"/v1/groups/{group['id']}/members", {"member_id": stranger["id"]})
    assert answer.status_code == 422


def test_erasure_takes_a_member_out_of_his_groups(desk: Desk) -> None:
    group = desk.group()
    desk.member("ada")
    desk.join(group, "ada", chat_user="77")
    assert desk.shop.post("/v1/members/ext:ada/erasure").status_code in {200, 204}
    assert present(desk, group) == []
    desk.member("bob")
    assert desk.join(group, "bob", chat_user="77").status_code == 201  # the name is free again


def test_an_ended_group_has_nobody(desk: Desk) -> None:
    group = desk.group()
    desk.member("ada")
    desk.join(group, "ada")
    desk.operator.delete(f"/v1/groups/{group['id']}")
    assert present(desk, group) == []


def test_a_member_sees_his_groups_and_no_others(desk: Desk) -> None:
    owner = desk.member("ada")
    desk.member("bob")
    mine = desk.group(owner_member_id=owner, rules="Be kind.")
    desk.group(name="Coffee")
    desk.join(mine, "ada")
    shown: Any = desk.program.member("ext:ada").get("/v1/me/groups").json
    (one,) = shown["data"]
    assert (one["id"], one["rules"], one["is_owner"]) == (mine["id"], "Be kind.", True)
    assert "target" not in one
    assert desk.program.member("ext:bob").get("/v1/me/groups").json["data"] == []  # type: ignore[index]
    desk.shop.delete(f"/v1/groups/{mine['id']}/members/ext:ada")
    assert desk.program.member("ext:ada").get("/v1/me/groups").json["data"] == []  # type: ignore[index]


def test_the_shops_own_id_may_have_slashes(desk: Desk) -> None:
    group = desk.group()
    desk.member("a/b")
    desk.join(group, "a/b")
    assert desk.shop.delete(f"/v1/groups/{group['id']}/members/ext:a%2Fb").status_code == 204
    assert present(desk, group) == []


def test_members_are_paged(desk: Desk) -> None:
    group = desk.group()
    for name in ("ada", "bob", "cy"):
        desk.member(name)
        desk.join(group, name)
    path = f"/v1/groups/{group['id']}/members?limit=2"
    first: Any = desk.shop.get(path).json
    second: Any = desk.shop.get(f"{path}&cursor={first['next_cursor']}").json
    assert [one["member"]["external_id"] for one in first["data"] + second["data"]] == ["cy", "bob", "ada"]
