"""JSON shapes of what finance controls: adjustments, periods, audits."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates

from commission.ledger.adjustments import Adjustment
from commission.ledger.audits import Audit
from commission.ledger.periods import Period
from core.http.fields import Identifier, Note, Reference, SignedAmount
from core.http.schemas import Body, Page
from core.ids import public_id, public_id_or_none

STATUSES = ("requested", "posted", "rejected")


class NewAdjustment(Body):
    member_id = Identifier("mem", required=True)
    amount = SignedAmount(required=True, metadata={"description": "above 0 the member gets it, below 0 it is taken"})
    reason = Note(500, required=True)
    evidence = Note(4000, load_default=None, allow_none=True)

    @validates("amount")
    def check_amount(self, value: int, **_: Any) -> None:
        if not value:
            raise ValidationError("Must not be 0.")


class Rejection(Body):
    reason = Note(500, required=True)


class AdjustmentQuery(Page):
    member_id = Reference("mem", load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))


class AdjustmentShape(Schema):
    id = fields.String()
    member_id = fields.String()
    currency = fields.String()
    amount = fields.Integer()
    reason = fields.String()
    evidence = fields.String(allow_none=True)
    status = fields.String(validate=validate.OneOf(STATUSES))
    requested_by = fields.String()
    requested_at = fields.DateTime()
    decided_by = fields.String(allow_none=True, metadata={"description": "who approved or rejected"})
    decided_at = fields.DateTime(allow_none=True)
    rejection = fields.String(allow_none=True, metadata={"description": "why it was rejected"})
    transaction_id = fields.String(allow_none=True)


def adjustment_shape(adjustment: Adjustment) -> dict[str, Any]:
    return adjustment._asdict() | {
        "id": public_id("adj", adjustment.id),
        "member_id": public_id("mem", adjustment.member_id),
        "requested_by": public_id("stf", adjustment.requested_by),
        "decided_by": public_id_or_none("stf", adjustment.decided_by),
        "transaction_id": public_id_or_none("ltx", adjustment.transaction_id),
    }


class PeriodShape(Schema):
    month = fields.String(metadata={"description": "such as 2026-01"})
    status = fields.String(validate=validate.OneOf(["closed"]))
    closed_at = fields.DateTime()
    closed_by = fields.String()


def period_shape(period: Period) -> dict[str, Any]:
    return {
        "month": f"{period.month:%Y-%m}",
        "status": "closed",
        "closed_at": period.closed_at,
        "closed_by": public_id("stf", period.closed_by),
    }


class ProblemShape(Schema):
    check = fields.String()
    subject = fields.String(allow_none=True, metadata={"description": "the transaction, member or account"})
    detail = fields.String()


class HeadShape(Schema):
    seq = fields.Integer(metadata={"description": "transactions sealed; 0: none"})
    hash = fields.String(metadata={"description": "of the last seal; keep it elsewhere"})


class AuditShape(Schema):
    id = fields.String()
    status = fields.String(validate=validate.OneOf(["running", "completed"]))
    ok = fields.Boolean(allow_none=True, metadata={"description": "null while it runs"})
    checked = fields.Dict(keys=fields.String(), values=fields.Integer(), metadata={"description": "so far, by check"})
    problems = fields.List(fields.Nested(ProblemShape), metadata={"description": "the first hundred"})
    problem_count = fields.Integer()
    head = fields.Nested(HeadShape, metadata={"description": "the end of the chain when the audit began"})
    created_at = fields.DateTime()
    completed_at = fields.DateTime(allow_none=True)


def audit_shape(audit: Audit) -> dict[str, Any]:
    progress = audit.progress
    return {
        "id": public_id("aud", audit.id),
        "status": audit.status,
        "ok": None if audit.completed_at is None else not progress.problem_count,
        "checked": progress.checked,
        "problems": progress.problems,
        "problem_count": progress.problem_count,
        "head": {"seq": progress.seq, "hash": progress.hash},
        "created_at": audit.created_at,
        "completed_at": audit.completed_at,
    }
