"""What stands in Authorization: only a genuine, living credential in the right form gets in."""

from datetime import timedelta
from uuid import UUID, uuid4

import jwt
import pytest

from core.auth import member_tokens, tokens
from core.auth.access import KEY_SCOPES, PERMISSIONS, Role
from core.auth.actor import Actor, ActorKind
from core.clock import frozen_at, now
from core.db import execute, transaction
from core.errors import Forbidden
from core.ids import new_id
from tests.clients import TestProgram
from tests.threads import together


@pytest.mark.parametrize(
    "header",
    [
        "", "Bearer", "Bearer ", "Basic {key}", "{key}", "Bearer  {key}", "Bearer {key}x", "Bearer {key} x",
        "bearer\t{key}",
        "Bearer sk_", "Bearer sk_0_x", "Bearer sk_99999999999999999999_x", "Bearer sk_١_x", "Bearer sk_-1_x",
        "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer \xff\xfe", "Bearer " + "x" * 8000,
    ],
)  # fmt: skip
def test_a_header_that_is_no_credential_is_401(program: TestProgram, header: str) -> None:
    answer = program.anonymous.get("/v1/program", headers={"Authorization": header.replace("{key}", program.api_key)})
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(program: TestProgram, scheme: str) -> None:
    answer = program.anonymous.get("/v1/program", headers={"Authorization": f"{scheme} {program.api_key}"})
    assert answer.status_code == 200


def test_a_key_counts_only_with_the_number_of_its_program(program: TestProgram) -> None:
    _, number, rest = program.api_key.split("_")
    other = program.client_with(f"sk_{int(number) + 1}_{rest}")
    assert other.get("/v1/program").status_code == 401


def _staff_token(program: TestProgram) -> str:
    return str(program.staff("owner").credential)


def test_a_token_ends_with_its_time(program: TestProgram) -> None:
    token = _staff_token(program)
    with frozen_at(now() + tokens.STAFF_TTL + timedelta(seconds=1)):
        assert program.client_with(token).get("/v1/program").status_code == 401
    assert program.client_with(token).get("/v1/program").status_code == 200


def test_a_token_that_was_changed_or_signed_by_another_is_refused(program: TestProgram) -> None:
    token = _staff_token(program)
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(claims, b"x" * 32, algorithm="HS256")
    unsigned = jwt.encode(claims, None, algorithm="none")
    head, body, signature = token.split(".")
    for wrong in (forged, unsigned, f"{head}.{body}.", f"{head}.{body[:-2]}AA.{signature}"):
        assert program.client_with(wrong).get("/v1/program").status_code == 401


def test_a_token_of_a_staff_member_who_never_was_is_refused(program: TestProgram) -> None:
    claims = tokens.Claims("staff", uuid4(), program.id, 1)
    token = tokens.issue(claims, tokens.STAFF_TTL)["access_token"]
    assert program.client_with(token).get("/v1/program").status_code == 401


def test_a_member_token_reaches_the_members_own_surface_only(program: TestProgram) -> None:
    token = tokens.issue(tokens.Claims("member", new_id(), program.id, 0), tokens.MEMBER_TTL)["access_token"]
    answer = program.client_with(token).get("/v1/program")
    # a member who never was is unknown (401), one who is may not (403)
    assert answer.status_code in {401, 403}


def _refresh_token(program: TestProgram) -> str:
    with transaction(program.id):
        return str(member_tokens.issue_member_tokens(program.id, new_id())["refresh_token"])


def test_a_refresh_token_is_spent_once_by_twenty_at_once(program: TestProgram) -> None:
    token = _refresh_token(program)
    answers = together(
        program.app, *[lambda: program.anonymous.post("/v1/auth/refresh", {"refresh_token": token}) for _ in range(20)]
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 19
    fresh = next(answer.json["refresh_token"] for answer in answers if answer.status_code == 200)
    assert program.anonymous.post("/v1/auth/refresh", {"refresh_token": fresh}).status_code == 200


def test_a_refresh_token_ends_after_its_time(program: TestProgram) -> None:
    token = _refresh_token(program)
    with frozen_at(now() + member_tokens.REFRESH_TTL + timedelta(seconds=1)):
        assert program.anonymous.post("/v1/auth/refresh", {"refresh_token": token}).status_code == 401


@pytest.mark.parametrize("token", ["x", "rt_", "rt_zz_x", f"rt_{7:032x}_x", f"rt_{UUID(int=7)}", "rt__"])
def test_what_is_no_refresh_token_is_401(program: TestProgram, token: str) -> None:
    assert program.anonymous.post("/v1/auth/refresh", {"refresh_token": token}).status_code == 401


def test_a_scope_that_keys_may_no_longer_have_opens_nothing(program: TestProgram) -> None:
    """Scopes are stored with the key; the table decides."""
    with transaction(program.id):
        execute("UPDATE api_keys SET scopes = '{staff:read}' WHERE program_id = %(p)s", p=program.id)
    assert program.client.get("/v1/staff").status_code == 403


def _actor(kind: ActorKind, role: Role | None, scopes: frozenset[str], program: TestProgram) -> Actor:
    return Actor(program.now(), kind, UUID(int=1), role=role, scopes=scopes)


def test_the_table_of_permissions_is_what_decides(program: TestProgram) -> None:
    """Every role, a key with every scope, a key with none, and a member, against every permission."""
    callers = {
        **{role.value: _actor(ActorKind.STAFF, role, frozenset(), program) for role in Role},
        "key": _actor(ActorKind.KEY, None, frozenset(KEY_SCOPES), program),
        "bare key": _actor(ActorKind.KEY, None, frozenset(), program),
        "member": _actor(ActorKind.MEMBER, None, frozenset(), program),
    }
    for permission, holders in PERMISSIONS.items():
        allowed = {name for name, actor in callers.items() if _passes(actor, permission)}
        expected = {role.value for role in holders.roles}
        expected |= {"key"} if holders.key else set()
        expected |= {"member"} if holders.member else set()
        assert allowed == expected, permission


def _passes(actor: Actor, permission: str) -> bool:
    try:
        actor.require(permission)
    except Forbidden:
        return False
    return True
