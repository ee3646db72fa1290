"""Tells when a limited coupon runs out: once when a tenth is left, once when nothing is. Callers hold the transaction.

Nobody who takes a unit can tell, for he does not see what others take at the same moment: it is looked at after their
commit. Off the hot path, and what comes back later is not told again.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Literal, LiteralString, NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all, scalar
from core.events.service import Event, announce
from coupons.vouchers.models import CouponWarningRow

Kind = Literal["low", "exhausted"]


class _Left(NamedTuple):
    """A limited coupon, and what is left of it."""

    coupon_id: UUID
    total: int
    left_units: int


class _Warning(NamedTuple):
    coupon_id: UUID
    kind: Kind
    told_at: datetime


_SCARCE: LiteralString = """
  SELECT c.id, c.total_quantity, s.units
  FROM coupons c CROSS JOIN LATERAL (
    SELECT coalesce(sum(left_units), 0)::bigint AS units FROM coupon_stock
    WHERE program_id = %(program_id)s AND coupon_id = c.id) s
  WHERE c.program_id = %(program_id)s AND c.total_quantity > 0 AND c.status = 'active'
    AND (%(ids)s::uuid[] IS NULL OR c.id = ANY(%(ids)s::uuid[]))
    AND (c.valid_to IS NULL OR c.valid_to > %(at)s) AND s.units * 10 <= c.total_quantity
    AND NOT EXISTS (SELECT FROM coupon_warnings w WHERE w.program_id = %(program_id)s AND w.coupon_id = c.id
                    AND w.kind = CASE WHEN s.units > 0 THEN 'low' ELSE 'exhausted' END)"""


def any_untold(program_id: UUID) -> bool:
    """Whether some coupon of the program is scarce and nobody was told."""
    return bool(scalar(_EXISTS, program_id=program_id, ids=None, at=now()))


_EXISTS: LiteralString = "SELECT EXISTS (" + _SCARCE + ")"


def tell_scarce(program_id: UUID, coupon_ids: Collection[UUID] | None = None) -> None:
    """Announce what became scarce, of these coupons or of all. The warnings' key lets each be told once."""
    at, ids = now(), None if coupon_ids is None else list(coupon_ids)
    scarce = fetch_all(_Left, _SCARCE + " ORDER BY c.id", program_id=program_id, ids=ids, at=at)
    warnings = [_Warning(one.coupon_id, "low" if one.left_units else "exhausted", at) for one in scarce]
    new = insert_rows(
        CouponWarningRow, warnings, program_id=program_id, on_conflict="DO NOTHING", returning="coupon_id"
    )
    told = {row[0] for row in new}
    announce(program_id, [_event(one, at) for one in scarce if one.coupon_id in told])


def _event(coupon: _Left, at: datetime) -> Event:
    if coupon.left_units:
        return Event("coupon.low", at, {"coupon_id": coupon.coupon_id, "left": coupon.left_units})
    return Event("coupon.exhausted", at, {"coupon_id": coupon.coupon_id})


def forget_warnings(program_id: UUID, coupon_id: UUID) -> None:
    """The coupon has another quantity: what is told of it begins anew."""
    execute(
        "DELETE FROM coupon_warnings WHERE program_id = %(program_id)s AND coupon_id = %(coupon_id)s",
        program_id=program_id, coupon_id=coupon_id,
    )  # fmt: skip
