"""Registering one member: what is kept, what is refused, and what the same request does twice."""

from typing import Any

import pytest

from core.db import scalar, transaction
from tests.clients import TestProgram, make_program
from tests.referral.growing import join
from tests.threads import together

FULL: dict[str, Any] = {
    "external_id": "c-1", "name": "Chen", "grade": "gold", "phone": "+44 20 7946 0958",
    "avatar_url": "https://img.example/c.png", "joined_at": "2025-01-02T03:04:05+08:00",
    "identities": [{"kind": "openid", "value": "o-1"}], "attributes": {"city": "Leeds", "tags": ["a"]},
}  # fmt: skip


def test_a_member_is_shown_as_registered(program: TestProgram) -> None:
    answer = program.client.post("/v1/members", FULL)
    assert answer.status_code == 201
    shown = answer.json
    assert shown["id"].startswith("mem_")
    assert (shown["external_id"], shown["name"], shown["grade"], shown["status"]) == ("c-1", "Chen", "gold", "active")
    assert (shown["inviter_id"], shown["binding"], shown["depth"]) == (None, None, 0)
    assert shown["joined_at"] == "2025-01-01T19:04:05Z"
    assert shown["phone"] == "********0958"
    assert shown["attributes"] == {"city": "Leeds", "tags": ["a"]}
    assert len(shown["invite_code"]) == 8
    assert program.client.get("/v1/members/ext:c-1").json == shown
    assert program.client.get(f"/v1/members/{shown['id']}").json == shown


def test_what_is_left_out_has_defaults(program: TestProgram) -> None:
    shown = join(program.client, "plain")
    assert (shown["name"], shown["grade"], shown["enrolment"], shown["attributes"]) == (None, "standard", "none", {})


def test_phone_and_identities_are_not_readable_in_the_database(program: TestProgram) -> None:
    program.client.post("/v1/members", FULL)
    with transaction(program.id, read_only=True):
        rows = scalar("SELECT string_agg(m::text, ' ') FROM members m WHERE program_id = %(p)s", p=program.id)
        rows += scalar(
            "SELECT string_agg(i::text, ' ') FROM member_identities i WHERE program_id = %(p)s", p=program.id
        )
    assert "7946" not in rows
    assert "o-1" not in rows


@pytest.mark.parametrize("field", ["inviter_external_id", "inviter_id", "invite_code"])
def test_an_inviter_is_named_in_three_ways(program: TestProgram, field: str) -> None:
    inviter = join(program.client, "a")
    names = {"inviter_external_id": "a", "inviter_id": inviter["id"], "invite_code": inviter["invite_code"].lower()}
    made = program.client.post("/v1/members", {"external_id": "b", field: names[field]})
    assert made.status_code == 201
    assert made.json["inviter_id"] == inviter["id"]
    assert made.json["depth"] == 1
    assert made.json["binding"]["source"] == ("invite_code" if field == "invite_code" else "registration")
    assert made.json["binding"]["expires_at"] is None


def test_the_same_content_again_is_the_stored_member(program: TestProgram) -> None:
    inviter = join(program.client, "a")
    first = program.client.post("/v1/members", FULL | {"inviter_external_id": "a"})
    again = program.client.post("/v1/members", FULL | {"inviter_id": inviter["id"], "phone": "0044 20 7946 0958"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json == first.json


def test_defaults_said_or_left_out_are_the_same_content(program: TestProgram) -> None:
    join(program.client, "b")
    said = {"external_id": "b", "name": None, "grade": "standard", "identities": [], "attributes": {}}
    assert program.client.post("/v1/members", said).status_code == 200


@pytest.mark.parametrize(
    "change",
    [{"name": "Other"}, {"grade": "silver"}, {"phone": "+44 20 7946 0959"}, {"attributes": {}}, {"identities": []},
     {"inviter_external_id": "a"}, {"joined_at": "2025-01-02T03:04:06+08:00"}],
)  # fmt: skip
def test_other_content_is_a_conflict(program: TestProgram, change: dict[str, Any]) -> None:
    join(program.client, "a")
    program.client.post("/v1/members", FULL)
    answer = program.client.post("/v1/members", FULL | change)
    assert (answer.status_code, answer.json["code"]) == (409, "already_exists")


def test_a_later_change_does_not_make_the_first_request_another(program: TestProgram) -> None:
    program.client.post("/v1/members", FULL)
    program.client.patch("/v1/members/ext:c-1", {"name": "Changed"})
    again = program.client.post("/v1/members", FULL)
    assert (again.status_code, again.json["name"]) == (200, "Changed")


@pytest.mark.parametrize(
    ("field", "value"),
    [("inviter_external_id", "nobody"), ("inviter_id", "mem_" + "0" * 26), ("inviter_id", "mem_x"),
     ("invite_code", "NOBODY00")],
)  # fmt: skip
def test_an_unknown_inviter_is_named(program: TestProgram, field: str, value: str) -> None:
    answer = program.client.post("/v1/members", {"external_id": "b", field: value})
    assert (answer.status_code, answer.json["code"]) == (422, "inviter_not_found")
    assert [error["pointer"] for error in answer.json["errors"]] == [f"/{field}"]
    assert program.client.get("/v1/members/ext:b").status_code == 404


def test_an_inviter_of_another_program_is_unknown(program: TestProgram) -> None:
    stranger = join(make_program(program.app).client, "a")
    answer = program.client.post("/v1/members", {"external_id": "b", "inviter_id": stranger["id"]})
    assert (answer.status_code, answer.json["code"]) == (422, "inviter_not_found")
    by_code = program.client.post("/v1/members", {"external_id": "b", "invite_code": stranger["invite_code"]})
    assert by_code.json["code"] == "inviter_not_found"


def test_nobody_invites_himself(program: TestProgram) -> None:
    answer = program.client.post("/v1/members", {"external_id": "b", "inviter_external_id": "b"})
    assert (answer.status_code, answer.json["code"]) == (409, "referral_cycle")


@pytest.mark.parametrize(
    ("field", "value"),
    [("external_id", ""), ("external_id", "x" * 201), ("external_id", "a\u0000b"), ("external_id", 7), ("name", ""),
     ("name", 5), ("joined_at", "2025-01-02T03:04:05"), ("joined_at", "soon"), ("phone", "call me"), ("grade", None),
     ("avatar_url", "javascript:alert(1)"), ("attributes", []), ("identities", [{"kind": "openid"}]),
     ("link_code", "l"), ("click_id", "c"), ("status", "active")],
)  # fmt: skip
def test_bad_content_is_pointed_at(program: TestProgram, field: str, value: Any) -> None:
    answer = program.client.post("/v1/members", {"external_id": "b"} | {field: value})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"].startswith(f"/{field}")


def test_an_inviter_may_be_named_once_only(program: TestProgram) -> None:
    inviter = join(program.client, "a")
    body = {"external_id": "b", "inviter_external_id": "a", "inviter_id": inviter["id"]}
    answer = program.client.post("/v1/members", body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == ["/inviter_id"]


def test_an_identity_belongs_to_one_member(program: TestProgram) -> None:
    program.client.post("/v1/members", FULL)
    other = {"external_id": "d", "identities": FULL["identities"]}
    answer = program.client.post("/v1/members", other)
    assert (answer.status_code, answer.json["code"]) == (409, "identity_taken")
    assert program.client.get("/v1/members/ext:d").status_code == 404
    assert (
        program.client.post("/v1/members", other | {"identities": [{"kind": "unionid", "value": "o-1"}]}).status_code
        == 201
    )
    assert make_program(program.app).client.post("/v1/members", other).status_code == 201


def test_one_member_registered_many_times_at_once_exists_once(program: TestProgram) -> None:
    join(program.client, "a")
    body = {"external_id": "b", "inviter_external_id": "a", "identities": [{"kind": "openid", "value": "x"}]}
    answers = together(program.app, *[lambda: program.client.post("/v1/members", body)] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json["id"] for answer in answers}) == 1
    history = program.client.get("/v1/members/ext:b/inviter-history").json["data"]
    assert len(history) == 1


def test_one_identity_claimed_by_many_at_once_is_given_once(program: TestProgram) -> None:
    def claim(number: int) -> int:
        body = {"external_id": f"b-{number}", "identities": [{"kind": "openid", "value": "x"}]}
        return program.client.post("/v1/members", body).status_code

    statuses = together(program.app, *[lambda number=number: claim(number) for number in range(8)])
    assert sorted(statuses) == [201] + [409] * 7
