"""JSON shapes of rewards and redemptions."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from community.points.redemptions import STATUSES, Redemption
from community.points.rewards import ACTIVE, COUPON, ENDED, GIFT, OfferedReward, Reward
from community.points.rules import MOST_POINTS
from core.http.fields import Identifier, Instant, Note, Reference, Text, Whole
from core.http.schemas import Body, Page
from core.ids import public_id, public_id_or_none
from referral.members.schemas import WebAddress

_KINDS = [COUPON, GIFT]
_REWARD_STATUSES = [ACTIVE, ENDED]
_MOST_UNITS = 10**9
_LONGEST_URL = 2000
_REWARD_ID = {"example": "rwd_01kbt1wz00fcyry88y1p63pagn"}
_REDEMPTION_ID = {"example": "rdm_01kbt1wz00fcyry88y1p63pagn"}
_NAME = {"example": "A tin of tea"}
_COST = {"description": "points", "example": 500}
_NO_LIMIT = {"description": "null: no limit", "example": 100}


class NewReward(Body):
    name = Text(200, required=True, metadata=_NAME)
    kind = fields.String(required=True, validate=validate.OneOf(_KINDS), metadata={"example": GIFT})
    cost = Whole(minimum=1, maximum=MOST_POINTS, required=True, metadata=_COST)
    coupon_id = Identifier("cpn", load_default=None, allow_none=True, metadata={"description": "for kind coupon"})
    image_url = WebAddress(_LONGEST_URL, load_default=None, allow_none=True)
    stock = Whole(maximum=_MOST_UNITS, load_default=None, allow_none=True, metadata=_NO_LIMIT)
    per_member_limit = Whole(
        minimum=1, maximum=1_000_000, load_default=None, allow_none=True, metadata=_NO_LIMIT | {"example": 1}
    )
    valid_from = Instant(load_default=None, allow_none=True)
    valid_to = Instant(load_default=None, allow_none=True, metadata={"description": "it can be had until just before"})

    @validates_schema
    def terms_fit(self, data: Mapping[str, Any], **_: Any) -> None:
        faults = {}
        if (data["coupon_id"] is not None) != (data["kind"] == COUPON):
            faults["coupon_id"] = ["For a reward of kind coupon, and for no other."]
        if data["valid_from"] and data["valid_to"] and data["valid_to"] <= data["valid_from"]:
            faults["valid_to"] = ["Not after valid_from."]
        if faults:
            raise ValidationError(faults)


class RewardChange(Body):
    name = Text(200, metadata=_NAME)
    cost = Whole(minimum=1, maximum=MOST_POINTS, metadata=_COST)
    image_url = WebAddress(_LONGEST_URL, allow_none=True)
    stock = Whole(maximum=_MOST_UNITS, metadata={"description": "how many there ever are", "example": 150})
    per_member_limit = Whole(minimum=1, maximum=1_000_000, allow_none=True, metadata=_NO_LIMIT | {"example": 1})
    valid_from = Instant(allow_none=True)
    valid_to = Instant(allow_none=True, metadata={"description": "it can be had until just before"})
    status = fields.String(validate=validate.OneOf(_REWARD_STATUSES))


class RewardQuery(Page):
    status = fields.String(load_default=None, validate=validate.OneOf(_REWARD_STATUSES))


class RewardCardShape(Schema):
    """A reward as others name it."""

    id = fields.String(metadata=_REWARD_ID)
    name = fields.String(metadata=_NAME)
    kind = fields.String(validate=validate.OneOf(_KINDS), metadata={"example": GIFT})
    image_url = fields.String(allow_none=True)


class MyRewardShape(RewardCardShape):
    cost = fields.Integer(metadata=_COST)
    left = fields.Integer(allow_none=True, metadata={"description": "null: as many as are asked for", "example": 42})
    per_member_limit = fields.Integer(allow_none=True, metadata=_NO_LIMIT | {"example": 1})
    valid_to = fields.DateTime(allow_none=True)


class RewardShape(MyRewardShape):
    coupon_id = fields.String(allow_none=True, metadata={"example": None})
    stock = fields.Integer(allow_none=True, metadata=_NO_LIMIT)
    valid_from = fields.DateTime(allow_none=True)
    status = fields.String(validate=validate.OneOf(_REWARD_STATUSES))
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


def card_shape(reward: Reward) -> dict[str, Any]:
    return {
        "id": public_id("rwd", reward.id), "name": reward.name, "kind": reward.kind, "image_url": reward.image_url
    }  # fmt: skip


def my_reward_shape(offered: OfferedReward) -> dict[str, Any]:
    reward = offered.reward
    return card_shape(reward) | {
        "cost": reward.cost,
        "left": offered.left,
        "per_member_limit": reward.per_member_limit,
        "valid_to": reward.valid_to,
    }


def reward_shape(offered: OfferedReward) -> dict[str, Any]:
    reward = offered.reward
    return my_reward_shape(offered) | {
        "coupon_id": public_id_or_none("cpn", reward.coupon_id),
        "stock": reward.stock,
        "valid_from": reward.valid_from,
        "status": reward.status,
        "created_at": reward.created_at,
        "updated_at": reward.updated_at,
    }


class NewRedemption(Body):
    member_id = Reference("mem", required=True)


class NewMyRedemption(Body):
    reward_id = Identifier("rwd", required=True, metadata=_REWARD_ID)


class RedemptionNote(Body):
    note = Note(500, load_default=None, allow_none=True, metadata={"example": "parcel SF1234567890"})


class RedemptionQuery(Page):
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    reward_id = Identifier("rwd", load_default=None)
    member_id = Reference("mem", load_default=None)


class MyRedemptionShape(Schema):
    id = fields.String(metadata=_REDEMPTION_ID)
    reward = fields.Nested(RewardCardShape)
    cost = fields.Integer(metadata=_COST)
    code = fields.String(allow_none=True, metadata={"description": "of the coupon", "example": None})
    status = fields.String(
        validate=validate.OneOf(STATUSES),
        metadata={"description": "a coupon is fulfilled at once, a gift is requested", "example": STATUSES[0]},
    )  # fmt: skip
    note = fields.String(allow_none=True, metadata={"description": "where a gift is, or why not", "example": None})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class RedemptionShape(MyRedemptionShape):
    member_id = fields.String()


def my_redemption_shape(made: tuple[Redemption, Reward]) -> dict[str, Any]:
    redemption, reward = made
    return {
        "id": public_id("rdm", redemption.id), "reward": card_shape(reward), "cost": redemption.cost,
        "code": redemption.code, "status": redemption.status, "note": redemption.note,
        "created_at": redemption.created_at, "updated_at": redemption.updated_at,
    }  # fmt: skip


def redemption_shape(made: tuple[Redemption, Reward]) -> dict[str, Any]:
    return my_redemption_shape(made) | {"member_id": public_id("mem", made[0].member_id)}
