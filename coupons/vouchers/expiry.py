"""Claims and reservations that have run out return what they have: by the sweep, or as soon as somebody lacks it.

Rows that somebody else is at are passed over, so that expiry waits for nobody who may wait for it.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple
from uuid import UUID

from core.clock import now
from core.db import fetch_all, fetch_one, savepoint, scalar, scalars
from core.jobs.outbox import publish
from coupons.vouchers import limits, stock
from coupons.vouchers.holding import held_by, set_redemptions
from coupons.vouchers.parts import Part, pairs_of, units_of
from coupons.vouchers.rules import CodeKind
from coupons.vouchers.single_codes import move_codes

SWEEP = "coupons.expire"
EVERY = timedelta(seconds=5)
CHUNK = 1000


class _HeldElsewhereError(Exception):
    """Somebody is at a row that would have to be waited for."""


def has_due(program_id: UUID) -> bool:
    """Whether a claim or a reservation of the program has run out."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT 1 FROM coupon_codes WHERE program_id = %(program_id)s AND status = 'active'
                              AND kind = 'claimed' AND expires_at <= %(at)s)
                 OR EXISTS (SELECT 1 FROM coupon_reservations WHERE program_id = %(program_id)s
                            AND status = 'reserved' AND expires_at <= %(at)s)""",
            program_id=program_id, at=now(),
        )
    )  # fmt: skip


class Supply(NamedTuple):
    """What there is of a coupon: units left, and whether some have run out and would come back."""

    left: int
    is_due: bool


def supply_of(program_id: UUID, coupon_id: UUID, at: datetime) -> Supply:
    found = fetch_one(
        Supply,
        """SELECT (SELECT coalesce(sum(left_units), 0)::bigint FROM coupon_stock
                   WHERE program_id = %(program_id)s AND coupon_id = %(coupon_id)s),
                  EXISTS (SELECT 1 FROM coupon_codes
                          WHERE program_id = %(program_id)s AND coupon_id = %(coupon_id)s AND status = 'active'
                            AND kind = 'claimed' AND expires_at <= %(at)s)
                  OR EXISTS (SELECT 1 FROM coupon_reservations r JOIN coupon_redemptions d
                               ON d.program_id = r.program_id AND d.reservation_id = r.id
                             WHERE r.program_id = %(program_id)s AND r.status = 'reserved' AND r.expires_at <= %(at)s
                               AND d.coupon_id = %(coupon_id)s)""",
        program_id=program_id, coupon_id=coupon_id, at=at,
    )  # fmt: skip
    return found or Supply(0, is_due=False)


def sweep(program_id: UUID) -> None:
    """Return what claims and reservations that have run out have: of a bounded number, the rest in another job."""
    at = now()
    reservations = _expire_reservations(program_id, at, None)
    claims = _expire_claims(program_id, at, None)
    returned = reservations + claims
    limits.uncount(program_id, pairs_of(returned))
    units = units_of(returned)
    stock.move_units(program_id, {coupon_id: -count for coupon_id, count in units.items()})
    if max(len(reservations), len(claims)) >= CHUNK:
        publish(program_id, SWEEP, {})


def free_due(program_id: UUID, at: datetime, coupon_ids: Collection[UUID]) -> Counter[UUID]:
    """End what has run out of these coupons, for somebody who lacks some and has no stock locked.

    Customers' counts are lowered; the units, of these coupons and others, are the caller's to use or return. Nothing
    is waited for: what somebody else is at stays for the sweep.
    """
    with suppress(_HeldElsewhereError), savepoint():
        returned = _expire_reservations(program_id, at, coupon_ids) + _expire_claims(program_id, at, coupon_ids)
        _uncount_free(program_id, pairs_of(returned))
        return units_of(returned)
    return Counter()


def _uncount_free(program_id: UUID, pairs: Mapping[limits.Pair, int]) -> None:
    if not limits.lock_free(program_id, pairs):
        raise _HeldElsewhereError
    limits.uncount(program_id, pairs)


_DUE_RESERVATIONS: LiteralString = """
  WITH due AS MATERIALIZED (
    SELECT id FROM coupon_reservations r
    WHERE program_id = %(program_id)s AND status = 'reserved' AND expires_at <= %(at)s"""
_OF_COUPONS: LiteralString = """
  AND EXISTS (SELECT 1 FROM coupon_redemptions d WHERE d.program_id = %(program_id)s AND d.reservation_id = r.id
              AND d.coupon_id = ANY(%(coupon_ids)s::uuid[]))"""
_END_RESERVATIONS: LiteralString = """
    ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
  UPDATE coupon_reservations r SET status = 'expired', updated_at = %(at)s FROM due
  WHERE r.program_id = %(program_id)s AND r.id = due.id RETURNING r.id"""


def _expire_reservations(program_id: UUID, at: datetime, coupon_ids: Collection[UUID] | None) -> list[Part]:
    """What the reservations had that are ended here, as far as it is in a count."""
    only: LiteralString = "" if coupon_ids is None else _OF_COUPONS
    ended = scalars(
        _DUE_RESERVATIONS + only + _END_RESERVATIONS,
        program_id=program_id, at=at, most=CHUNK, coupon_ids=list(coupon_ids or ()),
    )  # fmt: skip
    held = held_by(program_id, ended)
    set_redemptions(program_id, at, {one.id: "expired" for one in held})
    return move_codes(program_id, at, give=[one.part for one in held])


class _Claim(NamedTuple):
    code_id: UUID
    coupon_id: UUID
    customer_id: UUID | None
    limited: bool
    counted: bool


_DUE_CLAIMS: LiteralString = """
  WITH due AS MATERIALIZED (
    SELECT id FROM coupon_codes
    WHERE program_id = %(program_id)s AND status = 'active' AND expires_at <= %(at)s AND kind = 'claimed'"""
_CODE_OF_COUPONS: LiteralString = " AND coupon_id = ANY(%(coupon_ids)s::uuid[])"
_END_CLAIMS: LiteralString = """
    ORDER BY expires_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
  UPDATE coupon_codes k SET status = 'expired', updated_at = %(at)s FROM due, coupons c
  WHERE k.program_id = %(program_id)s AND k.id = due.id AND c.program_id = %(program_id)s AND c.id = k.coupon_id
  RETURNING k.id, k.coupon_id, k.customer_id, c.total_quantity IS NOT NULL, c.per_customer_limit IS NOT NULL"""


def _expire_claims(program_id: UUID, at: datetime, coupon_ids: Collection[UUID] | None) -> list[Part]:
    only: LiteralString = "" if coupon_ids is None else _CODE_OF_COUPONS
    rows = fetch_all(
        _Claim,
        _DUE_CLAIMS + only + _END_CLAIMS,
        program_id=program_id, at=at, most=CHUNK, coupon_ids=list(coupon_ids or ()),
    )  # fmt: skip
    return [
        Part(row.code_id, row.coupon_id, CodeKind.CLAIMED, row.customer_id, row.limited, row.counted) for row in rows
    ]
