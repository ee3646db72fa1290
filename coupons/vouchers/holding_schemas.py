"""JSON shapes of claims and reservations, and of what a member holds."""

from datetime import datetime
from typing import Any

from marshmallow import Schema, fields, validate

from core.http.fields import ExternalId, Identifier, Whole
from core.http.schemas import Body
from core.ids import public_id, public_id_or_none
from coupons.vouchers.my_coupons import MyCoupon
from coupons.vouchers.queries import CodeRecord
from coupons.vouchers.quote_schemas import CouponQuoteShape, NewCouponQuote
from coupons.vouchers.reservations import ReservationRecord
from coupons.vouchers.rules import CodeKind, CodeStatus, Kind

_RESERVATION_STATUSES = ["reserved", "confirmed", "released", "expired"]
_COUPON_ID = {"example": "cpn_01kbt1wz00fcyry88y1p63pagn"}
_CODE = {"example": "7KQ2MXWPRT4H"}


class NewCouponClaim(Body):
    customer_external_id = ExternalId(required=True)


class NewMyCouponClaim(Body):
    coupon_id = Identifier("cpn", required=True, metadata=_COUPON_ID)


class CouponClaimShape(Schema):
    code = fields.String(metadata=_CODE)
    coupon_id = fields.String(metadata=_COUPON_ID)
    expires_at = fields.DateTime(allow_none=True, metadata={"description": "null: it does not end"})


def claim_shape(code: CodeRecord) -> dict[str, Any]:
    return {"code": code.code, "coupon_id": public_id("cpn", code.coupon_id), "expires_at": code.expires_at}


class NewCouponReservation(NewCouponQuote):
    order_external_id = ExternalId(required=True)
    expires_in = Whole(
        minimum=60, maximum=86_400, load_default=900, metadata={"description": "seconds", "example": 900}
    )


class CouponReservationShape(CouponQuoteShape):
    id = fields.String(metadata={"example": "rsv_01kbt1wz00fcyry88y1p63pagn"})
    order_external_id = fields.String()
    customer_id = fields.String(allow_none=True)
    status = fields.String(validate=validate.OneOf(_RESERVATION_STATUSES))
    expires_at = fields.DateTime()
    created_at = fields.DateTime()


def reservation_shape(reservation: ReservationRecord, at: datetime) -> dict[str, Any]:
    """A reservation with the quote it was made on."""
    return {
        "id": public_id("rsv", reservation.id),
        "order_external_id": reservation.order_external_id,
        "customer_id": public_id_or_none("mem", reservation.customer_id),
        "status": reservation.status_at(at),
        "expires_at": reservation.expires_at,
        "created_at": reservation.created_at,
    } | reservation.quote


class MyCouponTermsShape(Schema):
    id = fields.String(metadata=_COUPON_ID)
    name = fields.String(metadata={"example": "Ten off fifty"})
    kind = fields.String(validate=validate.OneOf([kind.value for kind in Kind]))
    amount = fields.Integer(allow_none=True)
    percent_bps = fields.Integer(allow_none=True, metadata={"example": None})
    min_spend = fields.Integer()
    max_discount = fields.Integer(allow_none=True, metadata={"example": None})
    valid_from = fields.DateTime(allow_none=True)
    valid_to = fields.DateTime(allow_none=True)
    skus = fields.List(fields.String(), allow_none=True)
    categories = fields.List(fields.String(), allow_none=True)
    stackable = fields.Boolean()
    status = fields.String(validate=validate.OneOf(["active", "ended"]))


class MyCouponShape(Schema):
    code = fields.String(metadata=_CODE)
    kind = fields.String(validate=validate.OneOf([kind.value for kind in CodeKind]))
    is_owner = fields.Boolean(
        metadata={"description": "true: orders with it are my sales; false: I claimed it for myself"}
    )
    status = fields.String(validate=validate.OneOf([status.value for status in CodeStatus]))
    expires_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()
    coupon = fields.Nested(MyCouponTermsShape)


def my_coupon_shape(mine: MyCoupon, at: datetime) -> dict[str, Any]:
    terms = mine._asdict()
    shown = {name: terms[name] for name in MyCouponTermsShape().fields if name in terms}
    return {
        "code": mine.code,
        "kind": mine.code_kind,
        "is_owner": mine.is_owner,
        "status": mine.status_at(at),
        "expires_at": mine.expires_at,
        "created_at": mine.created_at,
        "coupon": shown | {"id": public_id("cpn", mine.coupon_id), "status": mine.coupon_status},
    }
