"""JSON shapes of settlement runs."""

from typing import Any

from marshmallow import Schema, fields, validate

from commission.payouts.rules import KINDS
from commission.payouts.rules import Status as PayoutStatus
from commission.payouts.service import Progress
from commission.settlement.queries import Run
from commission.settlement.rules import Status
from core.http.fields import Amount, Identifier, Instant, Note, Text
from core.http.schemas import Body, Page
from core.ids import public_id, public_id_or_none

_STATUSES = [status.value for status in Status]
_MOST_MEMBERS = 10_000
_MOST_EXCLUSIONS = 1000


class NewSettlement(Body):
    as_of = Instant(
        required=True, metadata={"description": "not later than now; holds that ended by then mature first"}
    )
    min_payout = Amount(
        load_default=None,
        allow_none=True,
        metadata={"description": "smaller balances wait; the program's unless given"},
    )
    rails = fields.List(
        fields.String(validate=validate.OneOf(KINDS)), load_default=None, allow_none=True,
        validate=validate.Length(min=1), metadata={"description": "pay by these only; any unless given"},
    )  # fmt: skip
    member_ids = fields.List(
        Identifier("mem"), load_default=None, allow_none=True, validate=validate.Length(1, _MOST_MEMBERS)
    )  # fmt: skip
    grades = fields.List(Text(100), load_default=None, allow_none=True, validate=validate.Length(1, 100))


class Approval(Body):
    digest = Text(64, minimum=64, required=True, metadata={"description": "of the run that was looked at"})


class Exclusions(Body):
    payout_ids = fields.List(Identifier("pay"), required=True, validate=validate.Length(1, _MOST_EXCLUSIONS))
    reason = Note(500, required=True)


class SettlementQuery(Page):
    status = fields.String(load_default=None, validate=validate.OneOf(_STATUSES))


class SettlementPayoutQuery(Page):
    status = fields.String(load_default=None, validate=validate.OneOf([status.value for status in PayoutStatus]))


class TotalsShape(Schema):
    payout_count = fields.Integer()
    gross = fields.Integer(metadata={"description": "what the members' balances are charged"})
    tax = fields.Integer()
    fee = fields.Integer()
    net = fields.Integer(metadata={"description": "what the rails are told"})


class SkippedShape(Schema):
    reason = fields.String(
        validate=validate.OneOf(
            [
                "in_debt", "suspended", "not_enrolled", "below_minimum", "no_payout_method", "method_frozen",
                "rail_not_chosen", "excluded",
            ]
        )
    )  # fmt: skip
    count = fields.Integer(metadata={"description": "members"})
    amount = fields.Integer(metadata={"description": "what they have available; below zero: debt"})


class ProgressShape(Schema):
    status = fields.String()
    count = fields.Integer()
    gross = fields.Integer()
    net = fields.Integer()


class SettlementShape(Schema):
    id = fields.String()
    status = fields.String(validate=validate.OneOf(_STATUSES))
    closing = fields.String(
        allow_none=True,
        validate=validate.OneOf(["canceled", "failed"]),
        metadata={"description": "everything is being given back; then the run has this status"},
    )
    as_of = fields.DateTime()
    min_payout = fields.Integer()
    rails = fields.List(fields.String(), allow_none=True)
    member_ids = fields.List(fields.String(), allow_none=True)
    grades = fields.List(fields.String(), allow_none=True)
    maturation_id = fields.String()
    totals = fields.Nested(TotalsShape)
    skipped = fields.List(fields.Nested(SkippedShape))
    digest = fields.String(allow_none=True, metadata={"description": "what an approval names; null until draft"})
    failure = fields.String(allow_none=True)
    created_by = fields.String()
    created_at = fields.DateTime()
    prepared_at = fields.DateTime(allow_none=True)
    approved_by = fields.String(allow_none=True)
    approved_at = fields.DateTime(allow_none=True)
    executed_by = fields.String(allow_none=True)
    executed_at = fields.DateTime(allow_none=True)
    canceled_by = fields.String(allow_none=True)
    canceled_at = fields.DateTime(allow_none=True)
    finished_at = fields.DateTime(allow_none=True)


class SettlementDetailShape(SettlementShape):
    progress = fields.List(fields.Nested(ProgressShape), metadata={"description": "its payouts by status"})


def settlement_shape(run: Run) -> dict[str, Any]:
    return {
        "id": public_id("stl", run.id),
        "status": run.status,
        "closing": run.closing,
        "as_of": run.as_of,
        "min_payout": run.min_payout,
        "rails": run.rails,
        "member_ids": None if run.member_ids is None else [public_id("mem", one) for one in run.member_ids],
        "grades": run.grades,
        "maturation_id": public_id("mat", run.maturation_id),
        "totals": {
            "payout_count": run.payout_count, "gross": run.gross, "tax": run.tax, "fee": run.fee, "net": run.net,
        },
        "skipped": [
            {"reason": reason, "count": count, "amount": amount}
            for reason, (count, amount) in sorted(run.skipped.items())
        ],
        "digest": run.digest,
        "failure": run.failure,
    } | _who_and_when(run)  # fmt: skip


def _who_and_when(run: Run) -> dict[str, Any]:
    return {
        "created_by": public_id("stf", run.created_by),
        "created_at": run.created_at,
        "prepared_at": run.prepared_at,
        "approved_by": public_id_or_none("stf", run.approved_by),
        "approved_at": run.approved_at,
        "executed_by": public_id_or_none("stf", run.executed_by),
        "executed_at": run.executed_at,
        "canceled_by": public_id_or_none("stf", run.canceled_by),
        "canceled_at": run.canceled_at,
        "finished_at": run.finished_at,
    }


def settlement_detail_shape(run: Run, progress: dict[str, Progress]) -> dict[str, Any]:
    return settlement_shape(run) | {
        "progress": [
            {"status": status, "count": one.count, "gross": one.gross, "net": one.net}
            for status, one in sorted(progress.items())
        ]
    }
