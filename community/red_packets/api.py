"""Red packets over HTTP: made, approved, claimed for members, shown."""

from typing import Any

from flask import Blueprint

from community.red_packets import me_api, queries, service, showing
from community.red_packets.booking import PREFIX
from community.red_packets.gathered_claims import claim_for
from community.red_packets.schemas import (
    MyRedPacketClaimShape,
    NewRedPacket,
    NewRedPacketClaim,
    RedPacketClaimShape,
    RedPacketQuery,
    RedPacketShape,
    WholeRedPacketShape,
    claimant_of,
    claimed_shape,
)
from core.auth.actor import Actor
from core.errors import Invalid
from core.http.endpoint import endpoint
from core.http.paging import decode_cursor, id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref

blueprint = Blueprint("red_packets", __name__)
blueprints = (blueprint, me_api.blueprint)


@blueprint.post("/v1/red-packets")
@endpoint(
    "red_packets:write", summary="Put a sum into a red packet for a group", body=NewRedPacket, answer=RedPacketShape,
    status=201, also=(200,), refuses=("already_exists", "no_budget", "budget_exhausted"),
    description="Shares are decided when it is funded: at once from the approved budget of an activity or in points, "
    "else once somebody of finance approves it. Every share has at least one unit, and together they are the total.",
)  # fmt: skip
def create_packet(actor: Actor, body: Any) -> Any:
    packet, created = service.create_packet(actor, body)
    return showing.show_packets(actor.program_id, [packet])[packet.id], 201 if created else 200


@blueprint.post("/v1/red-packets/<ref:ref>/approve")
@endpoint(
    "budgets:write", summary="Fund a red packet that another person made", answer=RedPacketShape,
    refuses=("same_person", "wrong_state"),
)  # fmt: skip
def approve_packet(actor: Actor, ref: str) -> Any:
    packet = service.approve_packet(actor, parse_ref(PREFIX, ref))
    return showing.show_packets(actor.program_id, [packet])[packet.id]


@blueprint.get("/v1/red-packets")
@endpoint(
    "red_packets:read", summary="Red packets, newest first", query=RedPacketQuery, answer=RedPacketShape, paged=True
)
def list_packets(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query["limit"], id_cursor(query["cursor"])
    rows = service.packets(
        actor.program_id, status=query["status"], group_id=query["group_id"], before=before, most=limit + 1
    )
    shown = showing.show_packets(actor.program_id, rows[:limit])
    return page(rows, limit, lambda row: shown[row.id], lambda row: [str(row.id)])


@blueprint.get("/v1/red-packets/<ref:ref>")
@endpoint(
    "red_packets:read", summary="One red packet, who took how much, and the best luck", answer=WholeRedPacketShape
)
def show_packet(actor: Actor, ref: str) -> Any:
    return showing.show_packet(actor.program_id, service.packet_of(actor.program_id, parse_ref(PREFIX, ref)))


@blueprint.get("/v1/red-packets/<ref:ref>/claims")
@endpoint(
    "red_packets:read", summary="Who took which share, by place", query=Page, answer=RedPacketClaimShape, paged=True
)
def list_claims(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    packet, limit = service.packet_of(actor.program_id, parse_ref(PREFIX, ref)), query["limit"]
    rows = queries.claims_of(actor.program_id, packet.id, _place(query["cursor"]), limit + 1)
    shown = showing.show_claims(actor.program_id, packet, rows[:limit])
    return page(rows, limit, lambda row: shown[row.place], lambda row: [row.place])


def _place(cursor: str | None) -> int:
    position = decode_cursor(cursor, 1)
    if position is None:
        return 0
    if not isinstance(position[0], int) or not 0 <= position[0] < 1 << 31:
        raise Invalid.at("/cursor", "Not a cursor of this list.")
    return position[0]


@blueprint.post("/v1/red-packets/<ref:ref>/claims")
@endpoint(
    "red_packets:claim", summary="Claim a share for a member", body=NewRedPacketClaim, answer=MyRedPacketClaimShape,
    status=201, also=(200,), refuses=me_api.REFUSES, transactional=False,
    description="One for a member: again answers 200 with the share he has, also after the packet's end. `expired` and "
    "`finished` say that he was too late; he must be in the group at the moment of the claim.",
)  # fmt: skip
def claim_packet(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    claimed = claim_for(actor.program, parse_ref(PREFIX, ref), claimant_of(body))
    return claimed_shape(claimed), 201 if claimed.is_new else 200
