"""Coupons and their codes over HTTP."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.exports import MEDIA_TYPES, ExportQuery, download
from core.http.paging import id_cursor, page
from core.ids import parse_public_id, public_id
from coupons.vouchers import (
    claims_api,
    code_export,
    codes,
    definitions,
    me_api,
    queries,
    quote_api,
    reservations_api,
)
from coupons.vouchers.codes import WantedCode
from coupons.vouchers.errors import CodeNotFound, CouponNotFound
from coupons.vouchers.queries import CouponRecord
from coupons.vouchers.schemas import (
    CouponChange,
    CouponCodeQuery,
    CouponCodeShape,
    CouponQuery,
    CouponShape,
    NewCoupon,
    NewCouponCode,
    NewCouponCodesShape,
    coupon_terms,
)  # fmt: skip
from coupons.vouchers.shapes import code_shape, coupon_shape, many_codes_shape

blueprint = Blueprint("coupons", __name__)
blueprints = (
    blueprint, quote_api.blueprint, claims_api.blueprint, reservations_api.blueprint, me_api.blueprint,
)  # fmt: skip


@blueprint.post("/v1/coupons")
@endpoint(
    "coupons:write", summary="Make a coupon", body=NewCoupon, answer=CouponShape, status=201,
    description="It holds the terms; codes are made of it, or claimed. The terms of money never change, and one "
    "without a quantity never gets one. Each call makes another: send an Idempotency-Key where it may be repeated.",
)  # fmt: skip
def create_coupon(actor: Actor, body: dict[str, Any]) -> Any:
    return _shown(actor, definitions.create_coupon(actor.program_id, coupon_terms(body)))


@blueprint.get("/v1/coupons")
@endpoint("coupons:read", summary="Coupons, newest first", query=CouponQuery, answer=CouponShape, paged=True)
def list_coupons(actor: Actor, query: dict[str, Any]) -> Any:
    limit, filters = _paging(query)
    coupons = queries.coupons_where(actor.program_id, filters, limit + 1)
    taken = queries.taken_of(actor.program_id, [one.id for one in coupons[:limit]])
    return page(coupons, limit, lambda one: coupon_shape(one, taken.get(one.id)), lambda one: [str(one.id)])


@blueprint.get("/v1/coupons/<ref>")
@endpoint("coupons:read", summary="One coupon", answer=CouponShape)
def show_coupon(actor: Actor, ref: str) -> Any:
    return _shown(actor, definitions.coupon_of(actor.program_id, _coupon_id(ref)))


@blueprint.patch("/v1/coupons/<ref>")
@endpoint(
    "coupons:write", summary="Rename a coupon, move its end or its quantities, or end it", body=CouponChange,
    answer=CouponShape,
    description="The terms of money never change (422). An ended coupon stays ended; reservations are still honoured.",
)  # fmt: skip
def change_coupon(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _shown(actor, definitions.change_coupon(actor.program_id, _coupon_id(ref), body))


@blueprint.post("/v1/coupons/<ref>/codes")
@endpoint(
    "coupons:write", summary="Make a code, or up to 100,000 at once", body=NewCouponCode, answer=NewCouponCodesShape,
    status=201, also=(200,), refuses=("already_exists", "wrong_state"),
    description="With quantity: made codes, each good for one order. Without: one code for everybody, chosen or made; "
    "the same again for the same coupon and owner answers 200. Codes are case-insensitive.",
)  # fmt: skip
def create_codes(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    coupon_id, member_id = _coupon_id(ref), body["member_id"]
    if body["quantity"] is not None:
        return many_codes_shape(codes.make_unique_codes(actor.program_id, coupon_id, body["quantity"], member_id))
    code, is_new = codes.make_code(actor.program_id, coupon_id, WantedCode(body["code"], member_id))
    return code_shape(code), 201 if is_new else 200


@blueprint.get("/v1/coupons/<ref>/codes")
@endpoint(
    "coupons:read", summary="The coupon's codes, newest first", query=CouponCodeQuery, answer=CouponCodeShape,
    paged=True,
)  # fmt: skip
def list_codes(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    coupon = definitions.coupon_of(actor.program_id, _coupon_id(ref))
    limit, filters = _paging(query)
    found = queries.codes_where(actor.program_id, coupon.id, filters, limit + 1)
    return page(found, limit, code_shape, lambda one: [str(one.id)])


@blueprint.get("/v1/coupons/<ref>/codes/export")
@endpoint(
    "coupons:read", summary="All codes of the coupon as a file", query=ExportQuery,
    media_type=", ".join(MEDIA_TYPES.values()),
    description="CSV or a spreadsheet, as `format` says. No cell is a formula.",
)  # fmt: skip
def export_codes(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    coupon = definitions.coupon_of(actor.program_id, _coupon_id(ref))
    rows = code_export.exported_codes(actor.program_id, coupon.id)
    return download(public_id("cpn", coupon.id), query["format"], code_export.HEADER, rows, sheet="codes")


@blueprint.delete("/v1/coupons/<ref>/codes/<code>")
@endpoint(
    "coupons:write", summary="Let nobody use a code any more", status=204, refuses=("wrong_state",),
    description="Not while an order has it or has used it (409).",
)  # fmt: skip
def disable_code(actor: Actor, ref: str, code: str) -> Any:
    code_id = parse_public_id("cod", code)
    if code_id is None:
        raise CodeNotFound()
    codes.disable_code(actor.program_id, _coupon_id(ref), code_id)


def _shown(actor: Actor, coupon: CouponRecord) -> dict[str, Any]:
    return coupon_shape(coupon, queries.taken_of(actor.program_id, [coupon.id]).get(coupon.id))


def _paging(query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The limit, and the filters that were given with where the page begins."""
    limit, before = query.pop("limit"), id_cursor(query.pop("cursor"))
    return limit, query | ({} if before is None else {"before": before})


def _coupon_id(ref: str) -> UUID:
    coupon_id = parse_public_id("cpn", ref)
    if coupon_id is None:
        raise CouponNotFound()
    return coupon_id
