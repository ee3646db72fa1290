"""Publishing: which combinations of rules and levels could exceed the cap."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commission.plans import rules as plan_rules
from commission.plans.rules import plan_warnings
from commission.plans.terms import Match, Plan, Rule, Term


def combinations(plan: Plan, payout_cap_bps: int = 5000, max_levels: int = 3) -> list[tuple[int | None, ...]]:
    return [warning.rules for warning in plan_warnings(plan, payout_cap_bps, max_levels)]


def test_a_plan_within_the_cap_has_no_warning() -> None:
    assert plan_warnings(Plan((Term(3000), Term(2000))), 5000, 2) == []


def test_a_plan_above_the_cap_is_named_with_both_figures() -> None:
    (warning,) = plan_warnings(Plan((Term(3000), Term(2001))), 5000, 2)
    assert (warning.rules, warning.rate_bps, warning.cap_bps) == ((None, None), 5001, 5000)
    assert "50.01 %" in warning.detail
    assert "50.00 %" in warning.detail


def test_the_plans_own_cap_counts_where_it_is_lower() -> None:
    assert combinations(Plan((Term(1000), Term(500)), cap_bps=1499)) == [(None, None)]
    assert combinations(Plan((Term(1000), Term(500)), cap_bps=1500)) == []


def test_levels_beyond_the_programs_limit_do_not_count() -> None:
    plan = Plan((Term(3000), Term(2000), Term(1)))
    assert combinations(plan, max_levels=2) == []
    assert combinations(plan, max_levels=3) == [(None, None, None)]


def test_every_rule_above_the_cap_is_listed() -> None:
    rules = (
        Rule(Match(category="a"), (Term(5001),)),
        Rule(Match(category="b"), (Term(5000),)),
        Rule(Match(sku="c"), (Term(4000), Term(1001))),
    )
    assert combinations(Plan((Term(100), Term(50)), rules)) == [(0, 0), (2, 2)]


def test_amounts_are_listed_whatever_they_are() -> None:
    (warning,) = plan_warnings(Plan((Term(100),), (Rule(Match(sku="a"), (Term(amount=1),)),)), 5000, 2)
    assert warning.rules == (0,)
    assert "cheap lines" in warning.detail


def test_an_excluded_rule_is_never_listed() -> None:
    assert combinations(Plan((Term(100),), (Rule(Match(sku="a"), (Term(9000),), excluded=True),))) == []


def test_a_rule_that_no_line_reaches_is_not_listed() -> None:
    shadowed = Rule(Match(sku="a"), (Term(9000),))
    assert combinations(Plan((Term(100),), (Rule(Match(), (Term(200),)), shadowed))) == []
    assert combinations(Plan((Term(9000),), (Rule(Match(), (Term(200),)),))) == []


def test_grades_that_are_cheap_alone_may_be_dear_together() -> None:
    rules = (
        Rule(Match(grade="seller"), (Term(4000), Term(500))),
        Rule(Match(grade="agent"), (Term(500), Term(2000))),
    )
    assert combinations(Plan((Term(100), Term(50)), rules), max_levels=2) == [(0, 1)]


def test_grades_of_lines_that_differ_do_not_come_together() -> None:
    rules = (
        Rule(Match(grade="seller", category="a"), (Term(4000), Term(500))),
        Rule(Match(grade="agent", category="b"), (Term(500), Term(2000))),
    )
    assert combinations(Plan((Term(100), Term(50)), rules), max_levels=2) == []


def test_a_plan_with_too_many_combinations_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_rules, "_CASES_CHECKED", 2)
    rules = tuple(
        Rule(Match(sku=sku), (Term(rate_bps),)) for sku, rate_bps in zip("abc", (100, 200, 6000), strict=True)
    )
    own, unchecked = plan_warnings(Plan((Term(100),), rules), 5000, 2)
    assert own.rules == (2,)
    assert (unchecked.rules, "too many" in unchecked.detail) == ((), True)
    assert combinations(Plan((Term(100),), rules[:1])) == []


def test_a_rule_for_each_of_thousands_of_products_is_checked_whole() -> None:
    rules = tuple(Rule(Match(sku=f"sku{n}"), (Term(100 + n),)) for n in range(5000))
    assert combinations(Plan((Term(100),), rules), 5000)[-1] == (4999,)
    assert len(combinations(Plan((Term(100),), rules), 5000)) == 99


WORDS = ("p", "q")
WANTED = st.none() | st.sampled_from(WORDS) | st.lists(st.sampled_from(WORDS), max_size=2).map(tuple)
RULES = st.builds(
    Rule,
    match=st.builds(Match, sku=WANTED, category=WANTED, channel=WANTED, grade=WANTED),
    levels=st.lists(st.builds(Term, rate_bps=st.integers(0, 4000)), max_size=3).map(tuple),
    excluded=st.sampled_from([False, False, True]),
)
PLANS = st.builds(
    Plan,
    levels=st.lists(st.builds(Term, rate_bps=st.integers(0, 3000)), max_size=3).map(tuple),
    rules=st.lists(RULES, max_size=4).map(tuple),
)


def naive_rate(plan: Plan, facts: dict[str, str | None], level: int) -> int:
    for rule in plan.rules:
        wanted = {key: getattr(rule.match, key) for key in facts}
        if all(value is None or facts[key] == value or facts[key] in tuple(value) for key, value in wanted.items()):
            return 0 if rule.excluded or level > len(rule.levels) else rule.levels[level - 1].rate_bps
    return plan.levels[level - 1].rate_bps if level <= len(plan.levels) else 0


def dearest(plan: Plan, levels: int) -> int:
    """The most that any line, channel and grades of the members above could pay, by trying them all."""
    found = 0
    for sku, category, channel in product((None, *WORDS), repeat=3):
        line = {"sku": sku, "category": category, "channel": channel}
        rates = [
            max(naive_rate(plan, line | {"grade": grade}, level) for grade in (None, *WORDS))
            for level in range(1, levels + 1)
        ]
        found = max(found, sum(rates))
    return found


@settings(deadline=None, max_examples=300)
@given(PLANS, st.integers(1, 3), st.integers(0, 8000))
def test_there_is_a_warning_just_when_some_line_could_pay_more_than_the_cap(plan: Plan, levels: int, cap: int) -> None:
    most = dearest(plan, levels)
    warnings = plan_warnings(plan, cap, levels)
    assert bool(warnings) == (most > cap)
    assert max((warning.rate_bps for warning in warnings), default=most) == most
    assert all(warning.rate_bps > cap for warning in warnings)
