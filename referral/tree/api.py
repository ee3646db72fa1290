"""The tree over HTTP: who stands above and below a member, and who bound him there."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from core.auth.actor import Actor, ActorKind
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref
from referral.members import service as members
from referral.members.schemas import MemberShape, inviter_name, member_shape
from referral.members.service import INVITER_FIELDS, InviterName
from referral.tree import me_api, service
from referral.tree.errors import InviterNotFound
from referral.tree.pages import downline_page
from referral.tree.queries import Placed
from referral.tree.schemas import (
    BindingChangeShape,
    DownlineQuery,
    InviterBody,
    PlacedShape,
    TeamShape,
    UplineQuery,
    UplineShape,
    binding_change_shape,
    team_shape,
)
from referral.tree.service import BindRequest

blueprint = Blueprint("tree", __name__)
blueprints = (blueprint, me_api.blueprint)


@blueprint.put("/v1/members/<ref:ref>/inviter")
@endpoint(
    "members:write", summary="Bind a member to an inviter, or unbind him", body=InviterBody, answer=MemberShape,
    refuses=("inviter_not_found", "referral_cycle", "already_bound", "member_erased"),
    description="An API key binds as the program's binding mode allows; staff may always, with a reason.",
)  # fmt: skip
def set_inviter(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    member_id = members.living_member_id_of(actor.program_id, parse_ref("mem", ref))
    by_staff = actor.kind is ActorKind.STAFF
    inviter = _named_inviter(body)
    source = "staff" if by_staff else inviter.source("api") if inviter else "api"
    request = BindRequest(member_id, _inviter_id(actor.program_id, inviter), source, body["reason"])
    service.bind(actor, request, forced=by_staff)
    return _shown(actor, [Placed(0, member_id)])[0]["member"]


def _named_inviter(body: dict[str, Any]) -> InviterName | None:
    field = next(name for name in INVITER_FIELDS if name in body)
    return None if body[field] is None else inviter_name(field, body[field])


def _inviter_id(program_id: UUID, name: InviterName | None) -> UUID | None:
    """Raises: InviterNotFound."""
    if name is None:
        return None
    inviter = members.find_inviter(program_id, name)
    if inviter is None:
        raise InviterNotFound.named_by(name.field)
    return inviter


@blueprint.get("/v1/members/<ref:ref>/inviter-history")
@endpoint(
    "members:read", summary="Every binding, newest first", query=Page, answer=BindingChangeShape, paged=True
)  # fmt: skip
def list_bindings(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    member_id = members.member_id_of(actor.program_id, parse_ref("mem", ref))
    rows = service.history_of(actor.program_id, member_id, id_cursor(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], binding_change_shape, lambda row: [str(row.id)])


@blueprint.get("/v1/members/<ref:ref>/upline")
@endpoint("members:read", summary="Who stands above, nearest first", query=UplineQuery, answer=UplineShape)
def list_upline(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    member_id = members.member_id_of(actor.program_id, parse_ref("mem", ref))
    return {"data": _shown(actor, service.upline_of(actor.program_id, member_id, query["levels"]))}


@blueprint.get("/v1/members/<ref:ref>/downline")
@endpoint(
    "members:read", summary="Who stands below, nearest first", query=DownlineQuery, answer=PlacedShape, paged=True,
    description="One level, or without `level` the whole team.",
)  # fmt: skip
def list_downline(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    answer = downline_page(actor.program_id, members.member_id_of(actor.program_id, parse_ref("mem", ref)), query)
    answer["data"] = _shown(actor, answer["data"])
    return answer


@blueprint.get("/v1/members/<ref:ref>/team")
@endpoint("members:read", summary="A member's whole downline in numbers", answer=TeamShape)
def get_team(actor: Actor, ref: str) -> Any:
    member_id = members.member_id_of(actor.program_id, parse_ref("mem", ref))
    return team_shape(service.team_of(actor.program_id, member_id))


def _shown(actor: Actor, placed: list[Placed]) -> list[dict[str, Any]]:
    found = members.members_of(actor.program_id, [one.id for one in placed])
    depths = service.depths_of(actor.program_id, list(found))
    return [{"level": one.level, "member": member_shape(found[one.id], depths[one.id])} for one in placed]
