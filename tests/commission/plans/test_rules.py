"""Rules 4 to 6 one fact at a time: which term, how it is rounded and shared, and what the cap takes."""

from uuid import UUID, uuid4

import pytest
from msgspec import Struct

from commission.plans import terms as plan_terms
from commission.plans.rules import OrderCommissions, OrderLines, commissions_for
from commission.plans.terms import AppliedTerm, Match, Plan, PlanTerms, Rule, Term, level_count, plan_from


class Payee(Struct, frozen=True):
    level: int
    grade: str = "standard"
    member_id: UUID = UUID(int=1)


TWO_LEVELS = (Term(1000), Term(500))


def lines_of(*bases: int, sku: str = "a", category: str | None = None, quantity: int = 1) -> OrderLines:
    count = len(bases)
    return OrderLines([sku] * count, [category] * count, [quantity] * count, bases)


def pay(
    plan: Plan, lines: OrderLines, *payees: Payee, channel: str | None = None, payout_cap_bps: int = 10_000
) -> OrderCommissions:
    return commissions_for(PlanTerms(plan), lines, payees, channel=channel, payout_cap_bps=payout_cap_bps)


def rule_for(
    plan: Plan, sku: str = "a", category: str | None = None, channel: str | None = None, grade: str = "standard"
) -> int | None:
    return PlanTerms(plan).table(channel, grade, 1)[sku, category].rule


def test_a_level_is_the_floor_of_the_sum_and_not_the_sum_of_floors() -> None:
    (level,) = pay(Plan((Term(1000),)), lines_of(9, 9, 9), Payee(1)).levels
    assert (level.amount, level.shares) == (2, [1, 1, 0])


def test_a_list_too_short_for_the_level_pays_nothing() -> None:
    plan = Plan(TWO_LEVELS, (Rule(Match(sku="a"), (Term(2000),)),))
    assert [level.amount for level in pay(plan, lines_of(100), Payee(1), Payee(2), Payee(3)).levels] == [20, 0, 0]
    assert [level.amount for level in pay(plan, lines_of(100, sku="b"), Payee(1), Payee(2), Payee(3)).levels] == [
        10,
        5,
        0,
    ]


def test_zero_is_explained_and_not_recorded() -> None:
    result = pay(Plan(TWO_LEVELS), lines_of(19), Payee(1), Payee(2))
    assert [(level.level, level.amount) for level in result.levels] == [(1, 1), (2, 0)]
    assert [level.level for level in result.recorded] == [1]


def test_an_amount_is_paid_for_every_unit_beside_rates_of_other_lines() -> None:
    plan = Plan((Term(1000),), (Rule(Match(sku="a"), (Term(amount=30),)),))
    lines = OrderLines(["a", "b"], [None, None], [3, 3], [400, 55])
    (level,) = pay(plan, lines, Payee(1)).levels
    assert (level.amount, level.shares, level.numerators) == (95, [90, 5], [900_000, 55_000])
    assert level.terms == [AppliedTerm(0, 30, 0), AppliedTerm(1000, 0, None)]


def test_the_first_rule_that_matches_sets_the_term() -> None:
    rules = (
        Rule(Match(sku="x"), (Term(1),)),
        Rule(Match(category="c"), (Term(2),)),
        Rule(Match(sku="a"), (Term(3),)),
        Rule(Match(), (Term(4),)),
        Rule(Match(sku="b"), (Term(5),)),
    )
    plan = Plan(TWO_LEVELS, rules)
    assert rule_for(plan, "a") == 2
    assert rule_for(plan, "a", "c") == 1
    assert rule_for(plan, "x", "c") == 0
    assert rule_for(plan, "b") == 3


def test_every_key_of_a_match_must_hold() -> None:
    match = Match(sku="a", category="c", channel="live", grade="gold")
    plan = Plan(TWO_LEVELS, (Rule(match, (Term(1),)),))
    assert rule_for(plan, "a", "c", "live", "gold") == 0
    for other in (
        ("b", "c", "live", "gold"),
        ("a", "d", "live", "gold"),
        ("a", "c", "mall", "gold"),
        ("a", "c", "live", "x"),
    ):
        assert rule_for(plan, *other) is None


@pytest.mark.parametrize("key", ["sku", "category", "channel", "grade"])
def test_a_key_holds_for_every_value_of_its_list_and_no_other(key: str) -> None:
    plan = plan_from(
        {"levels": [{"rate_bps": 1000}], "rules": [{"match": {key: ["p", "q"]}, "levels": [{"amount": 1}]}]}
    )
    assert rule_for(plan, **{key: "p"}) == 0
    assert rule_for(plan, **{key: "q"}) == 0
    assert rule_for(plan, **{key: "pq"}) is None
    assert rule_for(plan) is None


@pytest.mark.parametrize("key", ["sku", "category", "channel", "grade"])
def test_an_empty_list_holds_for_nothing(key: str) -> None:
    plan = plan_from({"levels": [{"rate_bps": 1000}], "rules": [{"match": {key: []}, "levels": [{"amount": 1}]}]})
    assert rule_for(plan, "a", "c", "live") is None


def test_the_grade_is_the_beneficiarys_own() -> None:
    plan = Plan(TWO_LEVELS, (Rule(Match(grade="gold"), (Term(2000), Term(800))),))
    result = pay(plan, lines_of(1000), Payee(1), Payee(2, "gold"))
    assert [level.amount for level in result.levels] == [100, 80]
    result = pay(plan, lines_of(1000), Payee(1, "gold"), Payee(2))
    assert [level.amount for level in result.levels] == [200, 50]


def test_an_excluded_line_pays_nothing_and_counts_for_the_cap() -> None:
    plan = Plan((Term(5000),), (Rule(Match(sku="a"), (Term(9000),), excluded=True),))
    result = pay(plan, OrderLines(["a", "b"], [None, None], [1, 1], [100, 100]), Payee(1), payout_cap_bps=2500)
    assert (result.levels[0].shares, result.cap) == ([0, 50], 50)


def test_the_cap_is_the_smaller_of_the_plans_and_the_programs() -> None:
    assert pay(Plan(TWO_LEVELS, cap_bps=1200), lines_of(1100), Payee(1), payout_cap_bps=5000).cap == 132
    assert pay(Plan(TWO_LEVELS, cap_bps=6000), lines_of(1100), Payee(1), payout_cap_bps=5000).cap == 550
    assert pay(Plan(TWO_LEVELS), lines_of(1100), Payee(1), payout_cap_bps=5000).cap == 550
    assert pay(Plan(TWO_LEVELS, cap_bps=0), lines_of(1100), Payee(1), payout_cap_bps=5000).recorded == []


@pytest.mark.parametrize(
    ("cap_bps", "amounts"),
    [
        (1700, [100, 50, 20]),
        (1650, [100, 50, 15]),
        (1500, [100, 50, 0]),
        (1200, [100, 20, 0]),
        (900, [90, 0, 0]),
        (0, [0, 0, 0]),
    ],
)
def test_the_deepest_level_is_cut_first_down_to_zero(cap_bps: int, amounts: list[int]) -> None:
    plan = Plan((Term(1000), Term(500), Term(200)), cap_bps=cap_bps)
    result = pay(plan, lines_of(1000), Payee(1), Payee(2), Payee(3))
    assert [level.amount for level in result.levels] == amounts
    assert [level.uncut for level in result.levels] == [100, 50, 20]


def test_a_cut_sum_is_shared_anew_in_proportion_to_the_exact_terms() -> None:
    plan = Plan((Term(1000),), cap_bps=50)
    (level,) = pay(plan, lines_of(998, 1, 1), Payee(1)).levels
    assert (level.amount, level.shares) == (5, [5, 0, 0])
    (level,) = pay(Plan((Term(3333),), cap_bps=2000), lines_of(5, 5, 5), Payee(1)).levels
    assert (level.uncut, level.shares) == (4, [1, 1, 1])


def test_a_level_nobody_holds_leaves_its_pay_to_nobody() -> None:
    plan = Plan((Term(1000), Term(500), Term(200)))
    result = pay(plan, lines_of(1000), Payee(1), Payee(3))
    assert [(level.level, level.amount) for level in result.levels] == [(1, 100), (3, 20)]


def test_an_order_without_a_base_pays_nothing_by_rate_and_the_cap_takes_amounts() -> None:
    plan = Plan((Term(1000),), (Rule(Match(sku="a"), (Term(amount=30),)),))
    assert pay(plan, lines_of(0), Payee(1)).recorded == []


def test_the_commission_names_its_member() -> None:
    member_id = uuid4()
    assert pay(Plan(TWO_LEVELS), lines_of(100), Payee(1, member_id=member_id)).levels[0].member_id == member_id


def test_levels_reach_to_the_longest_list_within_the_programs_limit() -> None:
    plan = Plan(TWO_LEVELS, (Rule(Match(sku="a"), (Term(1), Term(1), Term(1))), Rule(Match(), excluded=True)))
    assert [level_count(plan, limit) for limit in (1, 2, 3, 9)] == [1, 2, 3, 3]
    assert level_count(Plan(TWO_LEVELS), 9) == 2
    assert level_count(Plan(()), 9) == 0


def test_a_stored_plan_is_read_with_values_and_lists() -> None:
    stored = {
        "name": "Spring",
        "levels": [{"rate_bps": 1000}, {"rate_bps": 500}],
        "cap_bps": 1200,
        "rules": [
            {"match": {"category": "service"}, "excluded": True},
            {"match": {"sku": ["a", "b"], "grade": "gold"}, "levels": [{"amount": 30}, {"rate_bps": 7}]},
        ],
    }
    rules = (
        Rule(Match(category="service"), excluded=True),
        Rule(Match(sku=("a", "b"), grade="gold"), (Term(amount=30), Term(7))),
    )
    assert plan_from(stored) == Plan(TWO_LEVELS, rules, 1200)


def test_what_a_plan_remembers_is_bounded_and_right_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_terms, "_TERMS_KEPT", 3)
    monkeypatch.setattr(plan_terms, "_TABLES_KEPT", 2)
    channels = [f"c{number}" for number in range(5)]
    plan = PlanTerms(Plan((Term(1000),), (Rule(Match(sku="s3", channel=tuple(channels)), (Term(1),)),)))
    for channel in [*channels, "other"]:
        table = plan.table(channel, "standard", 1)
        assert [table[f"s{sku}", None].rate_bps == 1 for sku in range(5)] == [
            sku == 3 and channel != "other" for sku in range(5)
        ]
        assert len(table) <= 3
    assert len(plan._tables) <= 2


def test_channels_and_grades_that_no_rule_names_share_what_is_remembered() -> None:
    plan = PlanTerms(Plan((Term(1000),), (Rule(Match(channel="live", grade="gold"), (Term(1),)),)))
    assert plan.table("x", "standard", 1) is plan.table(None, "silver", 1)
    assert plan.table("live", "gold", 1) is not plan.table("live", "silver", 1)
    assert plan.table("live", "gold", 1)["a", None].rule == 0
