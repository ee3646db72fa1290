"""Who may do what with links: nobody without a credential, everybody by his role, and nobody in another program."""

from typing import Any

import pytest

from core.auth import keys
from core.db import transaction
from tests.clients import ApiClient, TestProgram
from tests.coupons.links.links import body, join, make

CALLS: list[tuple[str, str, Any]] = [
    ("POST", "", body()),
    ("POST", "/batch", {"links": [body()]}),
    ("GET", "", None),
    ("GET", "/resolve?code={code}", None),
    ("GET", "/{id}", None),
    ("GET", "/{id}/share-text", None),
    ("PATCH", "/{id}", {"channel": "x"}),
    ("DELETE", "/{id}", None),
]
READS = {"", "/{id}", "/{id}/share-text"}


def called(client: ApiClient, link: dict[str, Any], call: tuple[str, str, Any]) -> int:
    method, path, sent = call
    return client.call(method, "/v1/links" + path.format(**link), sent).status_code


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]}{call[1]}")
def test_anonymous_is_refused(program: TestProgram, call: tuple[str, str, Any]) -> None:
    join(program.client, "ada")
    link = make(program.client)
    assert called(program.anonymous, link, call) == 401
    assert program.client.get(f"/v1/links/{link['id']}").json == link


@pytest.mark.parametrize("call", [call for call in CALLS if "{" in call[1]], ids=lambda call: f"{call[0]}{call[1]}")
def test_another_programs_link_is_not_there(
    program: TestProgram, other_program: TestProgram, call: tuple[str, str, Any]
) -> None:
    join(program.client, "ada")
    link = make(program.client)
    assert called(other_program.client, link, call) == 404
    assert called(other_program.client, link | {"id": f"ext:{link['code']}"}, call) == 404
    assert program.client.get(f"/v1/links/{link['id']}").json == link


@pytest.mark.parametrize(
    ("role", "writes"), [("viewer", False), ("finance", False), ("operator", True), ("owner", True)]
)
def test_staff_by_their_role(program: TestProgram, role: str, *, writes: bool) -> None:
    join(program.client, "ada")
    staff = program.staff(role)
    for call in CALLS:
        status = called(staff, make(program.client), call)
        reading = call[0] == "GET"
        assert (status < 300) == (reading or writes), (call, status)
        assert status < 300 or status == 403


def test_a_member_may_not_call_what_is_not_his_own(program: TestProgram) -> None:
    join(program.client, "ada")
    link, member = make(program.client), program.member("ext:ada")
    assert {called(member, link, call) for call in CALLS} == {403}


def test_a_publishable_key_may_resolve_and_nothing_else(program: TestProgram) -> None:
    join(program.client, "ada")
    link = make(program.client)
    visitor = program.client_with(publishable_key(program))
    assert [called(visitor, link, call) for call in CALLS] == [403, 403, 403, 200, 403, 403, 403, 403]


def publishable_key(program: TestProgram) -> str:
    with transaction(program.id):
        _, key = keys.create_key(program.id, name="page", kind="publishable")
    return key


def test_what_staff_did_is_in_the_audit(program: TestProgram) -> None:
    join(program.client, "ada")
    link = program.staff("operator").post("/v1/links", body()).json
    program.staff("operator").patch(f"/v1/links/{link['id']}", {"channel": "x"})
    program.staff("operator").delete(f"/v1/links/{link['id']}")
    events = program.staff("owner").get("/v1/audit-events").json["data"]
    assert [(event["action"], event["target"]) for event in events if event["action"].startswith("links.")] == [
        ("links.delete_link", link["id"]), ("links.change_link", link["id"]), ("links.create_link", link["id"]),
    ]  # fmt: skip
