"""Reads of coupons and their codes. Every one names the program first."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from core.db import fetch_all, fetch_one
from coupons.vouchers.rules import Terms


class CouponRecord(NamedTuple):
    """A coupon as its row."""

    id: UUID
    name: str
    kind: str
    amount: int | None
    percent_bps: int | None
    min_spend: int
    max_discount: int | None
    total_quantity: int | None
    per_customer_limit: int | None
    valid_from: datetime | None
    valid_to: datetime | None
    claim_valid_seconds: int | None
    skus: list[str] | None
    categories: list[str] | None
    stackable: bool
    give_back: str
    status: str
    created_at: datetime
    updated_at: datetime

    @property
    def terms(self) -> Terms:
        return Terms._make([getattr(self, name) for name in Terms._fields])


class CodeRecord(NamedTuple):
    """A code as its row."""

    id: UUID
    coupon_id: UUID
    code: str
    kind: str
    member_id: UUID | None
    customer_id: UUID | None
    status: str
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime


class FoundCode(NamedTuple):
    """A code with the terms behind it."""

    id: UUID
    code: str
    kind: str
    member_id: UUID | None  # to whom it attributes
    customer_id: UUID | None  # claimed: whose it is
    status: str
    expires_at: datetime | None
    coupon_name: str
    coupon: Terms


_COUPON: LiteralString = """
  SELECT id, name, kind, amount, percent_bps, min_spend, max_discount, total_quantity, per_customer_limit, valid_from,
         valid_to, claim_valid_seconds, skus, categories, stackable, give_back, status, created_at, updated_at
  FROM coupons WHERE program_id = %(program_id)s"""
_CODE: LiteralString = """
  SELECT id, coupon_id, code, kind, member_id, customer_id, status, expires_at, created_at, updated_at
  FROM coupon_codes WHERE program_id = %(program_id)s"""
# only the filters that are given: a statement for all of them together would be planned for none
_FILTERS: dict[str, LiteralString] = {
    "status": " AND status = %(status)s",
    "kind": " AND kind = %(kind)s",
    "member_id": " AND member_id = %(member_id)s",
    "before": " AND id < %(before)s",
}


def coupon(program_id: UUID, coupon_id: UUID, *, lock: bool = False) -> CouponRecord | None:
    """One coupon. `lock`: others who change it wait; those who take from it do not."""
    held: LiteralString = " FOR NO KEY UPDATE" if lock else ""
    return fetch_one(CouponRecord, _COUPON + " AND id = %(id)s" + held, program_id=program_id, id=coupon_id)


def coupons_by_id(program_id: UUID, ids: Collection[UUID]) -> dict[UUID, CouponRecord]:
    rows = fetch_all(CouponRecord, _COUPON + " AND id = ANY(%(ids)s::uuid[])", program_id=program_id, ids=list(ids))
    return {row.id: row for row in rows}


def coupons_where(program_id: UUID, given: dict[str, Any], most: int) -> list[CouponRecord]:
    """Coupons newest first; `given` may hold status and before."""
    statement = _COUPON + "".join([_FILTERS[name] for name in given]) + " ORDER BY id DESC LIMIT %(most)s"
    return fetch_all(CouponRecord, statement, program_id=program_id, most=most, **given)


def code_by_id(program_id: UUID, coupon_id: UUID, code_id: UUID) -> CodeRecord | None:
    return fetch_one(
        CodeRecord, _CODE + " AND coupon_id = %(coupon_id)s AND id = %(id)s", program_id=program_id,
        coupon_id=coupon_id, id=code_id,
    )  # fmt: skip


def code_by_text(program_id: UUID, code: str) -> CodeRecord | None:
    return fetch_one(CodeRecord, _CODE + " AND code = %(code)s", program_id=program_id, code=code)


def codes_where(program_id: UUID, coupon_id: UUID, given: dict[str, Any], most: int) -> list[CodeRecord]:
    """The coupon's codes newest first; `given` may hold status, kind, member_id and before."""
    filters = "".join([_FILTERS[name] for name in given])
    statement = _CODE + " AND coupon_id = %(coupon_id)s" + filters + " ORDER BY id DESC LIMIT %(most)s"
    return fetch_all(CodeRecord, statement, program_id=program_id, coupon_id=coupon_id, most=most, **given)


def codes_after(program_id: UUID, coupon_id: UUID, after: UUID | None, most: int) -> list[CodeRecord]:
    """The coupon's codes in the order they were made, from behind one of them."""
    statement = _CODE + (
        " AND coupon_id = %(coupon_id)s AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT %(most)s"
    )
    return fetch_all(CodeRecord, statement, program_id=program_id, coupon_id=coupon_id, after=after, most=most)


class _Joined(NamedTuple):
    """A code, its coupon's name, and then the terms in the order of `Terms`."""

    id: UUID
    code: str
    code_kind: str
    member_id: UUID | None
    customer_id: UUID | None
    code_status: str
    expires_at: datetime | None
    coupon_name: str
    coupon_id: UUID
    kind: str
    amount: int | None
    percent_bps: int | None
    min_spend: int
    max_discount: int | None
    skus: Sequence[str] | None
    categories: Sequence[str] | None
    stackable: bool
    valid_from: datetime | None
    valid_to: datetime | None
    status: str
    total_quantity: int | None
    per_customer_limit: int | None
    give_back: str
    claim_valid_seconds: int | None


_TERMS_AT = _Joined._fields.index("coupon_id")


def found_codes(program_id: UUID, codes: Collection[str]) -> list[FoundCode]:
    """Those of the codes that exist, whatever their state, with their terms, in one statement."""
    rows = fetch_all(
        _Joined,
        """SELECT k.id, k.code, k.kind, k.member_id, k.customer_id, k.status, k.expires_at, c.name,
                  c.id, c.kind, c.amount, c.percent_bps, c.min_spend, c.max_discount, c.skus, c.categories, c.stackable,
                  c.valid_from, c.valid_to, c.status, c.total_quantity, c.per_customer_limit, c.give_back,
                  c.claim_valid_seconds
           FROM coupon_codes k JOIN coupons c ON c.program_id = k.program_id AND c.id = k.coupon_id
           WHERE k.program_id = %(program_id)s AND k.code = ANY(%(codes)s::text[])""",
        program_id=program_id, codes=list(codes),
    )  # fmt: skip
    return [_found(row) for row in rows]


def _found(row: _Joined) -> FoundCode:
    return FoundCode(
        id=row.id, code=row.code, kind=row.code_kind, member_id=row.member_id, customer_id=row.customer_id,
        status=row.code_status, expires_at=row.expires_at, coupon_name=row.coupon_name,
        coupon=Terms._make(row[_TERMS_AT:]),
    )  # fmt: skip


class _Taken(NamedTuple):
    coupon_id: UUID
    taken: int


def taken_of(program_id: UUID, ids: Collection[UUID]) -> dict[UUID, int]:
    """How many of the quantity of each are claimed, reserved or redeemed; those without a limit are left out."""
    rows = fetch_all(
        _Taken,
        """SELECT c.id, c.total_quantity - coalesce(sum(s.left_units), 0)::bigint
           FROM coupons c LEFT JOIN coupon_stock s ON s.program_id = c.program_id AND s.coupon_id = c.id
           WHERE c.program_id = %(program_id)s AND c.id = ANY(%(ids)s::uuid[]) AND c.total_quantity IS NOT NULL
           GROUP BY c.id, c.total_quantity""",
        program_id=program_id, ids=list(ids),
    )  # fmt: skip
    return dict(rows)
