"""JSON shapes of members' points: balances, statements, adjustments, grades."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validates

from community.points.adjustments import Adjustment
from community.points.grades import Standing
from community.points.rules_schemas import GradeThresholdShape
from community.points.statements import Movement, Overview
from core.http.fields import Day, Note, SignedAmount
from core.http.schemas import Body
from core.ids import public_id, public_id_or_none


class GradeShape(Schema):
    grade = fields.String(metadata={"example": "standard"})
    points = fields.Integer(metadata={"description": "earned within 365 days, less taken back", "example": 640})
    next = fields.Nested(
        GradeThresholdShape, allow_none=True, metadata={"description": "null: none is higher, or none are managed"}
    )  # fmt: skip


def grade_shape(standing: Standing) -> dict[str, Any]:
    ahead = standing.next
    return {
        "grade": standing.grade,
        "points": standing.points,
        "next": ahead and {"grade": ahead.grade, "points": ahead.points},
    }


class ExpiringShape(Schema):
    date = fields.Date(metadata={"description": "the last day on which they can be spent"})
    amount = fields.Integer()


class PointsShape(Schema):
    member_id = fields.String()
    balance = fields.Integer(metadata={"description": "what can be spent; below zero: owed", "example": 120})
    debt = fields.Integer(metadata={"description": "what the balance lacks to zero; later points settle it"})
    expiring = fields.List(
        fields.Nested(ExpiringShape), metadata={"description": "within 30 days, earliest first"}
    )  # fmt: skip


def points_shape(member_id: Any, overview: Overview) -> dict[str, Any]:
    return {
        "member_id": public_id("mem", member_id),
        "balance": overview.balance,
        "debt": max(0, -overview.balance),
        "expiring": [one._asdict() for one in overview.expiring],
    }


class MovementShape(Schema):
    date = fields.Date(metadata={"description": "the day it counts for, in the program's time zone"})
    kind = fields.String(metadata={"example": "points.earned"})
    source = fields.String(
        allow_none=True, metadata={"description": "what an award was for: purchase, check_in …", "example": "purchase"}
    )
    amount = fields.Integer(metadata={"example": 40})
    balance = fields.Integer(metadata={"description": "after it", "example": 120})
    transaction_id = fields.String()
    order_id = fields.String(allow_none=True)
    redemption_id = fields.String(allow_none=True, metadata={"example": None})
    reward = fields.String(allow_none=True, metadata={"description": "its name", "example": None})
    reason = fields.String(allow_none=True, metadata={"example": None})


def movement_shape(movement: Movement) -> dict[str, Any]:
    return movement._asdict() | {
        "transaction_id": public_id("ltx", movement.transaction_id),
        "order_id": public_id_or_none("ord", movement.order_id),
        "redemption_id": public_id_or_none("rdm", movement.redemption_id),
    }


class NewPointAdjustment(Body):
    amount = SignedAmount(
        required=True, metadata={"description": "above 0 the member gets it, below 0 it is taken", "example": 50}
    )
    reason = Note(500, required=True)
    expires_on = Day(
        load_default=None, allow_none=True,
        metadata={"description": "the last day of what is given; null: as the rules say"},
    )  # fmt: skip

    @validates("amount")
    def check_amount(self, value: int, **_: Any) -> None:
        if not value:
            raise ValidationError("Must not be 0.")


class PointAdjustmentShape(Schema):
    id = fields.String(metadata={"example": "pta_01kbt1wz00fcyry88y1p63pagn"})
    member_id = fields.String()
    amount = fields.Integer(metadata={"example": 50})
    reason = fields.String()
    created_by = fields.String(metadata={"example": "stf_01kbt1wz00fcyry88y1p63pagn"})
    created_at = fields.DateTime()


def adjustment_shape(adjustment: Adjustment) -> dict[str, Any]:
    return adjustment._asdict() | {
        "id": public_id("pta", adjustment.id),
        "member_id": public_id("mem", adjustment.member_id),
        "created_by": public_id("stf", adjustment.created_by),
    }
