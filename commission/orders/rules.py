"""What an order is worth, line by line. Pure: same input, same cents.

Rule 1 of API.md, *Commission plans*. Amounts are minor units, never negative; quantities are at least 1.
"""

from collections.abc import Sequence

from msgspec import Struct

from core.errors import Fault, Invalid
from core.money import MAX_AMOUNT
from coupons.vouchers.rules import less, line_nets


class CouponDiscount(Struct, frozen=True):
    """What one coupon takes off, and the indexes of the lines it covers."""

    amount: int
    lines: Sequence[int]


class OrderSums(Struct, frozen=True):
    """What the order comes to. `bases` are the lines after every discount; commissions are of them."""

    bases: list[int]
    subtotal: int
    discount: int
    coupon_discount: int
    commission_base: int
    total: int


def order_sums(
    quantities: Sequence[int],
    unit_prices: Sequence[int],
    line_discounts: Sequence[int],
    *,
    discount: int = 0,
    coupons: Sequence[CouponDiscount] = (),
    shipping: int = 0,
    tax: int = 0,
) -> OrderSums:
    """The order discount over all lines, then each coupon over its own, each in proportion to what is then left.

    Raises:
        Invalid: a discount is larger than what it is taken from, or the order is larger than MAX_AMOUNT.
    """
    nets = line_nets(quantities, unit_prices, line_discounts)
    subtotal = sum(nets)
    if subtotal + shipping + tax > MAX_AMOUNT:
        raise Invalid.at("/items", f"The order comes to more than {MAX_AMOUNT}.")
    bases = less(nets, discount, "/discount") if discount else nets
    for number, coupon in enumerate(coupons):
        bases = _less_coupon(bases, coupon, f"/coupon_discounts/{number}/amount")
    base = sum(bases)
    return OrderSums(
        bases=bases,
        subtotal=subtotal,
        discount=discount,
        coupon_discount=subtotal - discount - base,
        commission_base=base,
        total=base + shipping + tax,
    )


def _less_coupon(bases: list[int], coupon: CouponDiscount, pointer: str) -> list[int]:
    covered = sorted(coupon.lines)  # ties go to the earlier line, however the caller found them
    left = bases.copy()
    for line, rest in zip(covered, less([bases[line] for line in covered], coupon.amount, pointer), strict=True):
        left[line] = rest
    return left


def discounts_as_told(nets: Sequence[int], told: Sequence[CouponDiscount]) -> list[CouponDiscount]:
    """What a shop took off before: each over its own lines where they are worth it by then, else over all lines.

    Raises:
        Invalid: one is more than what is left of the whole order.
    """
    left, taken = list(nets), []
    for number, one in enumerate(told):
        worth = sum(left[line] for line in one.lines)
        lines = one.lines if one.amount <= worth else range(len(left))
        taken.append(CouponDiscount(one.amount, list(lines)))
        left = _less_coupon(left, taken[-1], f"/coupon_discounts/{number}/amount")
    return taken


def duplicate_line_faults(skus: Sequence[str], unit_prices: Sequence[int]) -> list[Fault]:
    """One fault for each line whose (sku, unit_price) an earlier line has: refunds could not tell them apart."""
    keys = list(zip(skus, unit_prices, strict=True))
    if len(set(keys)) == len(keys):
        return []
    first: dict[tuple[str, int], int] = {}
    return [
        Fault(f"/items/{line}", f"Item {first[key]} has the same sku and unit_price.")
        for line, key in enumerate(keys)
        if first.setdefault(key, line) != line
    ]
