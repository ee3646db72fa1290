"""A member's own coupons: what he claimed, and the codes that are his to share."""

from typing import Any

from flask import Blueprint

from core.auth.access import ME
from core.auth.actor import Actor
from core.clock import now
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from coupons.vouchers.claims_api import REFUSES
from coupons.vouchers.gathered_claims import claim_for
from coupons.vouchers.holding_schemas import (
    CouponClaimShape,
    MyCouponShape,
    NewMyCouponClaim,
    claim_shape,
    my_coupon_shape,
)
from coupons.vouchers.my_coupons import my_coupons

blueprint = Blueprint("my_coupons", __name__)


@blueprint.post("/v1/me/coupon-claims")
@endpoint(
    ME, summary="Claim a coupon for myself", body=NewMyCouponClaim, answer=CouponClaimShape, status=201,
    refuses=("not_found", *REFUSES), transactional=False,
    description="Each call is another claim: send an Idempotency-Key where it may be repeated.",
)  # fmt: skip
def claim_for_myself(actor: Actor, body: dict[str, Any]) -> Any:
    return claim_shape(claim_for(actor.program_id, body["coupon_id"], actor.id))


@blueprint.get("/v1/me/coupons")
@endpoint(
    ME, summary="The coupons I claimed and the codes I own, newest first", query=Page, answer=MyCouponShape, paged=True
)
def list_my_coupons(actor: Actor, query: dict[str, Any]) -> Any:
    rows = my_coupons(actor.program_id, actor.id, id_cursor(query["cursor"]), query["limit"] + 1)
    at = now()
    return page(rows, query["limit"], lambda row: my_coupon_shape(row, at), lambda row: [str(row.id)])
