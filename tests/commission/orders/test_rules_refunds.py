"""Refunds: by items, by amount, mixed, and of all that is left."""

import pytest

from commission.orders.errors import RefundExceedsOrder
from commission.orders.refund_rules import (
    RefundableLine,
    RefundItem,
    left_of_total,
    refund_of_amount,
    refund_of_items,
    refund_of_rest,
    reversal_of,
)
from core.errors import DomainError, Invalid

THREE = RefundableLine("a", 333, quantity=3, base=999)
ONE = RefundableLine("b", 101, quantity=1, base=101)
GIFT = RefundableLine("gift", 0, quantity=3, base=0)


def pointers(refused: pytest.ExceptionInfo[DomainError]) -> list[str]:
    return [fault.pointer for fault in refused.value.faults]


def test_units_that_come_back_take_their_part_of_the_base() -> None:
    refund = refund_of_items([THREE, ONE], [RefundItem("a", 2)])
    assert [line.kept_base for line in refund.lines] == [333, 101]
    assert (refund.value, refund.extras, refund.touched) == (666, 0, [0])


def test_equal_refund_items_add_up() -> None:
    apart = refund_of_items([THREE], [RefundItem("a", 1), RefundItem("a", 1, unit_price=333)])
    assert apart.lines == refund_of_items([THREE], [RefundItem("a", 2)]).lines


def test_equal_refund_items_may_not_exceed_the_line_together() -> None:
    with pytest.raises(RefundExceedsOrder) as refused:
        refund_of_items([ONE, THREE], [RefundItem("a", 2), RefundItem("b", 1), RefundItem("a", 2)])
    assert pointers(refused) == ["/items/2/quantity"]
    assert (refused.value.status, refused.value.code) == (409, "refund_exceeds_order")


def test_more_units_than_are_left_are_refused() -> None:
    lines = refund_of_items([THREE], [RefundItem("a", 2)]).lines
    with pytest.raises(RefundExceedsOrder) as refused:
        refund_of_items(lines, [RefundItem("a", 2)])
    assert "1" in refused.value.faults[0].detail
    assert refund_of_items(lines, [RefundItem("a", 1)]).lines[0].kept_base == 0


def test_the_price_is_needed_where_the_sku_has_several_lines() -> None:
    dear, cheap = RefundableLine("a", 200, 2, 400), RefundableLine("a", 150, 2, 300)
    with pytest.raises(Invalid) as refused:
        refund_of_items([dear, cheap], [RefundItem("a", 1)])
    assert pointers(refused) == ["/items/0/unit_price"]
    assert refund_of_items([dear, cheap], [RefundItem("a", 1, unit_price=150)]).touched == [1]


def test_every_item_that_fits_no_line_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        refund_of_items([THREE, ONE], [RefundItem("z", 1), RefundItem("a", 1), RefundItem("b", 1, unit_price=100)])
    assert pointers(refused) == ["/items/0/sku", "/items/2/unit_price"]


def test_an_amount_takes_the_kept_bases_in_proportion_before_shipping_and_tax() -> None:
    refund = refund_of_amount([THREE, ONE], 500, 110)
    assert [line.kept_base for line in refund.lines] == [899, 91]
    assert (refund.value, refund.extras, refund.touched) == (110, 0, [0, 1])


def test_what_an_amount_has_beyond_the_bases_counts_against_shipping_and_tax() -> None:
    refund = refund_of_amount([THREE, ONE], 500, 1300)
    assert [line.kept_base for line in refund.lines] == [0, 0]
    assert (refund.value, refund.extras) == (1300, 200)


def test_an_amount_is_shared_by_what_earlier_refunds_left() -> None:
    lines = refund_of_items([THREE, ONE], [RefundItem("a", 2)]).lines
    refund = refund_of_amount(lines, 0, 217)
    assert [line.refunded_amount for line in refund.lines] == [167, 50]  # 217 x 333/434 = 166.5, 50.5: the earlier


def test_more_money_than_is_left_is_refused() -> None:
    lines = refund_of_items([THREE, ONE], [RefundItem("a", 2)]).lines
    assert left_of_total(lines, 66) == 500
    with pytest.raises(RefundExceedsOrder) as refused:
        refund_of_amount(lines, 66, 501)
    assert pointers(refused) == ["/amount"]
    assert "500" in refused.value.faults[0].detail
    assert refund_of_amount(lines, 66, 500).extras == 66


def test_units_back_after_an_amount_are_worth_no_more_than_was_left_of_them() -> None:
    lines = refund_of_amount([RefundableLine("a", 50, 2, 100)], 0, 60).lines
    first = refund_of_items(lines, [RefundItem("a", 1)])
    assert (first.lines[0].kept_base, first.value) == (0, 40)
    second = refund_of_items(first.lines, [RefundItem("a", 1)])
    assert (second.lines[0].kept_base, second.value) == (0, 0)


def test_the_rest_is_every_unit_and_what_is_left_of_shipping_and_tax() -> None:
    lines = refund_of_amount([THREE, ONE, GIFT], 70, 100).lines
    rest = refund_of_rest(lines, 70)
    assert (rest.value, rest.extras) == (1070, 70)
    assert [line.refunded_quantity for line in rest.lines] == [3, 1, 3]
    assert left_of_total(rest.lines, 0) == 0


def test_the_rest_of_an_order_that_is_all_back_is_nothing() -> None:
    lines = refund_of_rest([THREE, ONE], 70).lines
    again = refund_of_rest(lines, 0)
    assert (again.value, again.touched) == (0, [])


def test_a_full_refund_leaves_nothing_of_any_commission() -> None:
    before = [THREE, ONE, GIFT]
    shares = [100, 10, 90]
    by_items = refund_of_items(before, [RefundItem("a", 3), RefundItem("b", 1), RefundItem("gift", 3)])
    for refund in (by_items, refund_of_rest(before, 0)):
        assert reversal_of(shares, before, refund.lines).kept == [0, 0, 0]
        assert reversal_of(shares, before, refund.lines).amount == 200


def test_all_the_money_back_leaves_a_commission_by_units_until_the_units_come_back() -> None:
    before = [THREE, GIFT]
    money = refund_of_amount(before, 70, 1069)
    assert left_of_total(money.lines, 0) == 0
    assert reversal_of([100, 90], before, money.lines).kept == [0, 90]
    assert reversal_of([100, 90], money.lines, refund_of_rest(money.lines, 0).lines).kept == [0, 0]


def test_a_line_with_a_base_keeps_by_base_even_what_an_amount_per_unit_earned() -> None:
    before = [RefundableLine("a", 10, quantity=3, base=10)]
    after = refund_of_items(before, [RefundItem("a", 1)]).lines
    assert after[0].kept_base == 7
    assert reversal_of([90], before, after).kept == [63]


def test_only_the_lines_that_were_touched_are_needed_for_the_reversal() -> None:
    before = [THREE, ONE]
    refund = refund_of_items(before, [RefundItem("a", 1)])
    touched = reversal_of([100], [before[0]], [refund.lines[0]])
    assert touched.amount == reversal_of([100, 10], before, refund.lines).amount == 34


def test_an_untouched_line_is_the_same_object() -> None:
    before = [THREE, ONE]
    assert refund_of_items(before, [RefundItem("a", 1)]).lines[1] is ONE
