"""JSON shapes of coupon quotes."""

from typing import Any

from marshmallow import Schema, fields, validate

from core.http.fields import Amount, Text, Whole
from core.http.schemas import Body
from core.ids import public_id
from coupons.vouchers.rules import MAX_CODES, CodeDiscount, Quote, Reason

MAX_LINES = 5000
_MAX_QUANTITY = 10**9


class CouponQuoteItemBody(Body):
    sku = Text(200, required=True)
    quantity = Whole(minimum=1, maximum=_MAX_QUANTITY, load_default=1)
    unit_price = Amount(required=True)
    discount = Amount(load_default=0, metadata={"description": "off the whole line"})
    category = Text(200, load_default=None, allow_none=True)


class NewCouponQuote(Body):
    customer_external_id = Text(200, load_default=None, allow_none=True)
    items = fields.List(fields.Nested(CouponQuoteItemBody), required=True, validate=validate.Length(1, MAX_LINES))
    discount = Amount(load_default=0, metadata={"description": "off the whole order, after line discounts"})
    codes = fields.List(
        Text(200, metadata={"example": "SUMMER-10"}), required=True, validate=validate.Length(0, MAX_CODES)
    )


class CouponQuoteCodeLineShape(Schema):
    line = fields.Integer(metadata={"description": "its place in items, from 0", "example": 0})
    sku = fields.String()
    unit_price = fields.Integer()
    amount = fields.Integer(metadata={"example": 1000})


class CouponQuoteCodeShape(Schema):
    code = fields.String(metadata={"example": "SUMMER-10"})
    coupon_id = fields.String(metadata={"example": "cpn_01kbt1wz00fcyry88y1p63pagn"})
    amount = fields.Integer(metadata={"example": 1000})
    per_line = fields.List(fields.Nested(CouponQuoteCodeLineShape), metadata={"description": "the lines it covers"})


class CouponQuoteLineShape(Schema):
    sku = fields.String()
    unit_price = fields.Integer()
    quantity = fields.Integer()
    net_before = fields.Integer(
        metadata={"description": "after its own discount and its share of the order's, before coupons", "example": 2500}
    )
    discount = fields.Integer(metadata={"description": "by coupons", "example": 1000})
    net = fields.Integer(metadata={"example": 1500})


class RefusedCouponCodeShape(Schema):
    code = fields.String(metadata={"example": "WINTER"})
    reason = fields.String(
        validate=validate.OneOf([reason.value for reason in Reason]), metadata={"example": Reason.EXPIRED.value}
    )


class CouponQuoteShape(Schema):
    discount = fields.Integer(metadata={"description": "by all the codes together", "example": 1000})
    per_code = fields.List(fields.Nested(CouponQuoteCodeShape))
    per_line = fields.List(fields.Nested(CouponQuoteLineShape))
    refused = fields.List(fields.Nested(RefusedCouponCodeShape))


def coupon_quote_shape(items: list[dict[str, Any]], nets: list[int], quote: Quote) -> dict[str, Any]:
    """A quote as the API shows it; `nets` are the lines before coupons."""
    return {
        "discount": sum(one.amount for one in quote.discounts),
        "per_code": [_code_shape(items, one) for one in quote.discounts],
        "per_line": [
            {
                "sku": item["sku"], "unit_price": item["unit_price"], "quantity": item["quantity"],
                "net_before": net, "discount": net - left, "net": left,
            }
            for item, net, left in zip(items, nets, quote.left, strict=True)
        ],
        "refused": [refused._asdict() for refused in quote.refused],
    }  # fmt: skip


def _code_shape(items: list[dict[str, Any]], found: CodeDiscount) -> dict[str, Any]:
    return {
        "code": found.code,
        "coupon_id": public_id("cpn", found.coupon_id),
        "amount": found.amount,
        "per_line": [
            {"line": line, "sku": items[line]["sku"], "unit_price": items[line]["unit_price"], "amount": amount}
            for line, amount in zip(found.lines, found.by_line, strict=True)
        ],
    }
