"""JSON shapes of red packets and their claims."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from commission.ledger.service import POINTS
from community.boards.service import ShownMember
from community.groups.service import PREFIX as GROUP
from community.red_packets.booking import PREFIX
from community.red_packets.claims import Claimed
from community.red_packets.queries import Claim, MyClaim, RedPacket, Sums
from community.red_packets.rules import MOST_SHARES, Source, Split, Status
from core.http.fields import Amount, ExternalId, Identifier, Instant, Text, Whole
from core.http.schemas import Body, Page
from core.ids import ExternalRef, Ref, public_id, public_id_or_none

_SPLITS = [split.value for split in Split]
_STATUSES = [status.value for status in Status]
_PACKET_ID = {"example": "rpk_01kbt1wz00fcyry88y1p63pagn"}
_GROUP_ID = {"example": "grp_01kbt1wz00fcyry88y1p63pagn"}
_MEMBER_ID = {"example": "mem_01kbt1wz00fcyry88y1p63pagn"}
_BEST = {"description": "whether it is the largest share; null until all are taken, and of an equal split"}
_PLACE = {"description": "the share's number; lower ones are handed out first", "example": 3}


class NewRedPacket(Body):
    external_id = ExternalId(load_default=None, allow_none=True)
    total = Amount(required=True, minimum=1, metadata={"example": 20_000})
    currency = fields.String(
        load_default=None, allow_none=True, validate=validate.Length(3, 3),
        metadata={"example": None, "description": f"the program's, which is the default, or {POINTS}"},
    )  # fmt: skip
    count = Whole(required=True, minimum=1, maximum=MOST_SHARES, metadata={"example": 50})
    split = fields.String(required=True, validate=validate.OneOf(_SPLITS), metadata={"example": "random"})
    max_share = Amount(
        minimum=1, load_default=None, allow_none=True,
        metadata={"example": 800, "description": "of a random split: no share is larger; null: no bound"},
    )  # fmt: skip
    group_id = Identifier(GROUP, required=True, metadata=_GROUP_ID)
    activity_id = Identifier(
        "act", load_default=None, allow_none=True,
        metadata={"example": None, "description": "whose approved budget pays it"},
    )  # fmt: skip
    greeting = Text(100, load_default=None, allow_none=True, metadata={"example": "恭喜发财，大吉大利"})
    opens_at = Instant(
        load_default=None, allow_none=True,
        metadata={"example": None, "description": "at most 30 days ahead; null: as soon as it is funded"},
    )  # fmt: skip
    expires_at = Instant(
        load_default=None, allow_none=True,
        metadata={"example": None, "description": "at most 72 hours after the opening; null: 24 hours after it"},
    )  # fmt: skip


class RedPacketQuery(Page):
    status = fields.String(load_default=None, validate=validate.OneOf(_STATUSES))
    group_id = Identifier(GROUP, load_default=None, metadata=_GROUP_ID)


class NewRedPacketClaim(Body):
    """Who claims, named in one of two ways."""

    member_id = Identifier("mem", load_default=None, allow_none=True)
    member_external_id = ExternalId(load_default=None, allow_none=True)

    @validates_schema
    def one_member(self, data: dict[str, Any], **_: Any) -> None:
        named = [name for name in ("member_id", "member_external_id") if data.get(name) is not None]
        if len(named) != 1:
            fault = "Exactly one of member_id and member_external_id names the member."
            raise ValidationError({"member_external_id" if named else "member_id": [fault]})


def claimant_of(body: dict[str, Any]) -> Ref:
    """The member whom a claim names."""
    member_id: UUID | None = body["member_id"]
    return ExternalRef(body["member_external_id"]) if member_id is None else member_id


class NewMyRedPacketClaim(Body):
    red_packet_id = Identifier(PREFIX, required=True, metadata=_PACKET_ID)


class SharesShape(Schema):
    count = fields.Integer()
    amount = fields.Integer()


class LuckShape(Schema):
    member_id = fields.String(metadata=_MEMBER_ID)
    name = fields.String(allow_none=True, metadata={"example": "A**"})
    amount = fields.Integer()
    place = fields.Integer(metadata=_PLACE)
    claimed_at = fields.DateTime()


class RedPacketClaimShape(LuckShape):
    best_luck = fields.Boolean(allow_none=True, metadata=_BEST)


class RedPacketShape(Schema):
    id = fields.String(metadata=_PACKET_ID)
    external_id = fields.String(allow_none=True)
    group_id = fields.String(metadata=_GROUP_ID)
    activity_id = fields.String(allow_none=True, metadata={"example": None})
    total = fields.Integer()
    currency = fields.String()
    count = fields.Integer(metadata={"example": 50})
    split = fields.String(validate=validate.OneOf(_SPLITS))
    max_share = fields.Integer(allow_none=True, metadata={"example": None})
    greeting = fields.String(allow_none=True, metadata={"example": "恭喜发财，大吉大利"})
    status = fields.String(
        validate=validate.OneOf(_STATUSES),
        metadata={"description": "draft: waits for an approval; scheduled: funded, opens later"},
    )
    funded_from = fields.String(
        allow_none=True, validate=validate.OneOf([source.value for source in Source]),
        metadata={"description": "null: not funded. Unclaimed money returns there"},
    )  # fmt: skip
    opens_at = fields.DateTime()
    expires_at = fields.DateTime()
    taken = fields.Nested(SharesShape)
    left = fields.Nested(SharesShape, metadata={"description": "can still be claimed; nothing before it is funded"})
    returned = fields.Integer(metadata={"description": "what nobody claimed", "example": 0})
    created_by = fields.String(metadata={"example": "stf_01kbt1wz00fcyry88y1p63pagn"})
    created_at = fields.DateTime()
    approved_by = fields.String(allow_none=True, metadata={"example": None, "description": "null: nobody had to"})
    approved_at = fields.DateTime(allow_none=True, metadata={"example": None})
    ended_at = fields.DateTime(
        allow_none=True, metadata={"example": None, "description": "the last claim, or the expiry"}
    )


class WholeRedPacketShape(RedPacketShape):
    best_luck = fields.Nested(
        LuckShape, allow_none=True, metadata={"description": "once all of a random split is taken"}
    )
    claims = fields.List(
        fields.Nested(RedPacketClaimShape), metadata={"description": "the first 50; the rest under /claims"}
    )


class MyRedPacketClaimShape(Schema):
    red_packet_id = fields.String(metadata=_PACKET_ID)
    amount = fields.Integer()
    currency = fields.String()
    place = fields.Integer(metadata=_PLACE)
    best_luck = fields.Boolean(allow_none=True, metadata=_BEST)
    claimed_at = fields.DateTime()


class ListedRedPacketClaimShape(MyRedPacketClaimShape):
    group_id = fields.String(metadata=_GROUP_ID)
    greeting = fields.String(allow_none=True, metadata={"example": "恭喜发财，大吉大利"})


def packet_shape(packet: RedPacket, sums: Mapping[UUID, Sums], at: datetime) -> dict[str, Any]:
    """A packet with what is taken of it and what is left."""
    found = sums.get(packet.id, Sums(packet.id, 0, 0, 0, 0))
    return {
        "id": public_id(PREFIX, packet.id),
        "external_id": packet.external_id,
        "group_id": public_id(GROUP, packet.group_id),
        "activity_id": public_id_or_none("act", packet.activity_id),
        "total": packet.total,
        "currency": packet.currency,
        "count": packet.share_count,
        "split": packet.split,
        "max_share": packet.max_share,
        "greeting": packet.greeting,
        "status": packet.status_at(at),
        "funded_from": packet.funded_from,
        "opens_at": packet.opens_at,
        "expires_at": packet.expires_at,
        "taken": {"count": found.taken, "amount": found.taken_amount},
        "left": {"count": found.left, "amount": found.left_amount},
        "returned": packet.returned,
        "created_by": public_id("stf", packet.created_by),
        "created_at": packet.created_at,
        "approved_by": public_id_or_none("stf", packet.approved_by),
        "approved_at": packet.approved_at,
        "ended_at": packet.ended_at,
    }


def luck_shape(claim: Claim, names: Mapping[UUID, ShownMember]) -> dict[str, Any]:
    """Who got how much, named as he wants to be."""
    return {
        "member_id": public_id("mem", claim.member_id),
        "name": names[claim.member_id].name,
        "amount": claim.amount,
        "place": claim.place,
        "claimed_at": claim.claimed_at,
    }


def packet_claim_shape(packet: RedPacket, claim: Claim, names: Mapping[UUID, ShownMember]) -> dict[str, Any]:
    """A claim as others see it."""
    return luck_shape(claim, names) | {"best_luck": packet.is_best(claim.place)}


def whole_packet_shape(
    packet: RedPacket, sums: Mapping[UUID, Sums], claims: Sequence[Claim], best: Claim | None,
    names: Mapping[UUID, ShownMember], at: datetime,
) -> dict[str, Any]:  # fmt: skip
    """A packet with its first claims and the best luck."""
    return packet_shape(packet, sums, at) | {
        "best_luck": best and luck_shape(best, names),
        "claims": [packet_claim_shape(packet, claim, names) for claim in claims],
    }


def claimed_shape(claimed: Claimed) -> dict[str, Any]:
    """What the claimant is answered."""
    packet, claim = claimed.packet, claimed.claim
    return {
        "red_packet_id": public_id(PREFIX, packet.id),
        "amount": claim.amount,
        "currency": packet.currency,
        "place": claim.place,
        "best_luck": packet.is_best(claim.place),
        "claimed_at": claim.claimed_at,
    }


def my_claim_shape(claim: MyClaim) -> dict[str, Any]:
    """A claim in its member's own list."""
    return {
        "red_packet_id": public_id(PREFIX, claim.red_packet_id),
        "amount": claim.amount,
        "currency": claim.currency,
        "place": claim.place,
        "best_luck": None if claim.best_place is None else claim.best_place == claim.place,
        "claimed_at": claim.claimed_at,
        "group_id": public_id(GROUP, claim.group_id),
        "greeting": claim.greeting,
    }
