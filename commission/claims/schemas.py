"""JSON shapes of attribution claims."""

from typing import Any

from marshmallow import Schema, fields, validate

from commission.claims.queries import Claim
from core.http.fields import ExternalId, Identifier, Note
from core.http.schemas import Body, Page
from core.ids import public_id, public_id_or_none

STATUSES = ["waiting", "open", "approved", "rejected"]


class NewClaimBody(Body):
    order_external_id = ExternalId(required=True)
    note = Note(500, load_default=None, allow_none=True)


class DecisionBody(Body):
    action = fields.String(required=True, validate=validate.OneOf(["approve", "reject"]))
    reason = Note(500, required=True)


class ClaimQuery(Page):
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    member_id = Identifier("mem", load_default=None)


class OwnClaimShape(Schema):
    id = fields.String()
    order_external_id = fields.String()
    note = fields.String(allow_none=True)
    status = fields.String(
        validate=validate.OneOf(["open", "approved", "rejected"]),
        metadata={"description": "open also while there is no such paid order"},
    )
    reason = fields.String(allow_none=True, metadata={"description": "a code where rules answered, else staff's words"})
    decided_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()


class ClaimShape(OwnClaimShape):
    status = fields.String(
        validate=validate.OneOf(STATUSES), metadata={"description": "waiting: no such paid order yet"}
    )
    member_id = fields.String()
    decided_by_kind = fields.String(allow_none=True, validate=validate.OneOf(["rules", "staff"]))
    decided_by = fields.String(allow_none=True, metadata={"example": None, "description": "the person of the staff"})


def claim_shape(claim: Claim) -> dict[str, Any]:
    return own_claim_shape(claim) | {
        "status": claim.status,
        "member_id": public_id("mem", claim.member_id),
        "decided_by_kind": claim.decided_by_kind,
        "decided_by": public_id_or_none("stf", claim.decided_by),
    }


def own_claim_shape(claim: Claim) -> dict[str, Any]:
    """As the member sees it: whether an order of that name exists is not his to learn."""
    return {
        "id": public_id("atc", claim.id),
        "order_external_id": claim.order_external_id,
        "note": claim.note,
        "status": "open" if claim.status == "waiting" else claim.status,
        "reason": claim.reason,
        "decided_at": claim.decided_at,
        "created_at": claim.created_at,
    }
