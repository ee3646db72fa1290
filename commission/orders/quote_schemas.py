"""JSON shapes of commission quotes."""

from marshmallow import Schema, fields, validate

from commission.orders.new_order import MAX_QUANTITY
from core.http.fields import Amount, Identifier, Text, Whole
from core.http.schemas import Body


def _optional_text() -> Text:
    return Text(200, load_default=None, allow_none=True)


class QuoteItemBody(Body):
    sku = Text(200, required=True)
    quantity = Whole(minimum=1, maximum=MAX_QUANTITY, load_default=1)
    unit_price = Amount(required=True)
    discount = Amount(load_default=0)
    category = _optional_text()


class QuoteBody(Body):
    items = fields.List(fields.Nested(QuoteItemBody), required=True, validate=validate.Length(1, 500))
    member_id = Identifier("mem", load_default=None, allow_none=True)
    customer_external_id = _optional_text()
    channel = _optional_text()


class QuoteLevelShape(Schema):
    level = fields.Integer()
    member_id = fields.String(allow_none=True)
    amount = fields.Integer()


class QuoteItemShape(Schema):
    sku = fields.String()
    levels = fields.List(fields.Nested(QuoteLevelShape))


class QuoteShape(Schema):
    plan_id = fields.String(allow_none=True)
    levels = fields.List(fields.Nested(QuoteLevelShape), metadata={"description": "all items as one order"})
    items = fields.List(fields.Nested(QuoteItemShape), metadata={"description": "each item by itself"})
