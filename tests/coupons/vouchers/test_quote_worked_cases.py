"""Quotes by hand: every kind, every reason, every edge, with the cents written down."""

from datetime import timedelta
from typing import Any

import pytest

from core.errors import Invalid
from coupons.vouchers.rules import MAX_CODES, Presented, Reason, Terms, covered_lines, nets_before_coupons, quote
from tests.coupons.vouchers.presenting import AT, amount_off, lines_of, percent_off, presented


def taken(terms: Terms, *nets: int) -> list[int] | str:
    """What one code takes off each line, or why it does not."""
    lines = lines_of(*nets)
    found = quote(lines, [presented("X", terms)], AT)
    if found.refused:
        return found.refused[0].reason
    return [line.net - left for line, left in zip(lines, found.left, strict=True)]


@pytest.mark.parametrize(
    ("terms", "nets", "expected"),
    [
        (amount_off(100), [300, 100], [75, 25]),
        (amount_off(100), [100, 100, 100], [34, 33, 33]),
        (amount_off(1), [1, 1], [1, 0]),
        (amount_off(500), [300, 100], [300, 100]),
        (amount_off(100), [0, 0], [0, 0]),
        (amount_off(100, skus=["b"]), [300, 60], [0, 60]),
        (amount_off(100, categories=["B"]), [300, 100], [0, 100]),
        (amount_off(100, skus=["a"], categories=["C"]), [100, 100, 100], [50, 0, 50]),
        (percent_off(1000), [999], [99]),
        (percent_off(1000), [999, 1], [100, 0]),
        (percent_off(10_000), [999, 1], [999, 1]),
        (percent_off(1), [9_999], [0]),
        (percent_off(1), [10_000], [1]),
        (percent_off(5000, max_discount=30), [100, 100], [15, 15]),
        (percent_off(5000, max_discount=100), [100, 100], [50, 50]),
        (percent_off(5000, skus=["b", "c"]), [100, 33, 34], [0, 16, 17]),
        (amount_off(10, min_spend=100), [60, 40], [6, 4]),
        (amount_off(10, min_spend=100, skus=["a"]), [99, 900], Reason.MIN_SPEND_NOT_REACHED),
        (amount_off(10, min_spend=101), [60, 40], Reason.MIN_SPEND_NOT_REACHED),
        (amount_off(10, skus=["x"], categories=["a"]), [60, 40], Reason.NO_MATCHING_ITEMS),
        (amount_off(10, status="ended"), [60], Reason.ENDED),
        (amount_off(10, valid_from=AT), [60], [10]),
        (amount_off(10, valid_from=AT + timedelta(microseconds=1)), [60], Reason.NOT_YET_VALID),
        (amount_off(10, valid_to=AT + timedelta(microseconds=1)), [60], [10]),
        (amount_off(10, valid_to=AT), [60], Reason.EXPIRED),
    ],
)
def test_what_one_code_takes(terms: Terms, nets: list[int], expected: Any) -> None:
    assert taken(terms, *nets) == expected


def test_codes_take_in_the_order_named() -> None:
    half, ten = presented("HALF", percent_off(5000)), presented("TEN", amount_off(10))
    first_half = quote(lines_of(100), [half, ten], AT)
    assert [(one.code, one.amount) for one in first_half.discounts] == [("HALF", 50), ("TEN", 10)]
    first_ten = quote(lines_of(100), [ten, half], AT)
    assert [(one.code, one.amount) for one in first_ten.discounts] == [("TEN", 10), ("HALF", 45)]
    assert (first_half.left, first_ten.left) == ([40], [45])


def test_a_later_code_sees_what_is_left_of_its_lines() -> None:
    everything = presented("ALL", amount_off(150))  # leaves 50 and 100
    on_a = presented("A", percent_off(5000, skus=["a"]))
    found = quote(lines_of(100, 200), [everything, on_a], AT)
    assert [(one.amount, one.lines, one.by_line) for one in found.discounts] == [
        (150, [0, 1], [50, 100]),
        (25, [0], [25]),
    ]
    assert found.left == [25, 100]


def test_min_spend_is_compared_with_what_the_codes_before_left() -> None:
    ten, over_95 = presented("TEN", amount_off(10)), presented("OVER", amount_off(5, min_spend=95))
    assert quote(lines_of(100), [over_95, ten], AT).refused == []
    found = quote(lines_of(100), [ten, over_95], AT)
    assert found.refused == [("OVER", Reason.MIN_SPEND_NOT_REACHED)]


def test_a_code_that_finds_nothing_left_takes_nothing_and_counts_as_used() -> None:
    found = quote(lines_of(100), [presented("FREE", percent_off(10_000)), presented("TEN", amount_off(10))], AT)
    assert [(one.code, one.amount, one.by_line) for one in found.discounts] == [("FREE", 100, [100]), ("TEN", 0, [0])]


@pytest.mark.parametrize(
    ("first", "second", "used", "refused"),
    [
        (True, True, ["A", "B"], []),
        (True, False, ["A"], ["B"]),
        (False, True, ["A"], ["B"]),
        (False, False, ["A"], ["B"]),
    ],
)
def test_a_coupon_that_is_not_stackable_goes_with_no_other(
    first: bool, second: bool, used: list[str], refused: list[str]
) -> None:
    codes = [presented("A", amount_off(1, stackable=first)), presented("B", amount_off(1, stackable=second))]
    found = quote(lines_of(100), codes, AT)
    assert [one.code for one in found.discounts] == used
    assert found.refused == [(code, Reason.NOT_STACKABLE) for code in refused]


def test_a_refused_code_does_not_stand_in_the_way_of_the_next() -> None:
    codes = [
        presented("GONE", amount_off(1, stackable=False, status="ended")),
        presented("BIG", amount_off(1, stackable=False, min_spend=101)),
        presented("USED", amount_off(1, stackable=False), refused=Reason.ALREADY_USED),
        Presented("WHAT"),
        presented("GOOD", amount_off(1, stackable=False)),
    ]
    found = quote(lines_of(100), codes, AT)
    assert [one.code for one in found.discounts] == ["GOOD"]
    assert found.refused == [
        ("GONE", Reason.ENDED), ("BIG", Reason.MIN_SPEND_NOT_REACHED), ("USED", Reason.ALREADY_USED),
        ("WHAT", Reason.UNKNOWN_CODE),
    ]  # fmt: skip


def test_a_code_named_twice_is_used_once() -> None:
    code = presented("A", amount_off(10))
    found = quote(lines_of(100), [code, presented("B", amount_off(1)), code], AT)
    assert [one.amount for one in found.discounts] == [10, 1]
    assert found.refused == [("A", Reason.NAMED_TWICE)]
    unknown = quote(lines_of(100), [Presented("A"), Presented("A")], AT)
    assert unknown.refused == [("A", Reason.UNKNOWN_CODE), ("A", Reason.NAMED_TWICE)]


@pytest.mark.parametrize(
    ("room", "used", "reason"),
    [
        ({}, 3, None),
        ({"allowance": 2}, 2, Reason.LIMIT_REACHED),
        ({"stock": 1}, 1, Reason.SOLD_OUT),
        ({"stock": 0, "allowance": 0}, 0, Reason.SOLD_OUT),
        ({"stock": 3, "allowance": 3}, 3, None),
    ],
)
def test_codes_of_one_coupon_share_what_is_left_of_it(room: dict[str, int], used: int, reason: Reason | None) -> None:
    terms = amount_off(10)
    found = quote(lines_of(100), [presented(code, terms, **room) for code in ("A", "B", "C")], AT)
    assert len(found.discounts) == used
    assert [refused.reason for refused in found.refused] == [reason] * (3 - used)


def test_two_codes_of_a_coupon_that_is_not_stackable_are_one_too_many() -> None:
    terms = amount_off(10, stackable=False)
    found = quote(lines_of(100), [presented("A", terms), presented("B", terms)], AT)
    assert found.refused == [("B", Reason.NOT_STACKABLE)]


def test_what_an_order_holds_is_not_judged_again_by_time() -> None:
    late = amount_off(10, valid_to=AT)
    assert quote(lines_of(100), [presented("A", late, held=True)], AT).left == [90]
    ended = amount_off(10, status="ended")
    assert quote(lines_of(100), [presented("A", ended, held=True)], AT).left == [90]
    assert taken(late, 100) == Reason.EXPIRED


def test_what_the_order_itself_takes_off_comes_before_coupons() -> None:
    # 3 × 100 − 50 = 250 and 1 × 150 = 150; 40 off the order: 25 and 15
    assert nets_before_coupons([3, 1], [100, 150], [50, 0], 40) == [225, 135]
    assert nets_before_coupons([1], [100], [100]) == [0]


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        (([1, 1], [100, 10], [0, 11], 0), "/items/1/discount"),
        (([1], [100], [50], 51), "/discount"),
        (([10**9], [10**15], [0], 0), "/items"),
    ],
)
def test_a_discount_larger_than_what_it_is_taken_from_is_refused(arguments: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        nets_before_coupons(*arguments)
    assert [fault.pointer for fault in refusal.value.faults] == [pointer]


def test_a_line_without_category_is_covered_by_its_sku_only() -> None:
    lines = [line._replace(category=None) for line in lines_of(1, 1)]
    assert covered_lines(["b"], ["A"], lines) == [1]
    assert covered_lines(None, None, lines) == [0, 1]
    assert covered_lines([], None, lines) == []


def test_twenty_codes_are_enough_for_anybody() -> None:
    assert MAX_CODES == 20
