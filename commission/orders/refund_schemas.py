"""JSON shapes of refunds."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from commission.orders.new_order import MAX_LINES, MAX_QUANTITY
from core.http.fields import Amount, ExternalId, Instant, Note, Text, Whole
from core.http.schemas import Body

MAX_BATCH = 1000


class RefundItemBody(Body):
    sku = Text(200, required=True)
    quantity = Whole(minimum=1, maximum=MAX_QUANTITY, required=True)
    unit_price = Amount(load_default=None, allow_none=True)


class RefundTerms(Body):
    """What every refund has: units of lines, or an amount."""

    external_id = ExternalId(required=True)
    refunded_at = Instant(required=True)
    reason = Note(500, load_default=None, allow_none=True)
    items = fields.List(fields.Nested(RefundItemBody), validate=validate.Length(1, MAX_LINES))
    amount = Amount(minimum=1)

    @validates_schema
    def items_or_amount(self, data: dict[str, Any], **_: Any) -> None:
        if ("items" in data) == ("amount" in data):
            raise ValidationError("Give either items or amount.")


class NewRefund(RefundTerms):
    """A refund of the order in the path."""


class NewBatchRefund(RefundTerms):
    order_external_id = ExternalId(required=True)


class RefundBatchBody(Body):
    refunds = fields.List(fields.Nested(NewBatchRefund), required=True, validate=validate.Length(1, MAX_BATCH))


class RefundShape(Schema):
    id = fields.String()
    external_id = fields.String(allow_none=True)
    order_id = fields.String()
    kind = fields.String(validate=validate.OneOf(["items", "amount", "cancel"]))
    value = fields.Integer(metadata={"description": "what it took from the order's total"})
    items = fields.List(fields.Dict())
    amount = fields.Integer(allow_none=True)
    reason = fields.String(allow_none=True)
    refunded_at = fields.DateTime()
