"""JSON shapes of coupons given to segments."""

from typing import Any

from marshmallow import Schema, fields

from community.boards.grants import Grant
from core.http.fields import Identifier
from core.http.schemas import Body
from core.ids import public_id


class NewGrant(Body):
    coupon_id = Identifier("cpn", required=True)


class RefusedShape(Schema):
    reason = fields.String(metadata={"example": "limit_reached"})
    count = fields.Integer()


class GrantShape(Schema):
    id = fields.String()
    segment_id = fields.String()
    coupon_id = fields.String()
    status = fields.String(metadata={"description": "running | completed", "example": "running"})
    granted = fields.Integer()
    refused = fields.List(fields.Nested(RefusedShape), metadata={"description": "of the members looked at"})
    created_at = fields.DateTime()
    completed_at = fields.DateTime(allow_none=True)


def grant_shape(grant: Grant) -> dict[str, Any]:
    return {
        "id": public_id("sgr", grant.id), "segment_id": public_id("seg", grant.segment_id),
        "coupon_id": public_id("cpn", grant.coupon_id), "status": grant.status, "granted": grant.granted,
        "refused": [{"reason": reason, "count": count} for reason, count in sorted(grant.refused.items())],
        "created_at": grant.created_at, "completed_at": grant.completed_at,
    }  # fmt: skip
