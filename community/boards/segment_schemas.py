"""JSON shapes of segments."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from community.boards.segments import NEW_FOR_DAYS, SavedSegment, Segment
from core.http.fields import Amount, Text, Whole
from core.http.schemas import Body
from core.ids import public_id
from core.money import MAX_AMOUNT
from referral.members.service import MemberCard

_KINDS = ("new", "returning")
_LONGEST_DAYS = 3650
_KIND = f"new: the first order is at most new_days old ({NEW_FOR_DAYS} unless said); returning: at least two orders"
_QUIET = "ordered, but not for so many days"
_SPEND = "minor units over all time, less refunds"


def check_terms(terms: Mapping[str, Any]) -> None:
    """Raises: ValidationError."""
    low, high = terms.get("min_spend"), terms.get("max_spend")
    if low is not None and high is not None and high < low:
        raise ValidationError("Less than min_spend.", "max_spend")
    if terms.get("new_days") is not None and terms.get("kind") != "new":
        raise ValidationError("Only with kind new.", "new_days")


class SegmentTerms(Body):
    """What must hold of a member, all of it."""

    kind = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(_KINDS),
        metadata={"description": _KIND, "example": "returning"},
    )  # fmt: skip
    new_days = Whole(
        minimum=1, maximum=_LONGEST_DAYS, load_default=None, allow_none=True, metadata={"example": None}
    )  # fmt: skip
    quiet_days = Whole(
        minimum=1, maximum=_LONGEST_DAYS, load_default=None, allow_none=True,
        metadata={"description": _QUIET, "example": 60},
    )  # fmt: skip
    min_spend = Amount(load_default=None, allow_none=True, metadata={"description": _SPEND, "example": 10_000})
    max_spend = Amount(load_default=None, allow_none=True, metadata={"description": _SPEND, "example": None})
    grade = Text(50, load_default=None, allow_none=True, metadata={"example": "gold"})

    @validates_schema(skip_on_field_errors=True)
    def check(self, data: dict[str, Any], **_: Any) -> None:
        check_terms(data)


class NewSegment(Body):
    name = Text(200, required=True, metadata={"example": "Quiet for two months"})
    terms = fields.Nested(SegmentTerms, required=True)


class SegmentChange(Body):
    name = Text(200, metadata={"example": "Quiet for two months"})
    terms = fields.Nested(SegmentTerms, metadata={"description": "as a whole"})


def _number(maximum: int, minimum: int = 1) -> fields.Integer:
    return fields.Integer(load_default=None, validate=validate.Range(minimum, maximum))


class PreviewQuery(Body):
    kind = fields.String(load_default=None, validate=validate.OneOf(_KINDS), metadata={"description": _KIND})
    new_days = _number(_LONGEST_DAYS)
    quiet_days = _number(_LONGEST_DAYS)
    min_spend = _number(MAX_AMOUNT, 0)
    max_spend = _number(MAX_AMOUNT, 0)
    grade = Text(50, load_default=None)

    @validates_schema(skip_on_field_errors=True)
    def check(self, data: dict[str, Any], **_: Any) -> None:
        check_terms(data)


class SegmentShape(Schema):
    id = fields.String()
    name = fields.String()
    terms = fields.Dict(metadata={"description": "as they were given", "example": {"quiet_days": 60}})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class SegmentMemberShape(Schema):
    id = fields.String(metadata={"example": "mem_01kbt1wz00fcyry88y1p63pagn"})
    external_id = fields.String(allow_none=True)
    grade = fields.String()


class PreviewShape(Schema):
    count = fields.Integer()
    sample = fields.List(fields.Nested(SegmentMemberShape))


def segment_from(terms: Mapping[str, Any]) -> Segment:
    return Segment(**terms)


def segment_shape(saved: SavedSegment) -> dict[str, Any]:
    return {
        "id": public_id("seg", saved.id), "name": saved.name, "terms": saved.terms, "created_at": saved.created_at,
        "updated_at": saved.updated_at,
    }  # fmt: skip


def segment_member_shape(card: MemberCard) -> dict[str, Any]:
    return {"id": public_id("mem", card.id), "external_id": card.external_id, "grade": card.grade}
