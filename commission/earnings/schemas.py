"""JSON shapes of commissions, maturations and earnings."""

from typing import Any

from marshmallow import Schema, fields, validate

from commission.earnings.periods import Expected, Period, Waiting
from commission.earnings.queries import ListedCommission, MaturationRecord
from core.http.fields import Day, Instant, Reference
from core.http.schemas import Body, Page
from core.ids import public_id

STATUSES = ["pending", "available", "reversed"]


class NewMaturation(Body):
    as_of = Instant(required=True, metadata={"description": "not later than now; holds that ended by then"})


class MaturationShape(Schema):
    id = fields.String()
    status = fields.String(validate=validate.OneOf(["running", "completed"]))
    as_of = fields.DateTime()
    source = fields.String(validate=validate.OneOf(["request", "schedule", "settlement"]))
    commission_count = fields.Integer()
    amount = fields.Integer(metadata={"description": "moved from pending to available so far"})
    created_at = fields.DateTime()
    completed_at = fields.DateTime(allow_none=True)


def maturation_shape(row: MaturationRecord) -> dict[str, Any]:
    return {
        "id": public_id("mat", row.id),
        "status": row.status,
        "as_of": row.as_of,
        "source": row.source,
        "commission_count": row.commission_count,
        "amount": row.amount,
        "created_at": row.created_at,
        "completed_at": row.completed_at,
    }


class MyCommissionQuery(Page):
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    from_ = Instant(load_default=None, data_key="from", metadata={"description": "earned at or after"})
    to = Instant(load_default=None, metadata={"description": "earned before"})


class CommissionQuery(MyCommissionQuery):
    member_id = Reference("mem", load_default=None)
    order_id = Reference("ord", load_default=None)


class MyCommissionShape(Schema):
    id = fields.String()
    order_id = fields.String()
    level = fields.Integer()
    amount = fields.Integer(metadata={"description": "minor units; never changes"})
    reversed = fields.Integer(metadata={"description": "taken back by refunds so far"})
    status = fields.String(validate=validate.OneOf(STATUSES))
    earned_at = fields.DateTime(metadata={"description": "when the order was paid"})
    matures_at = fields.DateTime(allow_none=True, metadata={"description": "null: the hold has not begun"})
    matured_at = fields.DateTime(allow_none=True)
    held = fields.Boolean(metadata={"description": "stays pending past matures_at"})
    held_reason = fields.String(allow_none=True)


class CommissionShape(MyCommissionShape):
    order_external_id = fields.String()
    member_id = fields.String()
    member_external_id = fields.String(allow_none=True)


def my_commission_shape(row: ListedCommission) -> dict[str, Any]:
    """What the member himself sees: the shop's own numbers are not his business."""
    return {
        "id": public_id("com", row.id),
        "order_id": public_id("ord", row.order_id),
        "level": row.level,
        "amount": row.amount,
        "reversed": row.reversed,
        "status": row.status,
        "earned_at": row.earned_at,
        "matures_at": row.matures_at,
        "matured_at": row.matured_at,
        "held": row.status == "pending" and row.held_reason is not None,
        "held_reason": row.held_reason if row.status == "pending" else None,
    }


def commission_shape(row: ListedCommission) -> dict[str, Any]:
    return my_commission_shape(row) | {
        "order_external_id": row.order_external_id,
        "member_id": public_id("mem", row.member_id),
        "member_external_id": row.member_external_id,
    }


class EarningsQuery(Body):
    interval = fields.String(load_default="day", validate=validate.OneOf(["day", "month"]))
    from_ = Day(load_default=None, data_key="from", metadata={"description": "first day; none: since ever"})
    to = Day(load_default=None, metadata={"description": "last day, included"})


class EarningSumsShape(Schema):
    estimated = fields.Integer(metadata={"description": "of orders paid then, less what was taken back since"})
    matured = fields.Integer(metadata={"description": "became available then, less what was taken back since"})
    paid = fields.Integer(metadata={"description": "paid out then"})


class PeriodShape(EarningSumsShape):
    date = fields.Date(metadata={"description": "the day, or the first day of the month"})


class ExpectedShape(Schema):
    date = fields.Date()
    amount = fields.Integer()


class EarningsShape(Schema):
    currency = fields.String()
    interval = fields.String(validate=validate.OneOf(["day", "month"]))
    totals = fields.Nested(EarningSumsShape)
    data = fields.List(fields.Nested(PeriodShape), metadata={"description": "periods with something in them"})
    expected = fields.List(fields.Nested(ExpectedShape), metadata={"description": "pending, by the day its hold ends"})
    undated = fields.Integer(metadata={"description": "pending, its hold has not begun"})
    held = fields.Integer(metadata={"description": "pending, held for a reason"})


def earnings_shape(
    currency: str, interval: str, periods: list[Period], expected: list[Expected], waiting: Waiting
) -> dict[str, Any]:
    return {
        "currency": currency,
        "interval": interval,
        "totals": {
            "estimated": sum(one.estimated for one in periods),
            "matured": sum(one.matured for one in periods),
            "paid": sum(one.paid for one in periods),
        },
        "data": [
            {"date": one.day, "estimated": one.estimated, "matured": one.matured, "paid": one.paid} for one in periods
        ],
        "expected": [{"date": one.day, "amount": one.amount} for one in expected],
        "undated": waiting.undated,
        "held": waiting.held,
    }
