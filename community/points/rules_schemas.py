"""JSON shapes of the rules of points."""

from collections.abc import Mapping
from typing import Any

import msgspec
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from community.points.rule_versions import RulesVersion
from community.points.rules import (
    MOST_GRADES,
    MOST_MULTIPLIER,
    MOST_NAMED,
    MOST_PER_AMOUNT,
    MOST_POINTS,
    PointRules,
)
from core.http.fields import Text, Whole
from core.http.schemas import Body
from core.ids import public_id_or_none
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
