"""A member's own red packets."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint

from community.red_packets import queries
from community.red_packets.gathered_claims import claim_for
from community.red_packets.queries import MyClaim, Position
from community.red_packets.schemas import (
    ListedRedPacketClaimShape,
    MyRedPacketClaimShape,
    NewMyRedPacketClaim,
    claimed_shape,
    my_claim_shape,
)
from core.auth.access import ME
from core.auth.actor import Actor
from core.errors import Invalid
from core.http.endpoint import endpoint
from core.http.fields import utc_instant
from core.http.paging import decode_cursor, page
from core.http.schemas import Page

blueprint = Blueprint("my_red_packets", __name__)

REFUSES = ("not_found", "finished", "expired", "not_open", "not_in_group", "suspended", "member_not_found")


@blueprint.post("/v1/me/red-packet-claims")
@endpoint(
    ME, summary="Claim a share of a red packet for myself", body=NewMyRedPacketClaim, answer=MyRedPacketClaimShape,
    status=201, also=(200,), refuses=REFUSES, transactional=False,
    description="One for me: again answers 200 with the share I have, also after the packet's end.",
)  # fmt: skip
def claim_for_myself(actor: Actor, body: dict[str, Any]) -> Any:
    claimed = claim_for(actor.program, body["red_packet_id"], actor.id)
    return claimed_shape(claimed), 201 if claimed.is_new else 200


@blueprint.get("/v1/me/red-packet-claims")
@endpoint(ME, summary="What I claimed, latest first", query=Page, answer=ListedRedPacketClaimShape, paged=True)
def list_my_claims(actor: Actor, query: dict[str, Any]) -> Any:
    rows = queries.claims_of_member(actor.program_id, actor.id, _before(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], my_claim_shape, _position_of)


def _position_of(claim: MyClaim) -> tuple[str, str]:
    return claim.claimed_at.isoformat(), str(claim.red_packet_id)


def _before(cursor: str | None) -> Position | None:
    position = decode_cursor(cursor, 2)
    try:
        return (utc_instant(datetime.fromisoformat(str(position[0]))), UUID(str(position[1]))) if position else None
    except (ValueError, OverflowError) as error:
        raise Invalid.at("/cursor", "Not a cursor of this list.") from error
