"""Coupons claimed by customers, over HTTP."""

from typing import Any

from flask import Blueprint

from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.ids import ExternalRef, parse_public_id
from coupons.vouchers.errors import CouponNotFound
from coupons.vouchers.gathered_claims import claim_for
from coupons.vouchers.holding_schemas import CouponClaimShape, NewCouponClaim, claim_shape

blueprint = Blueprint("coupon_claims", __name__)

REFUSES = ("sold_out", "limit_reached", "not_yet_valid", "expired", "ended")


@blueprint.post("/v1/coupons/<ref>/claims")
@endpoint(
    "coupons:use", summary="Claim a coupon for a customer: a code of his own", body=NewCouponClaim,
    answer=CouponClaimShape, status=201, refuses=REFUSES,
    transactional=False,
    description="The code is counted from now on, until it expires. Nobody else can use it. A customer who is not "
    "known becomes a member. Each call is another claim: send an Idempotency-Key where it may be repeated.",
)  # fmt: skip
def claim_coupon(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    coupon_id = parse_public_id("cpn", ref)
    if coupon_id is None:
        raise CouponNotFound()
    return claim_shape(claim_for(actor.program_id, coupon_id, ExternalRef(body["customer_external_id"])))
