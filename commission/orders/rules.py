"""What an order is worth, line by line. Pure: same input, same cents.

Rule 1 of API.md, *Commission plans*. Amounts are minor units, never negative; quantities are at least 1.
"""

from collections.abc import Sequence

from msgspec import Struct

from core.errors import Fault, Invalid
from core.money import MAX_AMOUNT, share


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
    nets = _line_nets(quantities, unit_prices, line_discounts)
    subtotal = sum(nets)
    if subtotal + shipping + tax > MAX_AMOUNT:
        raise Invalid.at("/items", f"The order comes to more than {MAX_AMOUNT}.")
    bases = _less(nets, discount, "/discount") if discount else nets
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


def _line_nets(quantities: Sequence[int], unit_prices: Sequence[int], line_discounts: Sequence[int]) -> list[int]:
    nets = [
        quantity * price - discount
        for quantity, price, discount in zip(quantities, unit_prices, line_discounts, strict=True)
    ]
    if min(nets, default=0) < 0:
        detail = "The discount is larger than quantity times unit_price."
        raise Invalid(faults=[Fault(f"/items/{line}/discount", detail) for line, net in enumerate(nets) if net < 0])
    return nets


def _less(left: list[int], amount: int, pointer: str) -> list[int]:
    available = sum(left)
    if amount > available:
        raise Invalid.at(pointer, f"The discount is larger than what is left of the lines it covers: {available}.")
    return [rest - part for rest, part in zip(left, share(amount, left), strict=True)]


def _less_coupon(bases: list[int], coupon: CouponDiscount, pointer: str) -> list[int]:
    covered = sorted(coupon.lines)  # ties go to the earlier line, however the caller found them
    left = bases.copy()
    for line, rest in zip(covered, _less([bases[line] for line in covered], coupon.amount, pointer), strict=True):
        left[line] = rest
    return left


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
