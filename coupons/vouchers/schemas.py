"""JSON shapes of coupons and their codes."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate, validates_schema

from core.http.fields import Amount, Flag, Identifier, Instant, Rate, Text, Whole
from core.http.schemas import Body, Page
from coupons.vouchers.code_texts import CODE_PATTERN
from coupons.vouchers.rules import CodeKind, CodeStatus, CouponStatus, GiveBack, Kind

MAX_CODES_AT_ONCE = 100_000
MAX_QUANTITY = 10**9
MAX_MATCHES = 1000
_LONGEST_SECONDS = 10 * 366 * 86_400
_KINDS = [kind.value for kind in Kind]
_GIVE_BACK = [rule.value for rule in GiveBack]
_STATUSES = [status.value for status in CouponStatus]
_CODE_KINDS = [kind.value for kind in CodeKind]
_CODE_STATUSES = [status.value for status in CodeStatus]
_NO_LIMIT = {"description": "null: no limit", "example": 1000}
_EXAMPLES = {"skus": ["TEA-500"], "categories": ["tea"]}


def _quantity(maximum: int = MAX_QUANTITY, **options: Any) -> Whole:
    return Whole(minimum=1, maximum=maximum, allow_none=True, **options)


def _matches(what: str) -> fields.Field[Any]:
    return fields.List(
        Text(200), load_default=None, allow_none=True, validate=validate.Length(1, MAX_MATCHES),
        metadata={
            "description": f"lines with one of these {what} are covered; null with the other list: every line",
            "example": _EXAMPLES[what],
        },
    )  # fmt: skip


class Code(Text):
    """A code as somebody chose it: small letters are as good as capitals."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.validators = [validate.Regexp(CODE_PATTERN, error="Not 3 to 40 of A to Z, 0 to 9, _ and -.")]


class NewCoupon(Body):
    name = Text(200, required=True, metadata={"example": "Ten off fifty"})
    kind = fields.String(required=True, validate=validate.OneOf(_KINDS))
    amount = Amount(
        minimum=1, load_default=None, allow_none=True, metadata={"description": "off, for kind amount", "example": 1000}
    )
    percent_bps = Rate(
        load_default=None, allow_none=True, metadata={"description": "off, for kind percent; at least 1"}
    )
    min_spend = Amount(
        load_default=0, allow_none=True, metadata={"description": "that the lines it covers come to", "example": 5000}
    )
    max_discount = Amount(
        minimum=1, load_default=None, allow_none=True, metadata={"description": "ceiling of a percent coupon"}
    )
    total_quantity = _quantity(load_default=None, metadata=_NO_LIMIT)
    per_customer_limit = _quantity(load_default=None, metadata=_NO_LIMIT)
    valid_from = Instant(load_default=None, allow_none=True)
    valid_to = Instant(load_default=None, allow_none=True, metadata={"description": "it is valid until just before"})
    claim_valid_seconds = _quantity(
        _LONGEST_SECONDS, load_default=None, metadata={"description": "how long a claimed code lives; null: as it does"}
    )
    skus = _matches("skus")
    categories = _matches("categories")
    stackable = Flag(load_default=False, metadata={"description": "whether it goes with other stackable ones"})
    give_back = fields.String(
        load_default=GiveBack.CANCEL_OR_FULL_REFUND.value, validate=validate.OneOf(_GIVE_BACK),
        metadata={"description": "when a redemption returns to the customer and the quantity"},
    )  # fmt: skip

    @validates_schema
    def terms_fit_the_kind(self, data: Mapping[str, Any], **_: Any) -> None:
        faults = _kind_faults(data)
        if data["valid_from"] and data["valid_to"] and data["valid_to"] <= data["valid_from"]:
            faults["valid_to"] = ["Not after valid_from."]
        if faults:
            raise ValidationError(faults)


def _kind_faults(data: Mapping[str, Any]) -> dict[str, list[str]]:
    kind = data["kind"]
    needed, foreign = (
        ("amount", ("percent_bps", "max_discount")) if kind == Kind.AMOUNT else ("percent_bps", ("amount",))
    )
    faults = {name: [f"Not for a coupon of kind {kind}."] for name in foreign if data[name] is not None}
    if data[needed] is None or data[needed] < 1:
        faults[needed] = [f"A coupon of kind {kind} needs it, 1 or more."]
    return faults


def coupon_terms(loaded: dict[str, Any]) -> dict[str, Any]:
    """A checked body as the columns of a coupon."""
    return loaded | {"min_spend": loaded["min_spend"] or 0}


_FIXED = tuple(
    name for name in NewCoupon().fields if name not in {"name", "valid_to", "total_quantity", "per_customer_limit"}
)


class CouponChange(Body):
    name = Text(200)
    valid_to = Instant(allow_none=True, metadata={"description": "it is valid until just before"})
    total_quantity = _quantity(metadata=_NO_LIMIT)
    per_customer_limit = _quantity(metadata=_NO_LIMIT)
    status = fields.String(validate=validate.OneOf([CouponStatus.ENDED.value]))

    @pre_load
    def terms_stay(self, data: Any, **_: Any) -> Any:
        named = [name for name in _FIXED if isinstance(data, Mapping) and name in data]
        if named:
            fixed = "The terms of a coupon never change: end it and make another."
            raise ValidationError({name: [fixed] for name in named})
        return data


class CouponQuery(Page):
    status = fields.String(validate=validate.OneOf(_STATUSES))


class CouponShape(Schema):
    id = fields.String(metadata={"example": "cpn_01kbt1wz00fcyry88y1p63pagn"})
    name = fields.String(metadata={"example": "Ten off fifty"})
    kind = fields.String(validate=validate.OneOf(_KINDS))
    amount = fields.Integer(allow_none=True, metadata={"example": 1000})
    percent_bps = fields.Integer(allow_none=True, metadata={"example": None})
    min_spend = fields.Integer(metadata={"example": 5000})
    max_discount = fields.Integer(allow_none=True, metadata={"example": None})
    total_quantity = fields.Integer(allow_none=True, metadata={"example": 1000})
    per_customer_limit = fields.Integer(allow_none=True)
    valid_from = fields.DateTime(allow_none=True)
    valid_to = fields.DateTime(allow_none=True, metadata={"example": "2026-02-28T16:00:00Z"})
    claim_valid_seconds = fields.Integer(allow_none=True, metadata={"example": None})
    skus = fields.List(fields.String(), allow_none=True)
    categories = fields.List(fields.String(), allow_none=True, metadata={"example": None})
    stackable = fields.Boolean()
    give_back = fields.String(validate=validate.OneOf(_GIVE_BACK))
    status = fields.String(validate=validate.OneOf(_STATUSES))
    taken = fields.Integer(
        allow_none=True, metadata={"description": "of the quantity: claimed, reserved, redeemed; null: no limit"}
    )
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class NewCouponCode(Body):
    member_id = Identifier(
        "mem", load_default=None, allow_none=True, metadata={"description": "the owner: orders with it are his sales"}
    )
    code = Code(load_default=None, allow_none=True, metadata={"example": "SUMMER-10"})
    quantity = _quantity(
        MAX_CODES_AT_ONCE, load_default=None,
        metadata={"description": "so many made codes, each good for one order"},
    )  # fmt: skip

    @validates_schema
    def chosen_or_many(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["code"] is not None and data["quantity"] is not None:
            raise ValidationError({"quantity": ["Many codes cannot have one text."]})


class CouponCodeQuery(Page):
    status = fields.String(validate=validate.OneOf(_CODE_STATUSES))
    kind = fields.String(validate=validate.OneOf(_CODE_KINDS))
    member_id = Identifier("mem")


class CouponCodeShape(Schema):
    id = fields.String(metadata={"example": "cod_01kbt1wz00fcyry88y1p63pagn"})
    code = fields.String(metadata={"example": "SUMMER-10"})
    coupon_id = fields.String(metadata={"example": "cpn_01kbt1wz00fcyry88y1p63pagn"})
    kind = fields.String(validate=validate.OneOf(_CODE_KINDS))
    member_id = fields.String(allow_none=True)
    status = fields.String(validate=validate.OneOf(_CODE_STATUSES))
    expires_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()


class NewCouponCodesShape(CouponCodeShape):
    """The one code, or of many their number and the first of them."""

    count = fields.Integer(metadata={"description": "where quantity was given"})
    codes = fields.List(
        fields.String(metadata={"example": "7KQ2MXWPRT4H"}),
        metadata={"description": "where quantity was given: the first 1000; the export has all"},
    )
