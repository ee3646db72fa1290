"""Coupons claimed by customers, over HTTP."""

from typing import Any

from flask import Blueprint

from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.ids import parse_public_id
from coupons.vouchers.claims import claim
from coupons.vouchers.errors import CouponNotFound
from coupons.vouchers.holding_schemas import CouponClaimShape, NewCouponClaim, claim_shape
from referral.members.service import customers_for

blueprint = Blueprint("coupon_claims", __name__)

REFUSES = ("sold_out", "limit_reached", "not_yet_valid", "expired", "ended")


@blueprint.post("/v1/coupons/<ref>/claims")
@endpoint(
    "coupons:use", summary="Claim a coupon for a customer: a code of his own", body=NewCouponClaim,
    answer=CouponClaimShape, status=201, refuses=REFUSES,
    description="The code is counted from now on, until it expires. Nobody else can use it. A customer who is not "
    "known becomes a member. Each call is another claim: send an Idempotency-Key where it may be repeated.",
)  # fmt: skip
def claim_coupon(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    coupon_id = parse_public_id("cpn", ref)
    if coupon_id is None:
        raise CouponNotFound()
    name = body["customer_external_id"]
    return claim_shape(claim(actor.program_id, coupon_id, customers_for(actor.program_id, [name])[name]))
