"""Codes kept for an order that is about to be placed: reserved, then confirmed, released or expired.

Callers hold the transaction. Locks the reservation first, then as `stock` says.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import orjson

from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import now
from core.db import Collision, fetch_one
from core.ids import new_id
from coupons.vouchers.errors import (
    CouponRefused,
    ReservationExists,
    ReservationInOtherState,
    ReservationNotFound,
)
from coupons.vouchers.holding import (
    Redemption,
    Reservation,
    held_by,
    insert_redemptions,
    locked_reservations,
    parts_of,
    set_redemptions,
    set_reservations,
)
from coupons.vouchers.judging import WantedCoupons, judge
from coupons.vouchers.models import CouponReservationRow
from coupons.vouchers.moving import move
from coupons.vouchers.quote_schemas import coupon_quote_shape
from coupons.vouchers.rules import CodeDiscount, CodeKind, CodeStatus, Line, nets_before_coupons
from referral.members.service import customers_for


class ReservationRecord(NamedTuple):
    """A reservation as its row."""

    id: UUID
    order_external_id: str
    request_hash: bytes
    customer_id: UUID | None
    status: str
    quote: dict[str, Any]
    expires_at: datetime
    created_at: datetime
    updated_at: datetime

    def status_at(self, at: datetime) -> str:
        """A reservation past its time has expired, whether the sweep has seen it or not."""
        return "expired" if self.status == "reserved" and self.expires_at <= at else self.status


def reserve(program: Program, body: dict[str, Any]) -> tuple[ReservationRecord, bool]:
    """Keep the codes for the order, and whether that is new: the same content again is not.

    Raises:
        ReservationExists: the order has a live reservation with other content.
        CouponRefused: a code takes nothing off these items; nothing is kept.
        Collision: a rival was quicker.
    """
    at, digest = now(), _digest(body)
    before = locked_reservations(program.id, at, [body["order_external_id"]], [])
    live = next((one for one in before if not one.is_due(at)), None)
    if live is not None:
        known = reservation_of(program.id, live.id)
        if known.request_hash != digest:
            raise ReservationExists()
        return known, False
    discounts, shape = _quote(program, body)
    customer = body["customer_external_id"]
    customer_id = customers_for(program.id, [customer])[customer] if customer is not None else None
    made = ReservationRecord(
        new_id(), body["order_external_id"], digest, customer_id, "reserved", shape,
        at + timedelta(seconds=body["expires_in"]), at, at,
    )  # fmt: skip
    _keep(program.id, made, discounts, before)
    return made, True


def _digest(body: dict[str, Any]) -> bytes:
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()


def _quote(program: Program, body: dict[str, Any]) -> tuple[list[CodeDiscount], dict[str, Any]]:
    items = body["items"]
    nets = nets_before_coupons(
        [item["quantity"] for item in items], [item["unit_price"] for item in items],
        [item["discount"] for item in items], body["discount"],
    )  # fmt: skip
    lines = [Line(item["sku"], item["category"], net) for item, net in zip(items, nets, strict=True)]
    wanted = WantedCoupons(body["order_external_id"], body["customer_external_id"], lines, body["codes"])
    (quote,) = judge(program, [wanted])
    if quote.refused:
        raise CouponRefused(body["codes"], quote.refused)
    return quote.discounts, coupon_quote_shape(items, nets, quote)


def _keep(
    program_id: UUID, made: ReservationRecord, discounts: Sequence[CodeDiscount], before: Sequence[Reservation]
) -> None:
    """Take the codes for a new reservation; `before`: the order's own, which have run out."""
    at, parts = made.created_at, parts_of(program_id, [one.code_id for one in discounts])
    single = [part.code_id for part in parts.values() if part.kind != CodeKind.SHARED]
    due = [*before, *(locked_reservations(program_id, at, [], single) if single else [])]
    set_reservations(program_id, at, {one.id: "expired" for one in due})
    if not insert_rows(
        CouponReservationRow, [made], program_id=program_id, on_conflict="DO NOTHING", returning="id"
    ):  # fmt: skip
        raise Collision("the order has a reservation already")
    gone = held_by(program_id, [one.id for one in due])
    set_redemptions(program_id, at, {one.id: "expired" for one in gone})
    take = [part._replace(customer_id=made.customer_id) for part in parts.values()]
    move(program_id, at, take=take, to=CodeStatus.RESERVED, give=[one.part for one in gone])
    insert_redemptions(program_id, [_redemption(made, one) for one in discounts])


def _redemption(made: ReservationRecord, discount: CodeDiscount) -> Redemption:
    return Redemption(
        id=new_id(), coupon_id=discount.coupon_id, code_id=discount.code_id, order_external_id=made.order_external_id,
        order_id=None, reservation_id=made.id, customer_id=made.customer_id, status="reserved",
        amount=discount.amount, recorded=False, created_at=made.created_at, updated_at=made.created_at,
    )  # fmt: skip


_RESERVATION: LiteralString = """
  SELECT id, order_external_id, request_hash, customer_id, status, quote, expires_at, created_at, updated_at
  FROM coupon_reservations WHERE program_id = %(program_id)s AND id = %(id)s"""


def reservation_of(program_id: UUID, reservation_id: UUID, *, lock: bool = False) -> ReservationRecord:
    """Raises: ReservationNotFound."""
    held: LiteralString = " FOR UPDATE" if lock else ""
    found = fetch_one(ReservationRecord, _RESERVATION + held, program_id=program_id, id=reservation_id)
    if found is None:
        raise ReservationNotFound()
    return found


def confirm(program_id: UUID, reservation_id: UUID) -> ReservationRecord:
    """The order stands: what it reserved is redeemed, whether the order is sent or not. Again changes nothing.

    Raises:
        ReservationNotFound: no such reservation in the program.
        ReservationInOtherState: it was released or has expired.
    """
    return _finish(program_id, reservation_id, "confirmed")


def release(program_id: UUID, reservation_id: UUID) -> ReservationRecord:
    """The order will not come: what it reserved is returned. Again changes nothing.

    Raises:
        ReservationNotFound: no such reservation in the program.
        ReservationInOtherState: it was confirmed or has expired.
    """
    return _finish(program_id, reservation_id, "released")


def _finish(program_id: UUID, reservation_id: UUID, status: str) -> ReservationRecord:
    at = now()
    found = reservation_of(program_id, reservation_id, lock=True)
    current = found.status_at(at)
    if current == status:
        return found
    if current != "reserved":
        raise ReservationInOtherState(f"The reservation is {current}.")
    _end(program_id, at, Reservation(found.id, found.order_external_id, found.status, found.expires_at), status)
    return reservation_of(program_id, reservation_id)


def _end(program_id: UUID, at: datetime, reservation: Reservation, status: str) -> None:
    """Confirm a locked reservation, or return what it has."""
    held = held_by(program_id, [reservation.id])
    set_reservations(program_id, at, {reservation.id: status})
    set_redemptions(program_id, at, {one.id: "redeemed" if status == "confirmed" else status for one in held})
    parts = [one.part for one in held]
    if status == "confirmed":
        move(program_id, at, keep=parts)
    else:
        move(program_id, at, give=parts)
