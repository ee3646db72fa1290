"""Members over HTTP. One registration and a batch take the same path."""

from typing import Any

from flask import Blueprint

from core.auth.actor import Actor
from core.auth.schemas import TokenShape
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import batch_error
from core.ids import Ref, parse_ref, public_id_or_none
from referral.members import me_api, service
from referral.members.loading import MemberBatchLoader, MemberLoader
from referral.members.new_member import NewMember, Unreadable
from referral.members.schemas import (
    EnrolmentBody,
    MemberBatchResults,
    MemberChange,
    MemberQuery,
    MemberShape,
    member_shape,
)  # fmt: skip
from referral.members.service import Registered

blueprint = Blueprint("members", __name__)
blueprints = (blueprint, me_api.blueprint)


@blueprint.post("/v1/members")
@endpoint(
    "members:write", summary="Register a member", body=MemberLoader(), answer=MemberShape, status=201, also=(200,),
    refuses=("already_exists", "inviter_not_found", "referral_cycle", "identity_taken", "already_bound"),
    description="The first registration of a customer whom an order had named completes him (201).",
)  # fmt: skip
def create_member(actor: Actor, body: NewMember) -> Any:
    (made,) = service.register(actor, [body])
    if made.error or made.id is None:
        raise made.error or AssertionError("neither a member nor an error")
    return _shown(actor, made.id), 201 if made.created else 200


@blueprint.post("/v1/members/batch")
@endpoint("members:write", summary="Register up to 1000 members", body=MemberBatchLoader(), answer=MemberBatchResults)
def create_members(actor: Actor, body: list[NewMember | Unreadable]) -> Any:
    return {"results": [_result(made) for made in service.register(actor, body)]}


@blueprint.get("/v1/members")
@endpoint("members:read", summary="Members, newest first", query=MemberQuery, answer=MemberShape, paged=True)
def list_members(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query.pop("limit"), id_cursor(query.pop("cursor"))
    members = service.find_members(actor.program_id, query, before, limit + 1)
    depths = service.depths_of(actor.program_id, members[:limit])
    return page(members, limit, lambda member: member_shape(member, depths[member.id]), lambda member: [str(member.id)])


@blueprint.get("/v1/members/<ref:ref>")
@endpoint("members:read", summary="One member", answer=MemberShape)
def get_member(actor: Actor, ref: str) -> Any:
    return _shown(actor, parse_ref("mem", ref))


@blueprint.patch("/v1/members/<ref:ref>")
@endpoint("members:write", summary="Change a member", body=MemberChange, answer=MemberShape, refuses=("member_erased",))
def change_member(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _shown(actor, service.change_member(actor.program_id, parse_ref("mem", ref), body))


@blueprint.post("/v1/members/<ref:ref>/enrolment")
@endpoint(
    "members:write", summary="Apply, approve, reject or exit", body=EnrolmentBody, answer=MemberShape,
    refuses=("wrong_state", "member_erased"),
    description="People approve and reject; an API key may apply and exit for the member.",
)  # fmt: skip
def move_enrolment(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _shown(actor, service.enrol(actor, parse_ref("mem", ref), **body))


@blueprint.post("/v1/members/<ref:ref>/erasure")
@endpoint("members:write", summary="Erase the person, keep the books", answer=MemberShape, refuses=("money_open",))
def erase_member(actor: Actor, ref: str) -> Any:
    return _shown(actor, service.erase(actor.program_id, parse_ref("mem", ref)))


@blueprint.post("/v1/members/<ref:ref>/tokens")
@endpoint(
    "tokens:write", summary="Tokens for a member's own surface", answer=TokenShape, secret=True,
    refuses=("member_erased",),
)  # fmt: skip
def create_tokens(actor: Actor, ref: str) -> Any:
    return service.issue_tokens(actor.program_id, parse_ref("mem", ref))


def _shown(actor: Actor, ref: Ref) -> dict[str, Any]:
    member = service.member_of(actor.program_id, ref)
    return member_shape(member, service.depths_of(actor.program_id, [member])[member.id])


def _result(made: Registered) -> dict[str, Any]:
    return {
        "external_id": made.external_id,
        "status": "error" if made.error else "created" if made.created else "exists",
        "id": public_id_or_none("mem", made.id),
        "error": batch_error(made.error) if made.error else None,
    }
