"""Staff: sign-in, what ends a sign-in, and the owner who is never the last to go."""

from threading import Event
from time import sleep
from typing import Any
from uuid import uuid4

import pytest

from core.auth import staff
from core.auth.access import Role
from core.auth.errors import LastOwner
from core.db import scalar, transaction
from core.ids import parse_public_id, public_id
from tests.clients import TestProgram, make_program
from tests.threads import together


def _add(program: TestProgram, role: Role) -> tuple[str, str, str]:
    """Id, e-mail and password of somebody new."""
    email = f"{uuid4().hex}@Staff.Example"
    with transaction(program.id):
        staff_id, password = staff.create_staff(program.id, email, role)
    return public_id("stf", staff_id), email, password


def _sign_in(program: TestProgram, email: str, password: str) -> Any:
    return program.anonymous.post("/v1/auth/staff", {"email": email, "password": password})


def test_the_right_password_signs_in_whatever_the_case_of_the_address(program: TestProgram) -> None:
    _, email, password = _add(program, Role.VIEWER)
    answer = _sign_in(program, email.upper(), password)
    assert (answer.status_code, answer.json["expires_in"]) == (200, 12 * 3600)
    assert set(answer.json) == {"access_token", "expires_in"}


@pytest.mark.parametrize("change", ["wrong password", "unknown address", "disabled"])
def test_refusals_are_not_told_apart(program: TestProgram, change: str) -> None:
    owner = program.staff("owner")
    staff_id, email, password = _add(program, Role.VIEWER)
    if change == "disabled":
        assert owner.patch(f"/v1/staff/{staff_id}", {"disabled": True}).json["disabled_at"]
    wrong = _sign_in(
        program,
        f"{uuid4().hex}@staff.example" if change == "unknown address" else email,
        "x" if change == "wrong password" else password,
    )
    assert (wrong.status_code, wrong.json["code"]) == (401, "sign_in_refused")
    assert wrong.json["detail"] == "E-mail or password is wrong"


@pytest.mark.parametrize("change", [{"role": "finance"}, {"disabled": True}, {"password": "a new long password"}])
def test_a_change_of_role_state_or_password_ends_the_sign_in(program: TestProgram, change: dict[str, Any]) -> None:
    owner = program.staff("owner")
    staff_id, email, password = _add(program, Role.VIEWER)
    person = program.client_with(_sign_in(program, email, password).json["access_token"])
    assert owner.patch(f"/v1/staff/{staff_id}", {"name": "Ada"}).json["name"] == "Ada"
    assert person.get("/v1/program").status_code == 200
    assert owner.patch(f"/v1/staff/{staff_id}", change).status_code == 200
    assert person.get("/v1/program").status_code == 401


def _demote(program: TestProgram, whom: str, *, begun: Event | None = None, after: Event | None = None) -> str:
    """One owner made a viewer; `begun` is set while it is done but not committed, `after` is waited for first."""
    target = parse_public_id("stf", whom)
    assert target is not None
    try:
        if after is not None:
            after.wait()
        with transaction(program.id):
            staff.change_staff(program.id, target, {"role": "viewer"})
            if begun is not None:
                begun.set()
                sleep(0.3)
    except LastOwner:
        return "refused"
    return "done"


def test_two_owners_who_remove_each_other_at_once_leave_one(program: TestProgram) -> None:
    """The second begins while the first is done and not committed: it must wait, then see what is left."""
    first, *_ = _add(program, Role.OWNER)
    second, *_ = _add(program, Role.OWNER)
    begun = Event()
    outcome = together(
        program.app, lambda: _demote(program, first, begun=begun), lambda: _demote(program, second, after=begun)
    )
    assert outcome == ["done", "refused"]
    with transaction(program.id):
        assert scalar("SELECT count(*) FROM staff WHERE program_id = %(p)s AND role = 'owner'", p=program.id) == 1


def test_the_last_owner_stays(program: TestProgram) -> None:
    owner = program.staff("owner")
    me = owner.get("/v1/staff").json["data"][0]["id"]
    for change in ({"role": "finance"}, {"disabled": True}):
        answer = owner.patch(f"/v1/staff/{me}", change)
        assert (answer.status_code, answer.json["code"]) == (409, "last_owner")
    assert owner.get("/v1/program").status_code == 200


def test_another_programs_staff_and_keys_are_not_found(program: TestProgram, app: Any) -> None:
    other = make_program(app)
    stranger, *_ = _add(other, Role.VIEWER)
    other_key = other.staff("owner").get("/v1/api-keys").json["data"][0]["id"]
    owner = program.staff("owner")
    assert owner.patch(f"/v1/staff/{stranger}", {"name": "x"}).status_code == 404
    assert owner.delete(f"/v1/api-keys/{other_key}").status_code == 404
    assert other.client.get("/v1/program").status_code == 200


@pytest.mark.parametrize("ref", ["stf_0", "ext:a", "stf_" + "z" * 26, "key_" + "0" * 26, "stf_" + "0" * 26, "%00"])
def test_what_is_no_staff_id_is_not_found(program: TestProgram, ref: str) -> None:
    assert program.staff("owner").patch(f"/v1/staff/{ref}", {"name": "x"}).status_code == 404


def test_an_address_signs_in_to_one_program_only(program: TestProgram) -> None:
    owner = program.staff("owner")
    _, email, _ = _add(program, Role.VIEWER)
    answer = owner.post("/v1/staff", {"email": email.lower(), "role": "viewer"})
    assert (answer.status_code, answer.json["code"]) == (409, "email_taken")


def test_lists_of_staff_and_keys_come_in_pages(program: TestProgram) -> None:
    owner = program.staff("owner")
    for _ in range(4):
        _add(program, Role.VIEWER)
        owner.post("/v1/api-keys", {"name": "one more"})
    for path in ("/v1/staff", "/v1/api-keys"):
        seen, cursor = [], ""
        while cursor is not None:
            page = owner.get(f"{path}?limit=2{cursor}").json
            seen += [one["id"] for one in page["data"]]
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        assert len(seen) == len(set(seen)) == 5
        assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WyJ4Il0", "WzFd", "%FF", "e30", "bnVsbA", "WyJcdTAwMDAiXQ", "WzFlNDAwXQ"]
)
def test_a_cursor_of_somewhere_else_is_422(program: TestProgram, cursor: str) -> None:
    answer = program.staff("owner").get(f"/v1/staff?cursor={cursor}")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/cursor")
