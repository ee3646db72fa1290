"""Rules 4 to 6 against a naive reading of the contract in Fractions, on random orders and plans."""

import random
from fractions import Fraction
from math import floor
from typing import NamedTuple
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from commission.plans.rules import OrderCommissions, OrderLines, commissions_for
from commission.plans.terms import Match, Plan, PlanTerms, Rule, Term

SKUS, CATEGORIES, CHANNELS, GRADES = (
    ("a", "b", "c"),
    (None, "goods", "service"),
    (None, "live", "mall"),
    ("standard", "gold"),
)


class Payee(NamedTuple):
    level: int
    grade: str
    member_id: UUID


class Order(NamedTuple):
    lines: list[tuple[str, str | None, int, int]]
    channel: str | None
    payees: list[Payee]
    payout_cap_bps: int


def wanted(values: tuple[str | None, ...]) -> st.SearchStrategy[str | tuple[str, ...] | None]:
    words = st.sampled_from([value for value in values if value])
    return st.none() | st.none() | words | st.lists(words, min_size=1, max_size=2).map(tuple)


TERMS = st.builds(Term, rate_bps=st.integers(0, 4000)) | st.builds(Term, amount=st.integers(0, 300))
MATCHES = st.builds(
    Match, sku=wanted(SKUS), category=wanted(CATEGORIES), channel=wanted(CHANNELS), grade=wanted(GRADES)
)
RULES = st.builds(Rule, match=MATCHES, levels=st.lists(TERMS, max_size=3).map(tuple)) | st.builds(
    Rule, match=MATCHES, excluded=st.sampled_from([True])
)
PLANS = st.builds(
    Plan,
    levels=st.lists(st.builds(Term, rate_bps=st.integers(0, 4000)), max_size=3).map(tuple),
    rules=st.lists(RULES, max_size=4).map(tuple),
    cap_bps=st.none() | st.integers(0, 6000),
)
BASES = st.integers(0, 60) | st.integers(0, 10**12)
LINES = st.lists(
    st.tuples(st.sampled_from(SKUS), st.sampled_from(CATEGORIES), st.integers(1, 9), BASES), min_size=1, max_size=10
)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    levels = sorted(draw(st.sets(st.integers(1, 3))))
    payees = [Payee(level, draw(st.sampled_from(GRADES)), UUID(int=level)) for level in levels]
    return Order(draw(LINES), draw(st.sampled_from(CHANNELS)), payees, draw(st.integers(0, 10_000)))


def largest_remainder(total: int, exact: list[Fraction]) -> list[int]:
    parts = [floor(term) for term in exact]
    by_remainder = sorted(range(len(exact)), key=lambda n: (parts[n] - exact[n], n))
    for winner in by_remainder[: total - sum(parts)]:
        parts[winner] += 1
    return parts


def naive_terms(plan: Plan, order: Order, payee: Payee) -> list[Fraction]:
    """Rule 4."""
    exact = []
    for sku, category, quantity, base in order.lines:
        facts = {"sku": sku, "category": category, "channel": order.channel, "grade": payee.grade}
        levels = plan.levels
        for rule in plan.rules:
            keys = {key: getattr(rule.match, key) for key in facts if getattr(rule.match, key) is not None}
            if all(facts[key] in ([value] if isinstance(value, str) else list(value)) for key, value in keys.items()):
                levels = () if rule.excluded else rule.levels
                break
        term = levels[payee.level - 1] if payee.level <= len(levels) else Term()
        exact.append(Fraction(base * term.rate_bps, 10_000) + quantity * term.amount)
    return exact


def naive(plan: Plan, order: Order) -> list[tuple[int, list[int]]]:
    """Amount and line shares of each payee: rules 5 and 6."""
    exact = [naive_terms(plan, order, payee) for payee in order.payees]
    amounts = [floor(sum(terms)) for terms in exact]
    caps = [order.payout_cap_bps] if plan.cap_bps is None else [order.payout_cap_bps, plan.cap_bps]
    cap = floor(Fraction(sum(line[3] for line in order.lines) * min(caps), 10_000))
    full = list(amounts)
    while sum(amounts) > cap:
        deepest = max(n for n, amount in enumerate(amounts) if amount)
        amounts[deepest] -= min(amounts[deepest], sum(amounts) - cap)
    shares = []
    for amount, uncut, terms in zip(amounts, full, exact, strict=True):
        proportion = Fraction(amount) / sum(terms) if amount < uncut else 1
        shares.append(largest_remainder(amount, [term * proportion for term in terms]))
    return list(zip(amounts, shares, strict=True))


def computed(terms: PlanTerms, order: Order) -> OrderCommissions:
    skus, categories, quantities, bases = (list(column) for column in zip(*order.lines, strict=True))
    lines = OrderLines(skus, categories, quantities, bases)
    return commissions_for(terms, lines, order.payees, channel=order.channel, payout_cap_bps=order.payout_cap_bps)


@settings(deadline=None, max_examples=600)
@given(PLANS, orders())
def test_commissions_agree_with_the_naive_reading(plan: Plan, order: Order) -> None:
    result = computed(PlanTerms(plan), order)
    assert [(level.amount, level.shares) for level in result.levels] == naive(plan, order)


@settings(deadline=None, max_examples=300)
@given(PLANS, orders())
def test_shares_add_up_and_the_cap_holds(plan: Plan, order: Order) -> None:
    result = computed(PlanTerms(plan), order)
    base = sum(line[3] for line in order.lines)
    assert (
        sum(level.amount for level in result.levels)
        <= result.cap
        == base * min(order.payout_cap_bps, 10_000 if plan.cap_bps is None else plan.cap_bps) // 10_000
    )
    for level, payee in zip(result.levels, order.payees, strict=True):
        assert sum(level.shares) == level.amount <= level.uncut
        assert min(level.shares) >= 0
        assert (level.level, level.member_id) == (payee.level, payee.member_id)
    assert result.recorded == [level for level in result.levels if level.amount > 0]


@settings(deadline=None, max_examples=100)
@given(PLANS, st.lists(orders(), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_an_order_pays_the_same_alone_and_in_any_batch(plan: Plan, batch: list[Order], dice: random.Random) -> None:
    alone = [computed(PlanTerms(plan), order) for order in batch]
    together = PlanTerms(plan)
    sequence = list(range(len(batch)))
    dice.shuffle(sequence)
    in_batch = {number: computed(together, batch[number]) for number in sequence}
    assert [in_batch[number] for number in range(len(batch))] == alone


@settings(deadline=None, max_examples=200)
@given(PLANS, orders(), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_change_what_a_level_earns(
    plan: Plan, order: Order, dice: random.Random
) -> None:
    shuffled = order._replace(lines=dice.sample(order.lines, len(order.lines)))
    amounts = [level.amount for level in computed(PlanTerms(plan), order).levels]
    assert [level.amount for level in computed(PlanTerms(plan), shuffled).levels] == amounts
