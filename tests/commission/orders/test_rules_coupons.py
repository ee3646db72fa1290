"""Coupons in an order's sums: what a quote says is what the order comes to, and told discounts go where they fit."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import NAMESPACE_OID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission.orders.rules import CouponDiscount, discounts_as_told, order_sums
from core.errors import Invalid
from coupons.vouchers.rules import Line, Presented, Terms, quote

AT = datetime(2026, 3, 1, tzinfo=UTC)


@st.composite
def coupons(draw: st.DrawFn) -> Terms:
    kind = draw(st.sampled_from(["amount", "percent"]))
    return Terms(
        id=uuid5(NAMESPACE_OID, str(draw(st.integers(0, 10**9)))), kind=kind,
        amount=draw(st.integers(1, 3000)) if kind == "amount" else None,
        percent_bps=draw(st.integers(1, 10_000)) if kind == "percent" else None,
        min_spend=draw(st.sampled_from([0, 0, 500])), max_discount=draw(st.none() | st.integers(1, 500)),
        skus=draw(st.none() | st.lists(st.sampled_from("0123"), max_size=2)), categories=None, stackable=True,
        valid_from=None, valid_to=None, status="active", total_quantity=None, per_customer_limit=None,
        give_back="never", claim_valid_seconds=None,
    )  # fmt: skip


prices = st.lists(st.integers(0, 999), min_size=1, max_size=4)


@given(prices, st.lists(coupons(), max_size=4), st.integers(0, 100), st.integers(0, 50))
def test_an_order_comes_to_what_its_quote_left(
    nets: list[int], terms: list[Terms], percent_off: int, shipping: int
) -> None:
    ones, zeros = [1] * len(nets), [0] * len(nets)
    discount = sum(nets) * percent_off // 100
    before = order_sums(ones, nets, zeros, discount=discount, shipping=shipping)
    lines = [Line(str(number), None, base) for number, base in enumerate(before.bases)]
    codes = [Presented(f"C{number}", one.id, one, "shared") for number, one in enumerate(terms)]
    quoted = quote(lines, codes, AT)
    taken = [CouponDiscount(one.amount, one.lines) for one in quoted.discounts]
    after = order_sums(ones, nets, zeros, discount=discount, coupons=taken, shipping=shipping)
    assert after.bases == quoted.left
    assert after.coupon_discount == sum(one.amount for one in quoted.discounts)
    assert after.total == sum(quoted.left) + shipping == before.total - after.coupon_discount


def told(nets: Sequence[int], *wished: tuple[int, list[int]]) -> list[list[int]]:
    return [
        list(one.lines) for one in discounts_as_told(nets, [CouponDiscount(amount, lines) for amount, lines in wished])
    ]


def test_a_told_discount_stays_on_its_own_lines_while_they_are_worth_it() -> None:
    assert told([100, 50], (50, [1])) == [[1]]
    assert told([100, 50], (51, [1])) == [[0, 1]]
    assert told([100, 50], (30, [1]), (30, [1])) == [[1], [0, 1]]
    assert told([0, 0], (0, [1])) == [[1]]


def test_told_discounts_are_never_more_than_the_order() -> None:
    assert told([100, 50], (150, [1]), (0, [0])) == [[0, 1], [0]]
    with pytest.raises(Invalid) as refused:
        told([100, 50], (100, [0]), (51, [1]))
    assert [fault.pointer for fault in refused.value.faults] == ["/coupon_discounts/1/amount"]


@given(prices, st.data())
def test_told_discounts_add_up_in_the_sums(nets: list[int], data: st.DataObject) -> None:
    lines = st.lists(st.integers(0, len(nets) - 1), unique=True, max_size=len(nets))
    left, wished = sum(nets), []
    for _ in range(data.draw(st.integers(0, 3))):
        wished.append(CouponDiscount(data.draw(st.integers(0, left)), data.draw(lines)))
        left -= wished[-1].amount
    taken = discounts_as_told(nets, wished)
    sums = order_sums([1] * len(nets), nets, [0] * len(nets), coupons=taken)
    assert sums.coupon_discount == sum(one.amount for one in wished)
    assert min(sums.bases) >= 0
