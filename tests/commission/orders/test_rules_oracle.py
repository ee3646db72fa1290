"""Rules 1 and 7 against a naive reading of the contract in Fractions, on random orders and series of refunds."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commission.orders.errors import RefundExceedsOrder
from commission.orders.refund_rules import (
    Refund,
    RefundableLine,
    RefundItem,
    left_of_total,
    refund_of_amount,
    refund_of_items,
    refund_of_rest,
    reversal_of,
)
from commission.orders.rules import CouponDiscount, order_sums
from core.errors import Invalid

SMALL_OR_LARGE = st.integers(0, 40) | st.integers(0, 10**9)


def largest_remainder(total: int, weights: list[int]) -> list[int]:
    if total == 0:
        return [0] * len(weights)
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [floor(term) for term in exact]
    by_remainder = sorted(range(len(exact)), key=lambda n: (parts[n] - exact[n], n))
    for winner in by_remainder[: total - sum(parts)]:
        parts[winner] += 1
    return parts


# --- rule 1 ---


@dataclass
class Draft:
    """An order as a shop might send it; discounts may be too large."""

    quantities: list[int]
    prices: list[int]
    line_discounts: list[int]
    discount: int
    coupons: list[tuple[int, list[int]]]
    shipping: int
    tax: int


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    count = draw(st.integers(1, 8))
    quantities = draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))
    prices = draw(st.lists(SMALL_OR_LARGE, min_size=count, max_size=count))
    line_discounts = [draw(st.integers(0, q * p)) for q, p in zip(quantities, prices, strict=True)]
    rest = sum(q * p - d for q, p, d in zip(quantities, prices, line_discounts, strict=True))
    covered = st.sets(st.integers(0, count - 1), min_size=1).map(sorted)
    coupons = draw(st.lists(st.tuples(st.integers(0, rest // 3 + 2), covered), max_size=3))
    return Draft(
        quantities,
        prices,
        line_discounts,
        draw(st.integers(0, rest + 1)),
        coupons,
        draw(SMALL_OR_LARGE),
        draw(SMALL_OR_LARGE),
    )


def naive_bases(draft: Draft) -> list[int] | None:
    """Rule 1 word by word; None where a discount is larger than what it is taken from."""
    left = [q * p - d for q, p, d in zip(draft.quantities, draft.prices, draft.line_discounts, strict=True)]
    for amount, lines in [(draft.discount, list(range(len(left)))), *draft.coupons]:
        weights = [left[line] for line in lines]
        if amount > sum(weights):
            return None
        for line, part in zip(lines, largest_remainder(amount, weights), strict=True):
            left[line] -= part
    return left


@settings(deadline=None, max_examples=400)
@given(drafts())
def test_bases_and_totals_agree_with_the_naive_reading(draft: Draft) -> None:
    expected = naive_bases(draft)
    coupons = [CouponDiscount(amount, lines) for amount, lines in draft.coupons]
    arguments = {"discount": draft.discount, "coupons": coupons, "shipping": draft.shipping, "tax": draft.tax}
    if expected is None:
        with pytest.raises(Invalid):
            order_sums(draft.quantities, draft.prices, draft.line_discounts, **arguments)
        return
    sums = order_sums(draft.quantities, draft.prices, draft.line_discounts, **arguments)
    assert sums.bases == expected
    assert min(sums.bases) >= 0
    assert sums.coupon_discount == sum(amount for amount, _ in draft.coupons)
    extras = draft.shipping + draft.tax
    assert sums.total == sums.subtotal - draft.discount - sums.coupon_discount + extras == sum(expected) + extras


# --- rule 7 ---


@dataclass
class NaiveLine:
    quantity: int
    base: int
    refunded: int = 0
    by_amount: int = 0

    def kept_base(self) -> int:
        return max(0, self.base - floor(Fraction(self.base * self.refunded, self.quantity)) - self.by_amount)

    def keeps(self, commission: int) -> int:
        if self.base == 0:
            return floor(Fraction(commission * (self.quantity - self.refunded), self.quantity))
        return floor(commission * Fraction(self.kept_base(), self.base))


@dataclass
class NaiveOrder:
    lines: list[NaiveLine]
    extras: int
    values: list[int] = field(default_factory=list)

    def left(self) -> int:
        return sum(line.base for line in self.lines) + self.total_extras - sum(self.values)

    def __post_init__(self) -> None:
        self.total_extras = self.extras

    def take_units(self, quantities: list[int]) -> None:
        before = sum(line.kept_base() for line in self.lines)
        for line, quantity in zip(self.lines, quantities, strict=True):
            line.refunded += quantity
        self.values.append(before - sum(line.kept_base() for line in self.lines))

    def take_amount(self, amount: int) -> None:
        kept = [line.kept_base() for line in self.lines]
        for line, part in zip(self.lines, largest_remainder(min(amount, sum(kept)), kept), strict=True):
            line.by_amount += part
        self.extras -= amount - min(amount, sum(kept))
        self.values.append(amount)


BASES = st.just(0) | SMALL_OR_LARGE
LINES = st.lists(st.tuples(st.integers(1, 7), BASES), min_size=1, max_size=6)
COMMISSIONS = st.lists(st.lists(SMALL_OR_LARGE, min_size=6, max_size=6), min_size=1, max_size=3)


def fresh(drawn: list[tuple[int, int]]) -> list[RefundableLine]:
    return [RefundableLine(f"sku{n}", 1, quantity, base) for n, (quantity, base) in enumerate(drawn)]


def some_refund(data: st.DataObject, lines: list[RefundableLine], extras_left: int, naive: NaiveOrder) -> Refund | None:
    """One refund that fits, done to both; None where nothing of the drawn kind is left."""
    if data.draw(st.booleans(), label="by amount"):
        left = left_of_total(lines, extras_left)
        if not left:
            return None
        amount = data.draw(st.integers(1, left), label="amount")
        naive.take_amount(amount)
        return refund_of_amount(lines, extras_left, amount)
    quantities = [data.draw(st.integers(0, line.quantity - line.refunded_quantity)) for line in lines]
    items = [RefundItem(line.sku, quantity) for line, quantity in zip(lines, quantities, strict=True) if quantity]
    naive.take_units(quantities)
    return refund_of_items(lines, items)


@settings(deadline=None, max_examples=300)
@given(LINES, SMALL_OR_LARGE, COMMISSIONS, st.integers(0, 6), st.data())
def test_a_series_of_refunds_agrees_with_the_naive_reading(
    drawn: list[tuple[int, int]], extras: int, commissions: list[list[int]], steps: int, data: st.DataObject
) -> None:
    lines, extras_left = fresh(drawn), extras
    naive = NaiveOrder([NaiveLine(quantity, base) for quantity, base in drawn], extras)
    shares = [commission[: len(lines)] for commission in commissions]
    reversed_so_far = [0] * len(shares)
    total = left_of_total(lines, extras_left)
    values = []
    for _ in range(steps):
        refund = some_refund(data, lines, extras_left, naive)
        if refund is None:
            continue
        for number, of_lines in enumerate(shares):
            reversal = reversal_of(of_lines, lines, refund.lines)
            assert reversal.kept == [line.keeps(c) for line, c in zip(naive.lines, of_lines, strict=True)]
            assert reversal.amount >= 0
            reversed_so_far[number] += reversal.amount
            assert reversed_so_far[number] + sum(reversal.kept) == sum(of_lines)
        lines, extras_left = refund.lines, extras_left - refund.extras
        values.append(refund.value)
        assert refund.value >= 0
        assert [line.kept_base for line in lines] == [line.kept_base() for line in naive.lines]
        assert extras_left == naive.extras >= 0
        assert left_of_total(lines, extras_left) == naive.left() == total - sum(values) >= 0
    assert values == naive.values


@settings(deadline=None, max_examples=200)
@given(LINES, SMALL_OR_LARGE, COMMISSIONS, st.integers(0, 5), st.data())
def test_whatever_came_before_the_rest_leaves_nothing(
    drawn: list[tuple[int, int]], extras: int, commissions: list[list[int]], steps: int, data: st.DataObject
) -> None:
    first = fresh(drawn)
    lines, extras_left = first, extras
    naive = NaiveOrder([NaiveLine(quantity, base) for quantity, base in drawn], extras)
    for _ in range(steps):
        refund = some_refund(data, lines, extras_left, naive)
        if refund is not None:
            lines, extras_left = refund.lines, extras_left - refund.extras
    rest = refund_of_rest(lines, extras_left)
    assert rest.value == left_of_total(lines, extras_left) == naive.left()
    assert left_of_total(rest.lines, extras_left - rest.extras) == 0
    for commission in commissions:
        shares = commission[: len(lines)]
        whole = reversal_of(shares, first, rest.lines)
        assert (whole.kept, whole.amount) == ([0] * len(lines), sum(shares))
    with pytest.raises(RefundExceedsOrder):
        refund_of_items(rest.lines, [RefundItem("sku0", 1)])
    with pytest.raises(RefundExceedsOrder):
        refund_of_amount(rest.lines, 0, 1)


@settings(deadline=None, max_examples=200)
@given(LINES, SMALL_OR_LARGE, st.integers(0, 4), st.data())
def test_one_more_than_is_left_is_refused_and_all_that_is_left_is_not(
    drawn: list[tuple[int, int]], extras: int, steps: int, data: st.DataObject
) -> None:
    lines, extras_left = fresh(drawn), extras
    naive = NaiveOrder([NaiveLine(quantity, base) for quantity, base in drawn], extras)
    for _ in range(steps):
        refund = some_refund(data, lines, extras_left, naive)
        if refund is not None:
            lines, extras_left = refund.lines, extras_left - refund.extras
    with pytest.raises(RefundExceedsOrder):
        refund_of_amount(lines, extras_left, left_of_total(lines, extras_left) + 1)
    with pytest.raises(RefundExceedsOrder):
        refund_of_items(lines, [RefundItem("sku0", lines[0].quantity - lines[0].refunded_quantity + 1)])
    everything = refund_of_amount(lines, extras_left, left_of_total(lines, extras_left))
    assert everything.extras == extras_left
    assert all(line.kept_base == 0 for line in everything.lines)


@settings(deadline=None, max_examples=200)
@given(LINES, st.data())
def test_units_that_come_back_together_or_one_by_one_in_any_order_leave_the_same(
    drawn: list[tuple[int, int]], data: st.DataObject
) -> None:
    together = fresh(drawn)
    back = [data.draw(st.integers(0, quantity)) for quantity, _ in drawn]
    units = data.draw(st.permutations([f"sku{n}" for n, quantity in enumerate(back) for _ in range(quantity)]))
    one_by_one, value = together, 0
    for sku in units:
        refund = refund_of_items(one_by_one, [RefundItem(sku, 1)])
        one_by_one, value = refund.lines, value + refund.value
    whole = refund_of_items(together, [RefundItem(sku, 1) for sku in units])
    assert (whole.lines, whole.value) == (one_by_one, value)
