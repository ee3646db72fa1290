"""What coupons take off the lines of an order, and why a code takes nothing. Pure: same input, same cents.

API.md, *Coupons*, and rule 1 of its *Commission plans*. Amounts are minor units, never negative.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from core.errors import Fault, Invalid
from core.money import BPS, MAX_AMOUNT, share

MAX_CODES = 20
"""The most codes that one order may name."""


class Kind(StrEnum):
    AMOUNT = "amount"
    PERCENT = "percent"


class CodeKind(StrEnum):
    SHARED = "shared"  # for everybody, any number of orders
    UNIQUE = "unique"  # for whoever has it, one order
    CLAIMED = "claimed"  # one customer's, one order


class CouponStatus(StrEnum):
    ACTIVE = "active"
    ENDED = "ended"


class CodeStatus(StrEnum):
    ACTIVE = "active"
    RESERVED = "reserved"
    REDEEMED = "redeemed"
    EXPIRED = "expired"


class GiveBack(StrEnum):
    """When a redemption returns to whom it was taken from."""

    CANCEL_OR_FULL_REFUND = "cancel_or_full_refund"
    CANCEL_ONLY = "cancel_only"
    NEVER = "never"


class Reason(StrEnum):
    """Why a code takes nothing off this order."""

    UNKNOWN_CODE = "unknown_code"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    ENDED = "ended"
    SOLD_OUT = "sold_out"
    LIMIT_REACHED = "limit_reached"
    NOT_YOURS = "not_yours"
    ALREADY_USED = "already_used"
    RESERVED_ELSEWHERE = "reserved_elsewhere"
    MIN_SPEND_NOT_REACHED = "min_spend_not_reached"
    NO_MATCHING_ITEMS = "no_matching_items"
    NOT_STACKABLE = "not_stackable"
    NAMED_TWICE = "named_twice"


class Terms(NamedTuple):
    """What a coupon promises. Null limits mean none; `skus` and `categories` both null: every line."""

    id: UUID
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


class Line(NamedTuple):
    """A line of an order: `net` is what is left of it after its own discount and its share of the order's."""

    sku: str
    category: str | None
    net: int


class Presented(NamedTuple):
    """A code named by an order, upper case, with all that is known of it; nothing is known of an unknown one.

    `refused` is a reason of the code itself, whatever the lines are. `held`: a reservation of this very order has the
    code, so validity and quantity were judged when that was made. `stock` and `allowance` are how many of the coupon
    can still be taken, by anybody and by this customer; null where there is no limit, or where this code takes nothing
    anew (claimed, or held; held for another customer it is new to this one). Codes of one coupon that this order names
    before it are counted off here.
    """

    code: str
    code_id: UUID | None = None
    coupon: Terms | None = None
    kind: str | None = None
    member_id: UUID | None = None
    refused: Reason | None = None
    held: bool = False
    stock: int | None = None
    allowance: int | None = None


class CodeDiscount(NamedTuple):
    """What one code takes off: `by_line[i]` of the line at position `lines[i]`; they sum to `amount`."""

    code: str
    code_id: UUID
    coupon_id: UUID
    member_id: UUID | None
    amount: int
    lines: list[int]
    by_line: list[int]


class RefusedCode(NamedTuple):
    code: str
    reason: Reason


class Quote(NamedTuple):
    """`discounts` and `refused` in the order the codes were named; `left` is what each line comes to at the end."""

    discounts: list[CodeDiscount]
    refused: list[RefusedCode]
    left: list[int]


def quote(lines: Sequence[Line], presented: Sequence[Presented], at: datetime) -> Quote:
    """The codes in the order named, each over what is left of its lines, spread in proportion to that.

    A code that cannot be used is refused and changes nothing for those after it. One that finds nothing left of its
    lines takes 0 and counts as used.
    """
    result = Quote([], [], [line.net for line in lines])
    used: list[Presented] = []
    named: set[str] = set()
    for code in presented:
        if code.code in named:
            found: list[int] | Reason = Reason.NAMED_TWICE
        else:
            found = _lines_or_reason(code, lines, result.left, used, at)
        named.add(code.code)
        if isinstance(found, Reason):
            result.refused.append(RefusedCode(code.code, found))
        elif code.coupon and code.code_id:
            used.append(code)
            result.discounts.append(_take(code, code.code_id, code.coupon, found, result.left))
    return result


def _lines_or_reason(
    code: Presented, lines: Sequence[Line], left: Sequence[int], used: Sequence[Presented], at: datetime
) -> list[int] | Reason:
    if code.coupon is None or code.code_id is None:
        return Reason.UNKNOWN_CODE
    reason = (
        code.refused
        or (None if code.held else validity_reason(code.coupon, at))
        or _quantity_reason(code, code.coupon, used)
        or _company_reason(code.coupon, used)
    )
    return reason or _covered_or_reason(code.coupon, lines, left)


def validity_reason(coupon: Terms, at: datetime) -> Reason | None:
    """Why the coupon is not valid at this instant; it is from `valid_from` on and until just before `valid_to`."""
    if coupon.status == CouponStatus.ENDED:
        return Reason.ENDED
    if coupon.valid_from is not None and at < coupon.valid_from:
        return Reason.NOT_YET_VALID
    if coupon.valid_to is not None and at >= coupon.valid_to:
        return Reason.EXPIRED
    return None


def _quantity_reason(code: Presented, coupon: Terms, used: Sequence[Presented]) -> Reason | None:
    before = [other for other in used if other.coupon and other.coupon.id == coupon.id]
    if code.stock is not None and code.stock <= sum(other.stock is not None for other in before):
        return Reason.SOLD_OUT
    if code.allowance is not None and code.allowance <= sum(other.allowance is not None for other in before):
        return Reason.LIMIT_REACHED
    return None


def _company_reason(coupon: Terms, used: Sequence[Presented]) -> Reason | None:
    alone = used and not (coupon.stackable and all(other.coupon and other.coupon.stackable for other in used))
    return Reason.NOT_STACKABLE if alone else None


def _covered_or_reason(coupon: Terms, lines: Sequence[Line], left: Sequence[int]) -> list[int] | Reason:
    covered = covered_lines(coupon.skus, coupon.categories, lines)
    if not covered:
        return Reason.NO_MATCHING_ITEMS
    if sum(left[line] for line in covered) < coupon.min_spend:
        return Reason.MIN_SPEND_NOT_REACHED
    return covered


def covered_lines(skus: Collection[str] | None, categories: Collection[str] | None, lines: Sequence[Line]) -> list[int]:
    """Positions of the lines whose sku or whose category is listed; every line where neither list is given."""
    if skus is None and categories is None:
        return list(range(len(lines)))
    wanted_skus, wanted_categories = frozenset(skus or ()), frozenset(categories or ())
    return [
        position for position, line in enumerate(lines) if line.sku in wanted_skus or line.category in wanted_categories
    ]


def discount_of(coupon: Terms, net: int) -> int:
    """What the coupon takes from lines that are worth `net`: never more than that."""
    if coupon.kind == Kind.AMOUNT:
        return min(coupon.amount or 0, net)
    taken = net * (coupon.percent_bps or 0) // BPS
    return taken if coupon.max_discount is None else min(taken, coupon.max_discount)


def _take(code: Presented, code_id: UUID, coupon: Terms, covered: list[int], left: list[int]) -> CodeDiscount:
    weights = [left[line] for line in covered]
    amount = discount_of(coupon, sum(weights))
    parts = share(amount, weights)
    for line, part in zip(covered, parts, strict=True):
        left[line] -= part
    return CodeDiscount(code.code, code_id, coupon.id, code.member_id, amount, covered, parts)


def nets_before_coupons(
    quantities: Sequence[int], unit_prices: Sequence[int], line_discounts: Sequence[int], discount: int = 0
) -> list[int]:
    """Each line after its own discount and its share of the order's, which is spread in proportion to what it leaves.

    Raises:
        Invalid: a discount is larger than what it is taken from, or the lines come to more than MAX_AMOUNT.
    """
    nets = line_nets(quantities, unit_prices, line_discounts)
    if sum(nets) > MAX_AMOUNT:
        raise Invalid.at("/items", f"The lines come to more than {MAX_AMOUNT}.")
    return less(nets, discount, "/discount") if discount else nets


def line_nets(quantities: Sequence[int], unit_prices: Sequence[int], line_discounts: Sequence[int]) -> list[int]:
    """quantity × unit_price − discount of each line.

    Raises:
        Invalid: a line's discount is larger than the line.
    """
    nets = [
        quantity * price - discount
        for quantity, price, discount in zip(quantities, unit_prices, line_discounts, strict=True)
    ]
    if min(nets, default=0) < 0:
        detail = "The discount is larger than quantity times unit_price."
        raise Invalid(faults=[Fault(f"/items/{line}/discount", detail) for line, net in enumerate(nets) if net < 0])
    return nets


def less(left: Sequence[int], amount: int, pointer: str) -> list[int]:
    """What stays of each part when `amount` is taken from all of them in proportion, ties from the earlier.

    Raises:
        Invalid: they are worth less than it; the pointer names the field.
    """
    available = sum(left)
    if amount > available:
        raise Invalid.at(pointer, f"The discount is larger than what is left of the lines it covers: {available}.")
    return [rest - part for rest, part in zip(left, share(amount, left), strict=True)]
