"""Who gets in: keys, staff sign-in, roles, and what ends a credential."""

from uuid import uuid4

from core.auth import keys
from core.db import transaction
from tests.clients import ApiClient, TestProgram


def test_without_a_credential_nothing_is_shown(program: TestProgram) -> None:
    answer = program.anonymous.get("/v1/program")
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_reads_its_program(program: TestProgram) -> None:
    answer = program.client.get("/v1/program")
    assert answer.status_code == 200
    assert answer.json["currency"] == "GBP"


def test_a_revoked_key_ends_at_the_next_request(program: TestProgram) -> None:
    with transaction(program.id):
        key_id, key = keys.create_key(program.id, name="second")
    client = ApiClient(program.app, key)
    assert client.get("/v1/program").status_code == 200
    with transaction(program.id):
        keys.revoke_key(program.id, key_id)
    assert client.get("/v1/program").status_code == 401


def test_an_owner_changes_settings_and_a_viewer_does_not(program: TestProgram) -> None:
    refused = program.staff("viewer").patch("/v1/program", {"hold_days": 3})
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    changed = program.staff("owner").patch("/v1/program", {"hold_days": 3, "binding": {"protected_days": 5}})
    assert (changed.status_code, changed.json["hold_days"]) == (200, 3)
    assert program.client.get("/v1/program").json["binding"] == {
        "mode": "permanent",
        "expires_after_days": None,
        "protected_days": 5,
        "bind_on_order": False,
    }


def test_faults_carry_pointers_and_nothing_is_written(program: TestProgram) -> None:
    owner = program.staff("owner")
    answer = owner.patch("/v1/program", {"hold_days": -1, "binding": {"mode": "never"}, "colour": "red"})
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json["errors"]} == {"/hold_days", "/binding/mode", "/colour"}
    assert program.client.get("/v1/program").json["hold_days"] == 7


def test_changing_a_role_ends_the_tokens(program: TestProgram) -> None:
    owner = program.staff("owner")
    email = f"{uuid4().hex}@staff.example"
    made = owner.post("/v1/staff", {"email": email, "role": "finance"})
    assert made.status_code == 201
    token = program.anonymous.post("/v1/auth/staff", {"email": email, "password": made.json["password"]}).json
    person = ApiClient(program.app, token["access_token"])
    assert person.get("/v1/program").status_code == 200
    assert owner.patch(f"/v1/staff/{made.json['id']}", {"role": "viewer"}).status_code == 200
    assert person.get("/v1/program").status_code == 401


def test_staff_actions_are_audited(program: TestProgram) -> None:
    owner = program.staff("owner")
    owner.patch("/v1/program", {"hold_days": 9})
    events = owner.get("/v1/audit-events").json["data"]
    assert [event["action"] for event in events] == ["programs.change_program"]
    assert program.staff("finance").get("/v1/audit-events").status_code == 403


def test_an_idempotency_key_gives_the_first_answer_again(program: TestProgram) -> None:
    owner = program.staff("owner")
    body = {"name": "ci", "kind": "publishable"}
    headers = {"Idempotency-Key": "k-1"}
    assert owner.post("/v1/api-keys", body, headers=headers).status_code == 201
    again = owner.post("/v1/api-keys", body, headers=headers)
    assert (again.status_code, again.json["code"]) == (409, "idempotency_key_expired")  # secrets are not kept
    other = owner.post("/v1/api-keys", body | {"name": "x"}, headers=headers)
    assert (other.status_code, other.json["code"]) == (409, "idempotency_key_reused")
    assert len(owner.get("/v1/api-keys").json["data"]) == 2
