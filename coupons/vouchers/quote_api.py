"""What codes would take off an order that is not placed yet, over HTTP. Nothing is taken or kept."""

from typing import Any

from flask import Blueprint

from core.auth.actor import Actor
from core.http.endpoint import endpoint
from coupons.vouchers.judging import WantedCoupons, judge
from coupons.vouchers.quote_schemas import CouponQuoteShape, NewCouponQuote, coupon_quote_shape
from coupons.vouchers.rules import Line, nets_before_coupons

blueprint = Blueprint("coupon_quotes", __name__)


@blueprint.post("/v1/coupon-quotes")
@endpoint(
    "coupons:use", summary="What codes would take off, line by line, and why some take nothing", body=NewCouponQuote,
    answer=CouponQuoteShape,
    description="The arithmetic of orders: codes take in the order named, each from what is left of its lines; a "
    "coupon larger than that takes all of it. Nothing is kept for anybody: reserve, or place the order.",
)  # fmt: skip
def quote_coupons(actor: Actor, body: dict[str, Any]) -> Any:
    items = body["items"]
    nets = nets_before_coupons(
        [item["quantity"] for item in items], [item["unit_price"] for item in items],
        [item["discount"] for item in items], body["discount"],
    )  # fmt: skip
    lines = [Line(item["sku"], item["category"], net) for item, net in zip(items, nets, strict=True)]
    (found,) = judge(actor.program, [WantedCoupons(None, body["customer_external_id"], lines, body["codes"])])
    return coupon_quote_shape(items, nets, found)
