"""The members of groups over HTTP: the shop tells who joined and left. One and a batch take the same path."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from community.groups import members
from community.groups.member_schemas import (
    GroupMemberQuery,
    GroupMemberShape,
    JoiningBatchLoader,
    JoiningLoader,
    MyGroupShape,
    group_member_shape,
    joined_result,
    my_group_shape,
)
from community.groups.members import Joining, Stay, Unreadable
from community.groups.service import PREFIX, find_group, groups_of
from core.auth.access import ME
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import BatchResults, Page
from core.ids import parse_ref
from referral.members.service import cards_of, member_id_of

blueprint = Blueprint("group_members", __name__)


@blueprint.post("/v1/groups/<ref:ref>/members")
@endpoint(
    "groups:join", summary="A member joined the group", body=JoiningLoader(), answer=GroupMemberShape, status=201,
    also=(200,), refuses=("wrong_state", "identity_taken"),
    description="Rules and welcome go out to the group. Who is in it already answers 200 and changes nothing; joining "
    "again after leaving counts anew.",
)  # fmt: skip
def add_group_member(actor: Actor, ref: str, body: Joining) -> Any:
    group = find_group(actor.program_id, parse_ref(PREFIX, ref))
    (joined,) = members.join(actor.program, group, [body])
    if joined.error or joined.stay is None:
        raise joined.error or AssertionError("neither a stay nor an error")
    return _shown(actor.program_id, [joined.stay])[joined.stay.id], 201 if joined.created else 200


@blueprint.post("/v1/groups/<ref:ref>/members/batch")
@endpoint(
    "groups:join", summary="Up to 1000 members joined the group", body=JoiningBatchLoader(), answer=BatchResults,
    refuses=("wrong_state",),
    description="Results in request order, ids are the members'; one bad item never harms the others. The group is "
    "welcomed once for all of them.",
)  # fmt: skip
def add_group_members(actor: Actor, ref: str, body: list[Joining | Unreadable]) -> Any:
    group = find_group(actor.program_id, parse_ref(PREFIX, ref))
    return {"results": [joined_result(one) for one in members.join(actor.program, group, body)]}


@blueprint.get("/v1/groups/<ref:ref>/members")
@endpoint(
    "groups:read", summary="Who is in the group, the newest first", query=GroupMemberQuery, answer=GroupMemberShape,
    paged=True,
)  # fmt: skip
def list_group_members(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    group = find_group(actor.program_id, parse_ref(PREFIX, ref))
    before, limit = id_cursor(query["cursor"]), query["limit"]
    rows = members.stays(actor.program_id, group.id, before, limit + 1, left_too=query["left"])
    shown = _shown(actor.program_id, rows)
    return page(rows, limit, lambda row: shown[row.id], lambda row: [str(row.id)])


@blueprint.delete("/v1/groups/<ref:ref>/members/<path:member>")
@endpoint(
    "groups:join", summary="A member left the group", status=204,
    description="`member` is an id or `ext:` and the shop's own. Who is not in the group is no error.",
)  # fmt: skip
def remove_group_member(actor: Actor, ref: str, member: str) -> Any:
    group = find_group(actor.program_id, parse_ref(PREFIX, ref))
    member_id = member_id_of(actor.program_id, parse_ref("mem", member))
    members.leave(actor.program_id, group.id, [member_id])


@blueprint.get("/v1/me/groups")
@endpoint(ME, summary="The groups I am in, the newest first", query=Page, answer=MyGroupShape, paged=True)
def list_my_groups(actor: Actor, query: dict[str, Any]) -> Any:
    rows = members.stays_of(actor.program_id, actor.id, id_cursor(query["cursor"]), query["limit"] + 1)
    groups = {one.id: one for one in groups_of(actor.program_id, [row.group_id for row in rows])}

    def shown(row: members.MyStay) -> dict[str, Any]:
        group = groups[row.group_id]
        return my_group_shape(row, group, group.owner_member_id == actor.id)

    return page(rows, query["limit"], shown, lambda row: [str(row.id)])


def _shown(program_id: UUID, stays: list[Stay]) -> dict[UUID, dict[str, Any]]:
    cards = cards_of(program_id, [stay.member_id for stay in stays])
    return {stay.id: group_member_shape(stay, cards[stay.member_id]) for stay in stays}
