"""Codes reserved for an order that is about to be placed, over HTTP."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from core.auth.actor import Actor
from core.clock import now
from core.http.endpoint import endpoint
from core.ids import parse_public_id
from coupons.vouchers import reservations
from coupons.vouchers.errors import ReservationNotFound
from coupons.vouchers.holding_schemas import CouponReservationShape, NewCouponReservation, reservation_shape

blueprint = Blueprint("coupon_reservations", __name__)


@blueprint.post("/v1/coupon-reservations")
@endpoint(
    "coupons:use", summary="Keep codes for an order that is about to be placed", body=NewCouponReservation,
    answer=CouponReservationShape, status=201, also=(200,), refuses=("coupon_refused", "already_exists"),
    description="All the codes or none. The order confirms it by naming them; what it does not name is released. "
    "One that runs out is released by itself. The same content for the same order again answers 200.",
)  # fmt: skip
def reserve_coupons(actor: Actor, body: dict[str, Any]) -> Any:
    reservation, is_new = reservations.reserve(actor.program, body)
    return reservation_shape(reservation, now()), 201 if is_new else 200


@blueprint.get("/v1/coupon-reservations/<ref>")
@endpoint("coupons:read", summary="One reservation", answer=CouponReservationShape)
def show_reservation(actor: Actor, ref: str) -> Any:
    return reservation_shape(reservations.reservation_of(actor.program_id, _reservation_id(ref)), now())


@blueprint.post("/v1/coupon-reservations/<ref>/confirm")
@endpoint(
    "coupons:use", summary="The order stands: redeem what was kept for it", answer=CouponReservationShape,
    refuses=("wrong_state",), description="For orders that are sent later or not at all. Again changes nothing.",
)  # fmt: skip
def confirm_reservation(actor: Actor, ref: str) -> Any:
    return reservation_shape(reservations.confirm(actor.program_id, _reservation_id(ref)), now())


@blueprint.post("/v1/coupon-reservations/<ref>/release")
@endpoint(
    "coupons:use", summary="The order will not come: return what was kept for it", answer=CouponReservationShape,
    refuses=("wrong_state",), description="Again changes nothing.",
)  # fmt: skip
def release_reservation(actor: Actor, ref: str) -> Any:
    return reservation_shape(reservations.release(actor.program_id, _reservation_id(ref)), now())


def _reservation_id(ref: str) -> UUID:
    reservation_id = parse_public_id("rsv", ref)
    if reservation_id is None:
        raise ReservationNotFound()
    return reservation_id
