"""What a refund takes from an order and from its commissions. Pure: same input, same cents.

Rule 7 of API.md, *Commission plans*. Amounts are minor units, never negative; quantities are at least 1.
"""

from collections.abc import Sequence

from msgspec import Struct

from commission.orders.errors import RefundExceedsOrder
from core.errors import Fault, Invalid
from core.money import share


class RefundableLine(Struct, frozen=True, gc=False):
    """One line of an order and what of it has come back: units, and its shares of refunds by amount."""

    sku: str
    unit_price: int
    quantity: int
    base: int
    refunded_quantity: int = 0
    refunded_amount: int = 0

    @property
    def kept_base(self) -> int:
        """What is left of the base; it never grows as refunds are added, and is 0 once every unit is back."""
        returned = self.base * self.refunded_quantity // self.quantity
        return max(0, self.base - returned - self.refunded_amount)

    def after(self, quantity: int = 0, amount: int = 0) -> "RefundableLine":
        """The line with `quantity` more units back and `amount` more of a refund by amount; itself for neither."""
        if not quantity and not amount:
            return self
        return RefundableLine(
            self.sku,
            self.unit_price,
            self.quantity,
            self.base,
            self.refunded_quantity + quantity,
            self.refunded_amount + amount,
        )

    def kept_share(self, commission: int) -> int:
        """What is kept of the commission on this line: by base, or where there is none by units."""
        if self.base:
            return commission * self.kept_base // self.base
        return commission * (self.quantity - self.refunded_quantity) // self.quantity


class RefundItem(Struct, frozen=True):
    """Units of one line that came back; `unit_price` tells lines of one sku apart."""

    sku: str
    quantity: int
    unit_price: int | None = None


class Refund(Struct, frozen=True):
    """What a refund does to its order: `lines` as they stand after it, and the indexes of those it `touched`.

    `value` is the money of it, `extras` the part of that which counts against shipping and tax. The values of all
    refunds of an order add up to its total at most, since what is left of the total is always
    the sum of the kept bases + (shipping + tax - the sum of the extras).
    """

    lines: list[RefundableLine]
    touched: list[int]
    value: int
    extras: int


def refund_of_items(lines: Sequence[RefundableLine], items: Sequence[RefundItem]) -> Refund:
    """Units come back. The value is what they take from the kept bases: less than their price after a refund by amount.

    `lines` may leave out skus that no item names.

    Raises:
        Invalid: an item names no line of the order, or several.
        RefundExceedsOrder: more units of a line than are left.
    """
    quantities = [0] * len(lines)
    faults = []
    for number, (item, line) in enumerate(zip(items, _lines_of_items(lines, items), strict=True)):
        quantities[line] += item.quantity
        left = lines[line].quantity - lines[line].refunded_quantity
        if quantities[line] > left:
            faults.append(Fault(f"/items/{number}/quantity", f"Only {left} of this line are left."))
    if faults:
        raise RefundExceedsOrder(faults=faults)
    return _refund(lines, [line.after(quantity) for line, quantity in zip(lines, quantities, strict=True)], extras=0)


def refund_of_amount(lines: Sequence[RefundableLine], extras_left: int, amount: int) -> Refund:
    """Money comes back without goods: from the kept bases first, in proportion, the rest from shipping and tax.

    `lines` are all lines of the order; `extras_left` is shipping + tax less the extras of its earlier refunds.

    Raises:
        RefundExceedsOrder: `amount` is more than what is left of the order's total.
    """
    kept = [line.kept_base for line in lines]
    of_lines = min(amount, sum(kept))
    extras = amount - of_lines
    if extras > extras_left:
        detail = f"Only {of_lines + extras_left} of the order's total are left."
        raise RefundExceedsOrder(faults=[Fault("/amount", detail)])
    parts = share(of_lines, kept)
    return _refund(lines, [line.after(amount=part) for line, part in zip(lines, parts, strict=True)], extras)


def refund_of_rest(lines: Sequence[RefundableLine], extras_left: int) -> Refund:
    """All that is left comes back, as by a cancel: every unit of every line, and what is left of shipping and tax."""
    return _refund(lines, [line.after(line.quantity - line.refunded_quantity) for line in lines], extras_left)


def left_of_total(lines: Sequence[RefundableLine], extras_left: int) -> int:
    """The largest amount that can still be refunded."""
    return sum(line.kept_base for line in lines) + extras_left


class Reversal(Struct, frozen=True):
    """What a refund takes from one commission: `amount` is reversed, `kept` of each line is left."""

    kept: list[int]
    amount: int


def reversal_of(shares: Sequence[int], before: Sequence[RefundableLine], after: Sequence[RefundableLine]) -> Reversal:
    """What a commission with these shares of the lines loses when they go from `before` to `after` (rule 7).

    It depends on the two states alone, so the reversals of a series of refunds add up to that of the whole.
    The lines that a refund touched are enough: on any other nothing is reversed.
    """
    kept_before = [line.kept_share(commission) for line, commission in zip(before, shares, strict=True)]
    kept = [line.kept_share(commission) for line, commission in zip(after, shares, strict=True)]
    return Reversal(kept, sum(kept_before) - sum(kept))


def _refund(before: Sequence[RefundableLine], after: list[RefundableLine], extras: int) -> Refund:
    touched = [index for index, (was, now) in enumerate(zip(before, after, strict=True)) if was is not now]
    value = sum(before[index].kept_base - after[index].kept_base for index in touched)
    return Refund(after, touched, value + extras, extras)


def _lines_of_items(lines: Sequence[RefundableLine], items: Sequence[RefundItem]) -> list[int]:
    """The index of each item's line."""
    by_sku: dict[str, list[int]] = {}
    for index, line in enumerate(lines):
        by_sku.setdefault(line.sku, []).append(index)
    found, faults = [], []
    for number, item in enumerate(items):
        same_sku = by_sku.get(item.sku, [])
        fitting = [index for index in same_sku if item.unit_price in (None, lines[index].unit_price)]
        if len(fitting) == 1:
            found.append(fitting[0])
        else:
            faults.append(_unmatched(f"/items/{number}", same_sku, fitting))
    if faults:
        raise Invalid(faults=faults)
    return found


def _unmatched(pointer: str, same_sku: list[int], fitting: list[int]) -> Fault:
    if not same_sku:
        return Fault(f"{pointer}/sku", "The order has no line of this sku.")
    if not fitting:
        return Fault(f"{pointer}/unit_price", "The order has no line of this sku at this unit_price.")
    return Fault(f"{pointer}/unit_price", "Needed here: the order has several lines of this sku.")
