"""JSON shapes of signals."""

from typing import Any

from marshmallow import Schema, fields, validate

from commission.guard.queries import SignalRow
from commission.guard.rules import OF_CLICKS, OF_ORDERS
from core.http.fields import Identifier, Note
from core.http.schemas import Body, Page
from core.ids import public_id, public_id_or_none

SIGNALS = [*OF_ORDERS, *OF_CLICKS]
STATUSES = ["open", "released", "rejected", "noted"]
POLICIES = ["flag", "hold", "refuse"]


class SignalQuery(Page):
    signal = fields.String(load_default=None, validate=validate.OneOf(SIGNALS))
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    policy = fields.String(load_default=None, validate=validate.OneOf(POLICIES))
    order_id = Identifier("ord", load_default=None)
    member_id = Identifier("mem", load_default=None)


class GuardDecisionBody(Body):
    action = fields.String(required=True, validate=validate.OneOf(["release", "reject"]))
    reason = Note(500, required=True)


class GuardedShape(Schema):
    """The order that was decided."""

    id = fields.String()
    guard_status = fields.String(validate=validate.OneOf(["released", "rejected"]))


class SignalShape(Schema):
    id = fields.String()
    signal = fields.String(validate=validate.OneOf(SIGNALS))
    policy = fields.String(validate=validate.OneOf(POLICIES), metadata={"description": "as the settings said then"})
    order_id = fields.String(allow_none=True)
    member_id = fields.String(allow_none=True, metadata={"description": "who would earn"})
    evidence = fields.Dict(metadata={"description": "ids and counts", "example": {"shared": ["device"]}})
    status = fields.String(
        validate=validate.OneOf(STATUSES), metadata={"description": "open: waits; noted: nothing to decide"}
    )
    reason = fields.String(allow_none=True, metadata={"example": None})
    decided_by = fields.String(allow_none=True, metadata={"example": None})
    decided_at = fields.DateTime(allow_none=True, metadata={"example": None})
    created_at = fields.DateTime()


def signal_shape(row: SignalRow) -> dict[str, Any]:
    return {
        "id": public_id("sig", row.id),
        "signal": row.signal,
        "policy": row.policy,
        "order_id": public_id_or_none("ord", row.order_id),
        "member_id": public_id_or_none("mem", row.member_id),
        "evidence": row.evidence,
        "status": row.status,
        "reason": row.reason,
        "decided_by": public_id_or_none("stf", row.decided_by),
        "decided_at": row.decided_at,
        "created_at": row.created_at,
    }
