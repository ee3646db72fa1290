"""Sign-in, staff and keys over HTTP."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from core.auth import keys, member_tokens, staff
from core.auth.access import PUBLIC, Role
from core.auth.actor import Actor
from core.auth.limits import limited_sign_in
from core.auth.schemas import (
    KeyShape,
    NewKey,
    NewStaff,
    RefreshBody,
    SignInBody,
    StaffChange,
    StaffShape,
    TokenShape,
    key_shape,
    staff_shape,
)
from core.db import lookup, transaction
from core.errors import NotFound
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref

blueprint = Blueprint("auth", __name__)


@blueprint.post("/v1/auth/staff")
@endpoint(
    PUBLIC, summary="Sign a staff member in", body=SignInBody, answer=TokenShape,
    refuses=("sign_in_refused", "too_many_requests"),
    description="Wrong passwords are limited: 10 per e-mail and 100 per address in 15 minutes.",
)  # fmt: skip
def sign_in(body: dict[str, Any]) -> Any:
    with limited_sign_in(body["email"]), lookup():
        return staff.sign_in(**body)


@blueprint.post("/v1/auth/refresh")
@endpoint(
    PUBLIC, summary="Renew a member's tokens", body=RefreshBody, answer=TokenShape, refuses=("unauthenticated",),
    description="The refresh token is spent by this; the answer has the next one.",
)  # fmt: skip
def refresh(body: dict[str, Any]) -> Any:
    program_id = member_tokens.program_of_refresh_token(body["refresh_token"])
    with transaction(program_id):
        return member_tokens.refresh_member_tokens(program_id, body["refresh_token"])


@blueprint.get("/v1/staff")
@endpoint("staff:read", summary="Staff of the program, newest first", query=Page, answer=StaffShape, paged=True)
def list_staff(actor: Actor, query: dict[str, Any]) -> Any:
    people = staff.staff_of(actor.program_id, id_cursor(query["cursor"]), query["limit"] + 1)
    return page(people, query["limit"], staff_shape, lambda person: [str(person.id)])


@blueprint.post("/v1/staff")
@endpoint(
    "staff:write", summary="Add a staff member", body=NewStaff, answer=StaffShape, status=201, secret=True,
    refuses=("email_taken",),
)  # fmt: skip
def create_staff(actor: Actor, body: dict[str, Any]) -> Any:
    staff_id, password = staff.create_staff(actor.program_id, body["email"], Role(body["role"]), body["name"])
    return staff_shape(staff.staff_member(actor.program_id, staff_id)) | {"password": password}


@blueprint.patch("/v1/staff/<ref>")
@endpoint(
    "staff:write", summary="Change role, name, password or state", body=StaffChange, answer=StaffShape,
    refuses=("last_owner",), description="All but a change of name end the person's tokens at the next request.",
)  # fmt: skip
def change_staff(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return staff_shape(staff.change_staff(actor.program_id, _id("stf", ref), body))


@blueprint.get("/v1/api-keys")
@endpoint("keys:read", summary="API keys of the program, newest first", query=Page, answer=KeyShape, paged=True)
def list_keys(actor: Actor, query: dict[str, Any]) -> Any:
    rows = keys.keys_of(actor.program_id, id_cursor(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], key_shape, lambda row: [str(row.id)])


@blueprint.post("/v1/api-keys")
@endpoint("keys:write", summary="Make an API key", body=NewKey, answer=KeyShape, status=201, secret=True)
def create_key(actor: Actor, body: dict[str, Any]) -> Any:
    key_id, key = keys.create_key(actor.program_id, created_by=actor.id, **body)
    return key_shape(keys.key_of(actor.program_id, key_id)) | {"key": key}


@blueprint.delete("/v1/api-keys/<ref>")
@endpoint("keys:write", summary="Revoke an API key", status=204)
def revoke_key(actor: Actor, ref: str) -> Any:
    keys.revoke_key(actor.program_id, _id("key", ref))


def _id(prefix: str, ref: str) -> UUID:
    value = parse_ref(prefix, ref)
    if not isinstance(value, UUID):
        raise NotFound()
    return value
