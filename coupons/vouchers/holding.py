"""Rows of reservations and redemptions: locked, read and set. `redemptions` and `reservations` decide."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.db import Collision, execute, fetch_all
from coupons.vouchers.models import CouponRedemptionRow
from coupons.vouchers.parts import Part


class Reservation(NamedTuple):
    """As much of a reservation as its end depends on."""

    id: UUID
    order_external_id: str
    status: str
    expires_at: datetime

    def is_due(self, at: datetime) -> bool:
        """Whether it has run out, which the sweep may not have seen yet."""
        return self.status == "reserved" and self.expires_at <= at


class Held(NamedTuple):
    """A live redemption of a reservation or an order."""

    id: UUID
    reservation_id: UUID | None
    order_external_id: str
    recorded: bool
    part: Part


class Redemption(NamedTuple):
    """A new row of `coupon_redemptions`."""

    id: UUID
    coupon_id: UUID
    code_id: UUID
    order_external_id: str
    order_id: UUID | None
    reservation_id: UUID | None
    customer_id: UUID | None
    status: str
    amount: int
    recorded: bool
    created_at: datetime
    updated_at: datetime


def locked_reservations(
    program_id: UUID, at: datetime, orders: Collection[str], code_ids: Collection[UUID]
) -> list[Reservation]:
    """Live reservations of these orders, and those that have run out and still hold one of the codes."""
    return fetch_all(
        Reservation,
        """SELECT id, order_external_id, status, expires_at FROM coupon_reservations
           WHERE program_id = %(program_id)s AND id IN (
             SELECT id FROM coupon_reservations WHERE program_id = %(program_id)s
               AND order_external_id = ANY(%(orders)s::text[]) AND status IN ('reserved', 'confirmed')
             UNION ALL
             SELECT r.id FROM coupon_redemptions d JOIN coupon_reservations r
               ON r.program_id = d.program_id AND r.id = d.reservation_id AND r.expires_at <= %(at)s
             WHERE d.program_id = %(program_id)s AND d.code_id = ANY(%(code_ids)s::uuid[]) AND d.status = 'reserved')
             AND status IN ('reserved', 'confirmed')
           ORDER BY id FOR UPDATE""",
        program_id=program_id, at=at, orders=list(orders), code_ids=list(code_ids),
    )  # fmt: skip


class _HeldRow(NamedTuple):
    id: UUID
    reservation_id: UUID | None
    order_external_id: str
    recorded: bool
    code_id: UUID
    coupon_id: UUID
    kind: str
    customer_id: UUID | None
    limited: bool
    counted: bool


_HELD: LiteralString = """
  SELECT d.id, d.reservation_id, d.order_external_id, d.recorded, d.code_id, d.coupon_id, k.kind, d.customer_id,
         c.total_quantity IS NOT NULL, c.per_customer_limit IS NOT NULL
  FROM coupon_redemptions d
  JOIN coupon_codes k ON k.program_id = d.program_id AND k.id = d.code_id
  JOIN coupons c ON c.program_id = d.program_id AND c.id = d.coupon_id
  WHERE d.program_id = %(program_id)s"""
_OF_RESERVATIONS: LiteralString = """
  AND d.reservation_id = ANY(%(ids)s::uuid[]) AND d.order_id IS NULL AND d.status IN ('reserved', 'redeemed')"""


def held_by(program_id: UUID, reservation_ids: Collection[UUID]) -> list[Held]:
    """What locked reservations hold and no order has taken over."""
    return _held(program_id, _HELD + _OF_RESERVATIONS, reservation_ids) if reservation_ids else []


def held_of_ids(program_id: UUID, redemption_ids: Collection[UUID]) -> list[Held]:
    """Redemptions by id, whatever their state."""
    return _held(program_id, _HELD + " AND d.id = ANY(%(ids)s::uuid[])", redemption_ids) if redemption_ids else []


def _held(program_id: UUID, statement: LiteralString, ids: Collection[UUID]) -> list[Held]:
    rows = fetch_all(_HeldRow, statement + " ORDER BY d.id", program_id=program_id, ids=list(ids))
    return [Held(*row[:4], Part._make(row[4:])) for row in rows]


class _Part(NamedTuple):
    code_id: UUID
    coupon_id: UUID
    kind: str
    limited: bool
    counted: bool


def parts_of(program_id: UUID, code_ids: Collection[UUID]) -> dict[UUID, Part]:
    """What codes are counted in; whose they will be is for the caller to say."""
    if not code_ids:
        return {}
    rows = fetch_all(
        _Part,
        """SELECT k.id, k.coupon_id, k.kind, c.total_quantity IS NOT NULL, c.per_customer_limit IS NOT NULL
           FROM coupon_codes k JOIN coupons c ON c.program_id = k.program_id AND c.id = k.coupon_id
           WHERE k.program_id = %(program_id)s AND k.id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=list(code_ids),
    )  # fmt: skip
    return {row.code_id: Part(row.code_id, row.coupon_id, row.kind, None, row.limited, row.counted) for row in rows}


def set_reservations(program_id: UUID, at: datetime, statuses: Mapping[UUID, str]) -> None:
    """Statuses of locked reservations."""
    if not statuses:
        return
    execute(
        """UPDATE coupon_reservations r SET status = given.status, updated_at = %(at)s
           FROM unnest(%(ids)s::uuid[], %(statuses)s::text[]) AS given (id, status)
           WHERE r.program_id = %(program_id)s AND r.id = given.id AND r.status <> given.status""",
        program_id=program_id, ids=list(statuses), statuses=list(statuses.values()), at=at,
    )  # fmt: skip


def set_redemptions(program_id: UUID, at: datetime, statuses: Mapping[UUID, str]) -> None:
    """Statuses of redemptions whose reservation is locked."""
    if not statuses:
        return
    execute(
        """UPDATE coupon_redemptions d SET status = given.status, updated_at = %(at)s
           FROM unnest(%(ids)s::uuid[], %(statuses)s::text[]) AS given (id, status)
           WHERE d.program_id = %(program_id)s AND d.id = given.id""",
        program_id=program_id, ids=list(statuses), statuses=list(statuses.values()), at=at,
    )  # fmt: skip


def insert_redemptions(program_id: UUID, rows: Collection[Redemption]) -> None:
    """Raises: Collision when the order or its reservation has one of the codes already."""
    ordered = sorted(rows, key=lambda row: (row.order_external_id, row.code_id))  # two batches wait in one order
    made = insert_rows(
        CouponRedemptionRow, ordered, program_id=program_id, on_conflict="DO NOTHING", returning="id"
    )  # fmt: skip
    if len(made) < len(ordered):
        raise Collision("the order has the code already")
