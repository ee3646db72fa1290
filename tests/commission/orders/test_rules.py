"""What an order is worth: discounts and their limits. Worked cases are in the plans' tests."""

from collections.abc import Sequence

import pytest

from commission.orders.rules import CouponDiscount, OrderSums, duplicate_line_faults, order_sums
from core.errors import Invalid
from core.money import MAX_AMOUNT


def sums_of_nets(
    nets: Sequence[int], discount: int = 0, coupons: Sequence[CouponDiscount] = (), shipping: int = 0, tax: int = 0
) -> OrderSums:
    ones, zeros = [1] * len(nets), [0] * len(nets)
    return order_sums(ones, nets, zeros, discount=discount, coupons=coupons, shipping=shipping, tax=tax)


def pointers(refused: pytest.ExceptionInfo[Invalid]) -> list[str]:
    return [fault.pointer for fault in refused.value.faults]


def test_a_line_is_quantity_times_price_less_its_discount() -> None:
    assert order_sums([3, 2], [100, 50], [25, 0]).bases == [275, 100]


def test_the_total_has_shipping_and_tax_and_the_base_has_not() -> None:
    sums = sums_of_nets([600, 400], discount=100, coupons=[CouponDiscount(90, [0])], shipping=70, tax=33)
    assert (sums.subtotal, sums.discount, sums.coupon_discount) == (1000, 100, 90)
    assert (sums.commission_base, sums.total) == (810, 810 + 70 + 33)
    assert sum(sums.bases) == sums.commission_base


def test_a_coupon_takes_from_its_own_lines_alone() -> None:
    assert sums_of_nets([100, 100, 100], coupons=[CouponDiscount(50, [0, 2])]).bases == [75, 100, 75]


def test_coupons_are_taken_one_after_the_other_from_what_is_left() -> None:
    first, second = CouponDiscount(100, [0]), CouponDiscount(10, [0, 1])
    assert sums_of_nets([100, 10], coupons=[first, second]).bases == [0, 0]
    assert sums_of_nets([100, 10], coupons=[second, CouponDiscount(91, [0])]).bases == [0, 9]


def test_a_coupon_covers_the_same_lines_in_whatever_order_they_are_named() -> None:
    assert sums_of_nets([5, 5], coupons=[CouponDiscount(1, [1, 0])]).bases == [4, 5]


def test_discounts_may_take_everything() -> None:
    sums = sums_of_nets([30, 20], discount=40, coupons=[CouponDiscount(10, [0, 1])], shipping=5)
    assert (sums.bases, sums.commission_base, sums.total) == ([0, 0], 0, 5)


def test_every_line_discount_above_its_line_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        order_sums([1, 2, 3], [10, 10, 10], [11, 20, 31])
    assert pointers(refused) == ["/items/0/discount", "/items/2/discount"]


def test_an_order_discount_above_the_lines_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        sums_of_nets([10, 20], discount=31)
    assert pointers(refused) == ["/discount"]
    assert "30" in refused.value.faults[0].detail


def test_a_coupon_above_what_is_left_of_its_lines_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        sums_of_nets([10, 90], discount=50, coupons=[CouponDiscount(5, [0]), CouponDiscount(1, [0])])
    assert pointers(refused) == ["/coupon_discounts/1/amount"]


def test_an_order_above_the_largest_amount_is_refused() -> None:
    assert sums_of_nets([MAX_AMOUNT - 3], shipping=2, tax=1).total == MAX_AMOUNT
    with pytest.raises(Invalid) as refused:
        sums_of_nets([MAX_AMOUNT - 3], shipping=2, tax=2)
    assert pointers(refused) == ["/items"]


def test_columns_of_unequal_length_are_an_error_and_not_cut_short() -> None:
    with pytest.raises(ValueError, match="shorter"):
        order_sums([1, 1], [10, 10], [0])


def test_a_line_is_told_apart_by_sku_and_price() -> None:
    assert duplicate_line_faults(["a", "a", "b"], [1, 2, 1]) == []
    faults = duplicate_line_faults(["a", "b", "a", "a"], [1, 1, 1, 1])
    assert [fault.pointer for fault in faults] == ["/items/2", "/items/3"]
    assert all("Item 0" in fault.detail for fault in faults)
