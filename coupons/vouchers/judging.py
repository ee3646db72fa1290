"""What the codes of orders would take off, and why some take nothing. Reads only; `redemptions` does it.

Four statements at most, for any number of orders.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.auth.actor import Program
from core.clock import now
from core.db import fetch_all
from coupons.vouchers.code_texts import normalised_code
from coupons.vouchers.codes import find_codes
from coupons.vouchers.queries import FoundCode
from coupons.vouchers.rules import CodeKind, CodeStatus, Line, Presented, Quote, Reason, quote


class WantedCoupons(NamedTuple):
    """An order's codes in the order it names them. A customer who is not named has neither limits nor codes."""

    order_external_id: str | None
    customer_external_id: str | None
    lines: Sequence[Line]
    codes: Sequence[str]


@dataclass(slots=True)
class _Book:
    """What is known of the codes, and what earlier orders of the same call take of it."""

    found: dict[str, FoundCode]
    at: datetime
    customers: dict[str, UUID] = field(default_factory=dict)
    stock: Counter[UUID] = field(default_factory=Counter)
    taken: Counter[tuple[UUID, str]] = field(default_factory=Counter)  # by coupon and the customer's external id
    # by the order's external id and the code: whom the reservation counts it for
    held: dict[tuple[str, UUID], UUID | None] = field(default_factory=dict)
    spent: set[tuple[str, UUID]] = field(default_factory=set)  # the order is there, and has used the code
    free_again: set[UUID] = field(default_factory=set)  # codes whose reservation has run out
    used: set[UUID] = field(default_factory=set)


def judge(program: Program, wanted: Sequence[WantedCoupons]) -> list[Quote]:
    """The quote of every order, as if they were accepted in this order; what one takes the next cannot have.

    A live reservation of the same order's external id is honoured: its codes are the order's already. Claims and
    reservations that have run out count as returned, whether the sweep has seen them or not.
    """
    at = now()
    codes = {normalised_code(code) for one in wanted for code in one.codes}
    if not codes:
        return [quote(one.lines, (), at) for one in wanted]
    book = _Book(find_codes(program.id, codes), at)
    if book.found:
        _read_customers(program.id, book, wanted)
        _read_stock(program.id, book)
        _read_reservations(program.id, book, wanted)
    return [_judge(book, one) for one in wanted]


def _judge(book: _Book, wanted: WantedCoupons) -> Quote:
    presented = [_presented(book, wanted, normalised_code(code)) for code in wanted.codes]
    result = quote(wanted.lines, presented, book.at)
    if not result.refused:  # else the order is refused whole, and the next may have what it wanted
        for discount in result.discounts:
            _take(book, wanted, book.found[discount.code])
    return result


def _presented(book: _Book, wanted: WantedCoupons, code: str) -> Presented:
    found = book.found.get(code)
    if found is None:
        return Presented(code)
    held = _is_held(book, wanted, found)
    return Presented(
        code, found.id, found.coupon, found.kind, found.member_id, refused=_refusal(book, wanted, found), held=held,
        stock=_stock(book, found) if _takes(found) and not held else None,
        allowance=_allowance(book, wanted, found) if _takes(found) and not _is_counted(book, wanted, found) else None,
    )  # fmt: skip


def _is_held(book: _Book, wanted: WantedCoupons, found: FoundCode) -> bool:
    return wanted.order_external_id is not None and (wanted.order_external_id, found.id) in book.held


def _is_counted(book: _Book, wanted: WantedCoupons, found: FoundCode) -> bool:
    """Whether the order's reservation counts the code for the order's customer: it may be another's, or nobody's."""
    held_for = book.held.get((wanted.order_external_id or "", found.id))
    return held_for is not None and held_for == book.customers.get(wanted.customer_external_id or "")


def _takes(found: FoundCode) -> bool:
    """A claimed code has taken its unit when it was claimed."""
    return found.kind != CodeKind.CLAIMED


def _refusal(book: _Book, wanted: WantedCoupons, found: FoundCode) -> Reason | None:
    """What is wrong with the code itself."""
    if found.kind == CodeKind.CLAIMED:
        customer_id = book.customers.get(wanted.customer_external_id or "")
        if customer_id is None or customer_id != found.customer_id:
            return Reason.NOT_YOURS
    if _is_held(book, wanted, found):
        return None
    is_spent = wanted.order_external_id is not None and (wanted.order_external_id, found.id) in book.spent
    if found.status == CodeStatus.REDEEMED or found.id in book.used or is_spent:
        return Reason.ALREADY_USED
    if found.status == CodeStatus.RESERVED and found.id not in book.free_again:
        return Reason.RESERVED_ELSEWHERE
    ran_out = found.expires_at is not None and found.expires_at <= book.at
    return Reason.EXPIRED if ran_out or found.status == CodeStatus.EXPIRED else None


def _stock(book: _Book, found: FoundCode) -> int | None:
    return None if found.coupon.total_quantity is None else max(0, book.stock[found.coupon.id])


def _allowance(book: _Book, wanted: WantedCoupons, found: FoundCode) -> int | None:
    limit = found.coupon.per_customer_limit
    if limit is None or wanted.customer_external_id is None:
        return None
    return max(0, limit - book.taken[found.coupon.id, wanted.customer_external_id])


def _take(book: _Book, wanted: WantedCoupons, found: FoundCode) -> None:
    if found.kind != CodeKind.SHARED:
        book.used.add(found.id)
    if not _takes(found):
        return
    if not _is_held(book, wanted, found):
        book.stock[found.coupon.id] -= 1
    if wanted.customer_external_id is not None and not _is_counted(book, wanted, found):
        book.taken[found.coupon.id, wanted.customer_external_id] += 1


class _Customer(NamedTuple):
    external_id: str
    id: UUID
    coupon_id: UUID | None
    taken: int | None


def _read_customers(program_id: UUID, book: _Book, wanted: Iterable[WantedCoupons]) -> None:
    names = {one.customer_external_id for one in wanted if one.customer_external_id is not None and one.codes}
    if not names:
        return
    rows = fetch_all(
        _Customer,
        """SELECT m.external_id, m.id, t.coupon_id, t.taken
           FROM members m LEFT JOIN coupon_customers t
             ON t.program_id = m.program_id AND t.customer_id = m.id AND t.coupon_id = ANY(%(coupon_ids)s::uuid[])
           WHERE m.program_id = %(program_id)s AND m.external_id = ANY(%(names)s::text[])""",
        program_id=program_id, coupon_ids=_coupon_ids(book), names=list(names),
    )  # fmt: skip
    for row in rows:
        book.customers[row.external_id] = row.id
        if row.coupon_id is not None:
            book.taken[row.coupon_id, row.external_id] += row.taken or 0


class _Units(NamedTuple):
    coupon_id: UUID
    customer_id: UUID | None
    units: int
    due: bool


def _read_stock(program_id: UUID, book: _Book) -> None:
    """What is left, and what has run out and will be back as soon as somebody wants it."""
    rows = fetch_all(
        _Units,
        """SELECT coupon_id, NULL::uuid, sum(left_units)::bigint, false FROM coupon_stock
           WHERE program_id = %(program_id)s AND coupon_id = ANY(%(coupon_ids)s::uuid[]) GROUP BY coupon_id
           UNION ALL
           SELECT coupon_id, customer_id, count(*), true FROM coupon_codes
           WHERE program_id = %(program_id)s AND coupon_id = ANY(%(coupon_ids)s::uuid[]) AND status = 'active'
             AND kind = 'claimed' AND expires_at <= %(at)s
           GROUP BY coupon_id, customer_id
           UNION ALL
           SELECT d.coupon_id, d.customer_id, count(*), true
           FROM coupon_reservations r
           JOIN coupon_redemptions d
             ON d.program_id = r.program_id AND d.reservation_id = r.id AND d.status = 'reserved'
           JOIN coupon_codes k ON k.program_id = d.program_id AND k.id = d.code_id AND k.kind <> 'claimed'
           WHERE r.program_id = %(program_id)s AND r.status = 'reserved' AND r.expires_at <= %(at)s
             AND d.coupon_id = ANY(%(coupon_ids)s::uuid[])
           GROUP BY d.coupon_id, d.customer_id""",
        program_id=program_id, coupon_ids=_coupon_ids(book), at=book.at,
    )  # fmt: skip
    names = {customer_id: name for name, customer_id in book.customers.items()}
    for row in rows:
        book.stock[row.coupon_id] += row.units
        if row.due and row.customer_id in names:
            book.taken[row.coupon_id, names[row.customer_id]] -= row.units


class _Reserved(NamedTuple):
    order_external_id: str
    code_id: UUID
    customer_id: UUID | None
    status: str
    expires_at: datetime


def _read_reservations(program_id: UUID, book: _Book, wanted: Iterable[WantedCoupons]) -> None:
    """The codes that these orders have reserved or used, and who else has those that are reserved."""
    orders = {one.order_external_id for one in wanted if one.order_external_id is not None and one.codes}
    codes = [found.id for found in book.found.values() if found.status == CodeStatus.RESERVED]
    rows = fetch_all(
        _Reserved,
        """SELECT r.order_external_id, d.code_id, d.customer_id, r.status, r.expires_at
           FROM coupon_reservations r JOIN coupon_redemptions d
             ON d.program_id = r.program_id AND d.reservation_id = r.id AND d.order_id IS NULL
             AND d.status IN ('reserved', 'redeemed')
           WHERE r.program_id = %(program_id)s AND r.order_external_id = ANY(%(orders)s::text[])
             AND r.status IN ('reserved', 'confirmed')
           UNION ALL
           SELECT d.order_external_id, d.code_id, d.customer_id, 'spent', d.updated_at
           FROM coupon_redemptions d
           WHERE d.program_id = %(program_id)s AND d.order_external_id = ANY(%(orders)s::text[])
             AND d.status IN ('reserved', 'redeemed') AND d.order_id IS NOT NULL
           UNION ALL
           SELECT r.order_external_id, d.code_id, d.customer_id, r.status, r.expires_at
           FROM coupon_redemptions d JOIN coupon_reservations r
             ON r.program_id = d.program_id AND r.id = d.reservation_id AND r.status = 'reserved'
           WHERE d.program_id = %(program_id)s AND d.status = 'reserved' AND d.code_id = ANY(%(codes)s::uuid[])""",
        program_id=program_id, orders=list(orders), codes=codes,
    )  # fmt: skip
    for row in rows:
        if row.status == "spent":
            book.spent.add((row.order_external_id, row.code_id))
        elif row.status == "reserved" and row.expires_at <= book.at:
            book.free_again.add(row.code_id)
        else:
            book.held[row.order_external_id, row.code_id] = row.customer_id


def _coupon_ids(book: _Book) -> list[UUID]:
    return list({found.coupon.id for found in book.found.values()})
