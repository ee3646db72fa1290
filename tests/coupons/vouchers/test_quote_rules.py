"""Quotes against a naive reading of the contract in Fractions, and what holds of every quote."""

from datetime import timedelta
from fractions import Fraction
from math import floor

from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import share
from coupons.vouchers.rules import CodeKind, Line, Presented, Reason, Terms, nets_before_coupons, quote
from tests.coupons.vouchers.presenting import AT, amount_off, id_of, percent_off

SMALL_OR_LARGE = st.integers(0, 40) | st.integers(0, 10**9)
SKUS, CATEGORIES = st.sampled_from("abc"), st.sampled_from("XY")
LINES = st.lists(st.builds(Line, SKUS, CATEGORIES | st.none(), SMALL_OR_LARGE), min_size=1, max_size=8)
LISTS = st.none() | st.lists(st.sampled_from("abcd"), min_size=1, max_size=2, unique=True)
CATEGORY_LISTS = st.none() | st.lists(CATEGORIES, min_size=1, max_size=1)
RUNS = settings(deadline=None, max_examples=250)


@st.composite
def coupons(draw: st.DrawFn, number: int = 1) -> Terms:
    terms = {
        "id": id_of(number),
        "min_spend": draw(st.just(0) | SMALL_OR_LARGE),
        "skus": draw(LISTS),
        "categories": draw(CATEGORY_LISTS),
        "stackable": draw(st.sampled_from([True, True, True, False])),
        "valid_to": draw(st.sampled_from([None, None, AT, AT + timedelta(days=1)])),
        "valid_from": draw(st.sampled_from([None, None, AT, AT + timedelta(hours=1)])),
        "status": draw(st.sampled_from(["active", "active", "active", "ended"])),
    }
    if draw(st.booleans()):
        return amount_off(draw(SMALL_OR_LARGE.map(lambda amount: amount + 1)), **terms)
    return percent_off(draw(st.integers(1, 10_000)), max_discount=draw(st.none() | st.integers(1, 10**6)), **terms)


@st.composite
def codes(draw: st.DrawFn) -> list[Presented]:
    """Up to five codes of three coupons, some of them twice, some refused already."""
    terms = [draw(coupons(number)) for number in (1, 2, 3)]
    named = draw(st.lists(st.tuples(st.sampled_from("PQRSTU"), st.integers(0, 2)), max_size=5))
    coupon_of = {}
    for code, number in named:
        coupon_of.setdefault(code, number)
    refused = draw(st.sets(st.sampled_from("PQRSTU"), max_size=1))
    limit = draw(st.sampled_from([None, None, 1]))
    return [
        Presented(
            code, id_of(ord(code)), terms[coupon_of[code]], CodeKind.SHARED, None,
            Reason.NOT_YOURS if code in refused else None, allowance=limit,
        )
        for code, _ in named
    ]  # fmt: skip


def usable(terms: Terms) -> Terms:
    return terms._replace(min_spend=0, valid_from=None, valid_to=None, status="active")


def largest_remainder(total: int, weights: list[int]) -> list[int]:
    if total == 0:
        return [0] * len(weights)
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [floor(term) for term in exact]
    by_remainder = sorted(range(len(exact)), key=lambda n: (parts[n] - exact[n], n))
    for winner in by_remainder[: total - sum(parts)]:
        parts[winner] += 1
    return parts


def naive(lines: list[Line], named: list[Presented]) -> tuple[list[tuple[str, int]], list[str], list[int]]:
    """API.md, *Coupons*, word by word: (code and amount of the used), the refused, what is left of each line."""
    left = [Fraction(line.net) for line in lines]
    used: list[Presented] = []
    amounts, refused, seen = [], [], set()
    for code in named:
        terms = code.coupon
        assert terms is not None
        covered = [
            n
            for n, line in enumerate(lines)
            if (terms.skus is None and terms.categories is None)
            or (terms.skus is not None and line.sku in terms.skus)
            or (terms.categories is not None and line.category in terms.categories)
        ]
        net = sum((left[n] for n in covered), Fraction(0))
        good = (
            code.code not in seen
            and code.refused is None
            and terms.status == "active"
            and (terms.valid_from is None or terms.valid_from <= AT)
            and (terms.valid_to is None or terms.valid_to > AT)
            and (not used or (terms.stackable and all(o.coupon is not None and o.coupon.stackable for o in used)))
            and (code.allowance is None or [o.coupon for o in used].count(terms) < code.allowance)
            and covered != []
            and net >= terms.min_spend
        )
        seen.add(code.code)
        if not good:
            refused.append(code.code)
            continue
        if terms.kind == "amount":
            amount = min(int(net), terms.amount or 0)
        else:
            amount = floor(net * Fraction(terms.percent_bps or 0, 10_000))
            amount = amount if terms.max_discount is None else min(amount, terms.max_discount)
        for n, part in zip(covered, largest_remainder(amount, [int(left[n]) for n in covered]), strict=True):
            left[n] -= part
        used.append(code)
        amounts.append((code.code, amount))
    return amounts, refused, [int(rest) for rest in left]


@RUNS
@given(LINES, codes())
def test_a_quote_agrees_with_the_naive_reading(lines: list[Line], named: list[Presented]) -> None:
    found = quote(lines, named, AT)
    amounts, refused, left = naive(lines, named)
    assert [(one.code, one.amount) for one in found.discounts] == amounts
    assert [one.code for one in found.refused] == refused
    assert found.left == left


@RUNS
@given(LINES, codes())
def test_discounts_never_exceed_lines_and_spreads_sum_exactly(lines: list[Line], named: list[Presented]) -> None:
    found = quote(lines, named, AT)
    off = [0] * len(lines)
    for one in found.discounts:
        assert sum(one.by_line) == one.amount >= 0
        assert min(one.by_line) >= 0
        for line, part in zip(one.lines, one.by_line, strict=True):
            off[line] += part
    assert found.left == [line.net - part for line, part in zip(lines, off, strict=True)]
    assert min(found.left) >= 0
    assert len(found.discounts) + len(found.refused) == len(named)


@RUNS
@given(LINES, coupons(), st.randoms())
def test_the_order_of_lines_does_not_change_what_a_code_takes(lines: list[Line], terms: Terms, chance: object) -> None:
    shuffled = lines.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    named = [Presented("P", id_of(9), terms)]
    assert _totals(lines, named) == _totals(shuffled, named)


@RUNS
@given(LINES, st.lists(coupons(), max_size=4), st.randoms())
def test_the_order_of_lines_does_not_change_totals_of_codes_that_cover_the_same(
    lines: list[Line], terms: list[Terms], chance: object
) -> None:
    shuffled = lines.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    first = terms[0] if terms else None
    named = [
        Presented(f"P{n}", id_of(n), one._replace(id=id_of(n), skus=first.skus, categories=first.categories))
        for n, one in enumerate(terms)
        if first
    ]
    assert _totals(lines, named) == _totals(shuffled, named)


def _totals(lines: list[Line], named: list[Presented]) -> tuple[list[tuple[str, int]], list[tuple[str, Reason]], int]:
    found = quote(lines, named, AT)
    return [(one.code, one.amount) for one in found.discounts], list(found.refused), sum(found.left)  # type: ignore[arg-type]


@RUNS
@given(LINES, codes())
def test_refused_codes_change_nothing_for_the_others(lines: list[Line], named: list[Presented]) -> None:
    found = quote(lines, named, AT)
    used = {one.code for one in found.discounts}
    again = quote(lines, list({code.code: code for code in named if code.code in used}.values()), AT)
    assert (again.discounts, again.left, again.refused) == (found.discounts, found.left, [])


@RUNS
@given(LINES, codes())
def test_the_same_quote_again_is_the_same(lines: list[Line], named: list[Presented]) -> None:
    before = (list(lines), list(named))
    assert quote(lines, named, AT) == quote(lines, named, AT)
    assert (lines, named) == before, "a quote changes nothing that it was given"


@RUNS
@given(LINES, coupons(), st.integers(0, 7), SMALL_OR_LARGE)
def test_a_dearer_line_never_makes_the_discount_smaller(lines: list[Line], terms: Terms, place: int, more: int) -> None:
    named = [Presented("P", id_of(9), usable(terms))]
    place %= len(lines)
    dearer = [*lines[:place], lines[place]._replace(net=lines[place].net + more), *lines[place + 1 :]]
    before, after = quote(lines, named, AT), quote(dearer, named, AT)
    taken_before, taken_after = (sum(one.amount for one in found.discounts) for found in (before, after))
    assert taken_before <= taken_after <= taken_before + more + 1
    assert sum(before.left) <= sum(after.left), "whoever buys more never pays less"


@RUNS
@given(LINES, coupons(), SMALL_OR_LARGE)
def test_a_better_coupon_never_takes_less(lines: list[Line], terms: Terms, more: int) -> None:
    worse = usable(terms)
    if worse.kind == "amount":
        better = worse._replace(amount=(worse.amount or 0) + more)
    else:
        better = worse._replace(percent_bps=min(10_000, (worse.percent_bps or 0) + more))
    first, second = (sum(quote(lines, [Presented("P", id_of(9), one)], AT).left) for one in (worse, better))
    assert second <= first


@RUNS
@given(st.lists(st.tuples(st.integers(1, 9), SMALL_OR_LARGE), min_size=1, max_size=6), st.data())
def test_the_orders_own_discount_is_spread_as_orders_spread_it(
    given_lines: list[tuple[int, int]], data: st.DataObject
) -> None:
    quantities, prices = (list(part) for part in zip(*given_lines, strict=True))
    off = [data.draw(st.integers(0, quantity * price)) for quantity, price in given_lines]
    nets = [q * p - d for q, p, d in zip(quantities, prices, off, strict=True)]
    discount = data.draw(st.integers(0, sum(nets)))
    found = nets_before_coupons(quantities, prices, off, discount)
    assert found == [net - part for net, part in zip(nets, largest_remainder(discount, nets), strict=True)]
    assert found == [net - part for net, part in zip(nets, share(discount, nets), strict=True)]
