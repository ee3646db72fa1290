"""JSON shape of the finance summary."""

from typing import Any

from marshmallow import Schema, fields

from commission.settlement.finance import Summary
from core.http.fields import Instant
from core.http.schemas import Body


class SummaryQuery(Body):
    as_of = Instant(load_default=None, metadata={"description": "what was recorded by then; now unless given"})


class AgeShape(Schema):
    from_days = fields.Integer()
    to_days = fields.Integer(allow_none=True)
    amount = fields.Integer()
    members = fields.Integer()


class DebtShape(Schema):
    amount = fields.Integer(metadata={"description": "by which available balances are below zero"})
    members = fields.Integer()
    by_age = fields.List(fields.Nested(AgeShape), metadata={"description": "by days since the balance fell below zero"})


class MaturingShape(Schema):
    date = fields.Date()
    amount = fields.Integer()
    commission_count = fields.Integer()


class SummaryShape(Schema):
    """accrued − reversed + adjustments + rewards + red_packets = pending + payable − debt + in_payout + paid."""

    as_of = fields.DateTime()
    currency = fields.String()
    accrued = fields.Integer(metadata={"description": "all commissions ever"})
    reversed = fields.Integer(metadata={"description": "taken back by refunds"})
    adjustments = fields.Integer(metadata={"description": "by hand, either sign"})
    rewards = fields.Integer(metadata={"description": "money that activities gave, less what was taken back"})
    red_packets = fields.Integer(metadata={"description": "money claimed from red packets"})
    pending = fields.Integer()
    payable = fields.Integer(metadata={"description": "available balances above zero"})
    in_payout = fields.Integer()
    paid = fields.Integer()
    debt = fields.Nested(DebtShape)
    maturing = fields.List(
        fields.Nested(MaturingShape), metadata={"description": "the next 30 days; what is overdue is on the first"}
    )


def summary_shape(summary: Summary) -> dict[str, Any]:
    sums = summary.sums
    return {
        "as_of": summary.as_of,
        "currency": summary.currency,
        "accrued": sums.accrued,
        "reversed": sums.reversed,
        "adjustments": sums.adjustments,
        "rewards": sums.rewards,
        "red_packets": sums.red_packets,
        "pending": sums.pending,
        "payable": sums.payable,
        "in_payout": sums.in_payout,
        "paid": sums.paid,
        "debt": {
            "amount": sums.debt,
            "members": sums.debtors,
            "by_age": [age._asdict() for age in summary.debt_by_age],
        },
        "maturing": [
            {"date": one.day, "amount": one.amount, "commission_count": one.commission_count}
            for one in summary.maturing
        ],
    }
