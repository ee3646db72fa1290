"""JSON shapes of orders and refunds."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from commission.orders.new_order import MAX_CODES, MAX_LINES, MAX_QUANTITY, MAX_SUB_IDS, plain_code, told_faults
from commission.orders.refund_schemas import RefundShape
from core.http.fields import (
    Amount,
    Attributes,
    ExternalId,
    Flag,
    Identifier,
    Instant,
    Note,
    Text,
    Whole,
)  # fmt: skip
from core.http.schemas import BatchResult, Body, Page

MAX_BATCH = 1000  # completions
GUARD_STATUSES = ["clear", "flagged", "held", "released", "rejected"]
STATUSES = ["placed", "paid", "completed", "canceled"]
Currency = validate.Regexp(r"[A-Z]{3}\Z", error="Not an ISO 4217 code such as CNY.")


def _optional_text(maximum: int = 200) -> Text:
    return Text(maximum, load_default=None, allow_none=True)


class NewLineBody(Body):
    sku = Text(200, required=True)
    quantity = Whole(minimum=1, maximum=MAX_QUANTITY, required=True)
    unit_price = Amount(required=True)
    discount = Amount(load_default=0, metadata={"description": "off the whole line"})
    category = _optional_text()
    name = _optional_text()
    supply_price = Amount(load_default=None, allow_none=True)
    product_url = _optional_text(2000)
    image_url = _optional_text(2000)


class ToldDiscountBody(Body):
    code = Text(64, required=True)
    amount = Amount(required=True, metadata={"description": "what the shop has taken off for it"})


class NewOrderBody(Body):
    external_id = ExternalId(required=True)
    customer_external_id = _optional_text()
    currency = fields.String(required=True, validate=Currency)
    placed_at = Instant(load_default=None, allow_none=True)
    paid_at = Instant(required=True, allow_none=True, metadata={"description": "null: placed, not paid yet"})
    items = fields.List(fields.Nested(NewLineBody), required=True, validate=validate.Length(1, MAX_LINES))
    shipping = Amount(load_default=0)
    tax = Amount(load_default=0)
    discount = Amount(load_default=0, metadata={"description": "off the whole order, after line discounts"})
    channel = _optional_text()
    store_external_id = _optional_text()
    group_id = _optional_text()
    content_id = _optional_text()
    session_id = _optional_text()
    attributes = Attributes(load_default=dict)
    coupon_codes = fields.List(
        Text(64), load_default=list, validate=validate.Length(max=MAX_CODES),
        metadata={"description": "in the order in which they are applied; case does not count"},
    )  # fmt: skip
    coupon_policy = fields.String(
        load_default="redeem", validate=validate.OneOf(["redeem", "record"]),
        metadata={"description": "record: the shop has given the discounts already; they are taken as told"},
    )  # fmt: skip
    coupon_discounts = fields.List(
        fields.Nested(ToldDiscountBody), load_default=None, allow_none=True, validate=validate.Length(max=MAX_CODES),
        metadata={"description": "with coupon_policy record, and only then"},
    )  # fmt: skip
    click_id = _optional_text()
    link_code = _optional_text(64)
    visitor_id = _optional_text()
    sub_ids = fields.List(Text(200), load_default=list, validate=validate.Length(max=MAX_SUB_IDS))

    @validates_schema
    def discounts_fit_the_policy(self, data: dict[str, Any], **_: Any) -> None:
        told = data["coupon_discounts"]
        codes = None if told is None else [plain_code(one["code"]) for one in told]
        if faults := told_faults(data["coupon_policy"], codes):
            raise ValidationError(faults)

    @post_load
    def codes_are_upper_case(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data["coupon_codes"] = [plain_code(code) for code in data["coupon_codes"]]
        for one in data["coupon_discounts"] or ():
            one["code"] = plain_code(one["code"])
        return data


class OrderBatchBody(Body):
    orders = fields.List(fields.Nested(NewOrderBody), required=True, validate=validate.Length(1, 500))


class PayBody(Body):
    paid_at = Instant(required=True)


class CompleteBody(Body):
    completed_at = Instant(required=True)


class BatchCompletion(CompleteBody):
    external_id = ExternalId(required=True)


class CompleteBatchBody(Body):
    orders = fields.List(fields.Nested(BatchCompletion), required=True, validate=validate.Length(1, MAX_BATCH))


class CancelBody(Body):
    canceled_at = Instant(required=True)
    reason = Note(500, required=True)


class AfterSaleBody(Body):
    open = Flag(required=True)
    reason = Note(500, load_default=None, allow_none=True)


class AttributionBody(Body):
    member_id = Identifier("mem", required=True, allow_none=True, metadata={"description": "null: nobody"})
    reason = Note(500, required=True)


class OrderQuery(Page):
    external_id = ExternalId(load_default=None)
    customer_external_id = ExternalId(load_default=None)
    member_id = Identifier("mem", load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    from_ = Instant(load_default=None, data_key="from")
    to = Instant(load_default=None)


class LineShape(Schema):
    sku = fields.String()
    quantity = fields.Integer()
    unit_price = fields.Integer()
    discount = fields.Integer()
    base = fields.Integer(metadata={"description": "what commissions are of: the line after every discount"})
    refunded_quantity = fields.Integer()
    refunded_amount = fields.Integer(metadata={"description": "its share of refunds by amount"})
    category = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    supply_price = fields.Integer(allow_none=True)
    product_url = fields.String(allow_none=True)
    image_url = fields.String(allow_none=True)


class AttributionShape(Schema):
    source = fields.String(validate=validate.OneOf(["coupon", "click", "binding", "staff", "none"]))
    member_id = fields.String(allow_none=True)
    evidence = fields.Dict(allow_none=True)


class OrderCouponShape(Schema):
    code = fields.String()
    coupon_id = fields.String(allow_none=True, metadata={"description": "null: a recorded code that nobody knows"})
    amount = fields.Integer(metadata={"description": "what it took off"})
    lines = fields.List(fields.Integer(), metadata={"description": "positions in items of the lines it covers"})
    recorded = fields.Boolean(metadata={"description": "given by the shop beforehand: taken as told, nothing redeemed"})


class OrderCommissionShape(Schema):
    id = fields.String()
    member_id = fields.String()
    level = fields.Integer()
    amount = fields.Integer()
    reversed = fields.Integer()
    status = fields.String(validate=validate.OneOf(["pending", "available", "reversed"]))
    matures_at = fields.DateTime(allow_none=True)
    held = fields.Boolean()
    held_reason = fields.String(allow_none=True)


class OrderShape(Schema):
    id = fields.String()
    external_id = fields.String()
    status = fields.String(validate=validate.OneOf(STATUSES))
    customer_id = fields.String(allow_none=True)
    store_id = fields.String(allow_none=True)
    currency = fields.String()
    placed_at = fields.DateTime(allow_none=True)
    paid_at = fields.DateTime(allow_none=True)
    completed_at = fields.DateTime(allow_none=True)
    canceled_at = fields.DateTime(allow_none=True)
    cancel_reason = fields.String(allow_none=True)
    after_sale = fields.Dict()
    items = fields.List(fields.Nested(LineShape))
    subtotal = fields.Integer()
    discount = fields.Integer()
    coupon_discount = fields.Integer()
    shipping = fields.Integer()
    tax = fields.Integer()
    total = fields.Integer()
    coupons = fields.List(fields.Nested(OrderCouponShape), metadata={"description": "in the order they were applied"})
    commission_base = fields.Integer()
    refunded = fields.Integer()
    channel = fields.String(allow_none=True)
    group_id = fields.String(allow_none=True)
    content_id = fields.String(allow_none=True)
    session_id = fields.String(allow_none=True)
    sub_ids = fields.List(fields.String())
    campaign_id = fields.String(allow_none=True)
    link_id = fields.String(allow_none=True, metadata={"description": "the link that brought it, whoever earns"})
    attributes = fields.Dict()
    guard_status = fields.String(
        validate=validate.OneOf(GUARD_STATUSES), metadata={"description": "held: commissions wait for a decision"}
    )
    attribution = fields.Nested(AttributionShape)
    commissions = fields.List(fields.Nested(OrderCommissionShape))
    refunds = fields.List(fields.Nested(RefundShape))


class OrderBatchResults(Schema):
    results = fields.List(fields.Nested(BatchResult))


class OwnOrderShape(Schema):
    """An order as its customer sees it."""

    id = fields.String()
    external_id = fields.String()
    status = fields.String(validate=validate.OneOf(STATUSES))
    currency = fields.String()
    total = fields.Integer()
    refunded = fields.Integer()
    placed_at = fields.DateTime(allow_none=True)
    paid_at = fields.DateTime(allow_none=True)
    completed_at = fields.DateTime(allow_none=True)
    canceled_at = fields.DateTime(allow_none=True)
    items = fields.List(fields.Nested(LineShape(only=("sku", "name", "quantity", "unit_price", "refunded_quantity"))))


class ExplanationShape(Schema):
    order_id = fields.String()
    external_id = fields.String()
    status = fields.String()
    attribution = fields.Nested(AttributionShape)
    attributions_before = fields.List(
        fields.Dict(), metadata={"description": "what stood until staff attributed it anew: version, member_id, reason"}
    )
    guard_status = fields.String(validate=validate.OneOf(GUARD_STATUSES))
    evidence_refused = fields.List(fields.Dict(), metadata={"description": "source, member_id and the reason"})
    levels_unpaid = fields.List(fields.Dict(), metadata={"description": "level, member_id and the reason"})
    plan = fields.Dict(allow_none=True)
    settings = fields.Dict(allow_none=True, metadata={"description": "of the moment it was accepted as paid"})
    base = fields.Dict()
    commissions = fields.List(fields.Dict(), metadata={"description": "exact terms, floor, cap, shares, reversals"})
    refunds = fields.List(fields.Nested(RefundShape))


class OwnExplanationShape(Schema):
    order_id = fields.String()
    status = fields.String()
    source = fields.String()
    plan = fields.Dict(allow_none=True)
    commissions = fields.List(fields.Dict())
