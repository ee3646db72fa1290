"""Sharing a sum and the currencies. An oracle in Fractions judges every sharing."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import BPS, CURRENCY_EXPONENTS, share, share_exact

AMOUNTS = st.integers(min_value=0, max_value=10**15)
SMALL = st.integers(min_value=0, max_value=12)
WEIGHTS = st.lists(SMALL | AMOUNTS, min_size=1, max_size=30).filter(any)


def largest_remainder(total: int, terms: list[Fraction]) -> list[int]:
    """Naive: floors, then one cent at a time to the largest remainder, the earlier of equals first."""
    parts = [int(term) for term in terms]
    remainders = [term - int(term) for term in terms]
    for _ in range(total - sum(parts)):
        winner = remainders.index(max(remainders))
        parts[winner] += 1
        remainders[winner] = Fraction(-1)
    return parts


@given(SMALL | AMOUNTS, WEIGHTS)
def test_a_share_is_the_largest_remainder_sharing(total: int, weights: list[int]) -> None:
    assert share(total, weights) == largest_remainder(total, [Fraction(total * w, sum(weights)) for w in weights])


@given(SMALL | AMOUNTS, WEIGHTS)
def test_shares_add_up_to_the_total_and_stay_within_one_of_their_exact_part(total: int, weights: list[int]) -> None:
    parts = share(total, weights)
    assert sum(parts) == total
    assert all(abs(part - Fraction(total * w, sum(weights))) < 1 for part, w in zip(parts, weights, strict=True))


@given(WEIGHTS, st.data())
def test_no_share_exceeds_its_weight_while_the_total_does_not(weights: list[int], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(weights)))
    assert all(0 <= part <= weight for part, weight in zip(share(total, weights), weights, strict=True))


@given(st.lists(AMOUNTS, max_size=30))
def test_exact_terms_are_shared_by_largest_remainder(numerators: list[int]) -> None:
    total = sum(numerators) // BPS
    exact = [Fraction(numerator, BPS) for numerator in numerators]
    assert share_exact(total, numerators, BPS) == largest_remainder(total, exact)


def test_ties_go_to_the_earlier() -> None:
    assert share(2, [1, 1, 1, 1]) == [1, 1, 0, 0]
    assert share_exact(1, [5_000, 0, 5_000], BPS) == [1, 0, 0]


def test_the_larger_remainder_wins_over_the_earlier_place() -> None:
    assert share(53, [14, 7, 32, 2]) == [13, 7, 31, 2]


def test_nothing_is_shared_over_nothing() -> None:
    assert share(0, []) == []
    assert share(0, [0, 0]) == [0, 0]


@pytest.mark.parametrize("weights", [[], [0], [0, 0, 0]])
def test_something_cannot_be_shared_over_nothing(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="all zero"):
        share(1, weights)


@pytest.mark.parametrize("total", [-1, 0, 3, 7])
def test_a_total_that_is_not_the_whole_part_of_the_terms_is_refused(total: int) -> None:
    terms = [10_000, 5_000, 4_000]
    assert share_exact(1, terms, BPS) == [1, 0, 0]
    with pytest.raises(ValueError, match="whole part"):
        share_exact(total, terms, BPS)


def test_every_currency_is_three_capitals_and_listed_once() -> None:
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in CURRENCY_EXPONENTS)
    # ISO 4217 list one of 2026-01-01 has 165 codes with a minor unit
    assert len(CURRENCY_EXPONENTS) == 165


@pytest.mark.parametrize(
    ("exponent", "codes"),
    [(0, "JPY KRW VND ISK XOF"), (2, "CNY GBP USD EUR HKD TWD IDR ZWG XCG"), (3, "KWD BHD TND"), (4, "CLF UYW")],
)
def test_a_currency_has_its_own_exponent(exponent: int, codes: str) -> None:
    assert {CURRENCY_EXPONENTS[code] for code in codes.split()} == {exponent}


@pytest.mark.parametrize("code", ["XAU", "XDR", "XXX", "XTS", "HRK", "BGN", "ANG", "ZWL", "cny", "PTS", "BTC"])
def test_what_is_no_active_currency_is_not_listed(code: str) -> None:
    assert code not in CURRENCY_EXPONENTS
