"""JSON shapes of points: rules, balances, statements, adjustments."""

from collections.abc import Mapping
from typing import Any

import msgspec
from marshmallow import Schema, ValidationError, fields, validate, validates, validates_schema

from community.points.adjustments import Adjustment
from community.points.grades import Standing
from community.points.rule_versions import RulesVersion
from community.points.rules import MOST_GRADES, MOST_MULTIPLIER, MOST_NAMED, MOST_PER_AMOUNT, MOST_POINTS, PointRules
from community.points.statements import Movement, Overview
from core.http.fields import Day, Note, SignedAmount, Text, Whole
from core.http.schemas import Body
from core.ids import public_id, public_id_or_none
from referral.members.service import STANDARD_GRADE

_BASES = ["commission_base", "total"]
_MOMENTS = ["paid", "completed"]


def _multiplier(**options: Any) -> Whole:
    return Whole(maximum=MOST_MULTIPLIER, **options)


def _multipliers(what: str, name: str) -> fields.Field[Any]:
    return fields.Dict(
        keys=Text(200), values=_multiplier(), load_default=dict, validate=validate.Length(max=MOST_NAMED),
        metadata={
            "description": f"basis points by {what}; 10000 is once, and what is not named counts once",
            "example": {name: 20_000},
        },
    )  # fmt: skip


class PurchaseRuleBody(Body):
    points = Whole(minimum=1, maximum=1_000_000, required=True, metadata={"example": 1})
    per_amount = Whole(
        minimum=1, maximum=MOST_PER_AMOUNT, required=True,
        metadata={"description": "minor units; in proportion, and rounded down once, at the end", "example": 100},
    )  # fmt: skip
    base = fields.String(
        load_default="commission_base", validate=validate.OneOf(_BASES),
        metadata={"description": "total counts shipping and tax as well"},
    )  # fmt: skip
    earn_on = fields.String(load_default="completed", validate=validate.OneOf(_MOMENTS))


class MemberDaysBody(Body):
    multiplier_bps = _multiplier(required=True, metadata={"example": 20_000})
    days = fields.List(
        Whole(minimum=1, maximum=31), load_default=list, validate=validate.Length(max=31),
        metadata={"description": "of the month", "example": [18]},
    )  # fmt: skip
    weekdays = fields.List(
        Whole(minimum=1, maximum=7), load_default=list, validate=validate.Length(max=7),
        metadata={"description": "1 is Monday", "example": []},
    )  # fmt: skip

    @validates_schema
    def some_day(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data["days"] and not data["weekdays"]:
            raise ValidationError({"days": ["A day of the month or of the week is needed."]})


class ExpiryBody(Body):
    days = Whole(minimum=1, maximum=3650, load_default=None, allow_none=True, metadata={"example": None})
    months = Whole(
        minimum=1, maximum=120, load_default=None, allow_none=True,
        metadata={"description": "from the 31st to the last day of a shorter month", "example": 12},
    )  # fmt: skip

    @validates_schema
    def one_of_both(self, data: Mapping[str, Any], **_: Any) -> None:
        if (data["days"] is None) == (data["months"] is None):
            raise ValidationError({"days": ["Either days or months."]})


class GradeThresholdBody(Body):
    grade = Text(50, required=True, metadata={"example": "gold"})
    points = Whole(minimum=1, maximum=MOST_POINTS, required=True, metadata={"example": 1000})


class PointRulesBody(Body):
    purchase = fields.Nested(
        PurchaseRuleBody, load_default=None, allow_none=True, metadata={"description": "null: purchases earn nothing"}
    )
    category_multipliers = _multipliers("category of the line", "tea")
    grade_multipliers = _multipliers("grade of the customer", "gold")
    member_days = fields.Nested(
        MemberDaysBody, load_default=None, allow_none=True,
        metadata={"description": "payments of these days, in the program's time zone, earn more"},
    )  # fmt: skip
    check_in_points = Whole(maximum=MOST_POINTS, load_default=0, metadata={"example": 5})
    engagement_points = Whole(maximum=MOST_POINTS, load_default=0, metadata={"example": 2})
    expiry = fields.Nested(
        ExpiryBody, load_default=None, allow_none=True,
        metadata={"description": "how long after the day they are earned; null: points last"},
    )  # fmt: skip
    adjustment_limit = Whole(
        maximum=MOST_POINTS, load_default=10_000,
        metadata={"description": "of one adjustment by hand; only an owner changes it", "example": 10_000},
    )  # fmt: skip
    grades = fields.List(
        fields.Nested(GradeThresholdBody), load_default=list, validate=validate.Length(max=MOST_GRADES),
        metadata={"description": "grades by points earned within 365 days; none: grades are set by hand"},
    )  # fmt: skip

    @validates_schema
    def grades_differ(self, data: Mapping[str, Any], **_: Any) -> None:
        grades = data["grades"]
        for name in ("grade", "points"):
            if len({one[name] for one in grades}) < len(grades):
                raise ValidationError({"grades": [f"Two have the same {name}."]})
        if any(one["grade"] == STANDARD_GRADE for one in grades):
            raise ValidationError({"grades": [f"{STANDARD_GRADE!r} is the grade of those who reach none."]})


def point_rules(body: dict[str, Any]) -> PointRules:
    """A checked body as rules."""
    return msgspec.convert(body, PointRules)


class PurchaseRuleShape(Schema):
    points = fields.Integer()
    per_amount = fields.Integer()
    base = fields.String(validate=validate.OneOf(_BASES))
    earn_on = fields.String(validate=validate.OneOf(_MOMENTS))


class MemberDaysShape(Schema):
    multiplier_bps = fields.Integer()
    days = fields.List(fields.Integer())
    weekdays = fields.List(fields.Integer())


class ExpiryShape(Schema):
    days = fields.Integer(allow_none=True)
    months = fields.Integer(allow_none=True)


class GradeThresholdShape(Schema):
    grade = fields.String(metadata={"example": "gold"})
    points = fields.Integer(metadata={"example": 1000})


class PointRulesShape(Schema):
    version = fields.Integer(metadata={"description": "0: never set"})
    purchase = fields.Nested(PurchaseRuleShape, allow_none=True)
    category_multipliers = fields.Dict(keys=fields.String(), values=fields.Integer())
    grade_multipliers = fields.Dict(keys=fields.String(), values=fields.Integer())
    member_days = fields.Nested(MemberDaysShape, allow_none=True)
    check_in_points = fields.Integer()
    engagement_points = fields.Integer()
    expiry = fields.Nested(ExpiryShape, allow_none=True)
    adjustment_limit = fields.Integer()
    grades = fields.List(fields.Nested(GradeThresholdShape))
    created_at = fields.DateTime(allow_none=True)
    created_by = fields.String(allow_none=True, metadata={"example": "stf_01kbt1wz00fcyry88y1p63pagn"})


def rules_shape(version: RulesVersion) -> dict[str, Any]:
    rules: dict[str, Any] = msgspec.to_builtins(version.rules)
    return rules | {
        "version": version.version,
        "created_at": version.created_at,
        "created_by": public_id_or_none("stf", version.created_by),
    }


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
