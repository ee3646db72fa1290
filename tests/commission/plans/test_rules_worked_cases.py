"""The ten worked cases of the commission arithmetic, by number, through the rules of orders, attribution and plans."""

from uuid import NAMESPACE_OID, UUID, uuid5

from commission.attribution.rules import (
    Attribution,
    Evidence,
    Levels,
    MemberStanding,
    Reason,
    attribution_of,
    levels_of,
)
from commission.orders.refund_rules import RefundableLine, RefundItem, refund_of_items, reversal_of
from commission.orders.rules import CouponDiscount, order_sums
from commission.plans.rules import OrderCommissions, OrderLines, commissions_for
from commission.plans.terms import Match, Plan, PlanTerms, Rule, Term

LEVELS = (Term(1000), Term(500), Term(200))
SOURCES = ("coupon", "click", "binding")


def member(name: str, status: str = "active") -> MemberStanding:
    return MemberStanding(uuid5(NAMESPACE_OID, name), status=status)


A, B, C = member("a"), member("b"), member("c")
B_SUSPENDED = member("b", "suspended")


def levels(attributed: MemberStanding, *upline: MemberStanding, customer: str, mode: str = "skip") -> Levels:
    who = member(customer).member_id
    return levels_of(attributed, upline, customer_id=who, suspended_upline=mode, count=3)


def pays(paid: Levels) -> dict[int, UUID]:
    return {level.level: level.member_id for level in paid.paid}


def case_one(discount: int = 0, payout_cap_bps: int = 10_000) -> OrderCommissions:
    """`c` buys 3 x 333 and 1 x 101."""
    sums = order_sums([3, 1], [333, 101], [0, 0], discount=discount)
    lines = OrderLines(["x", "y"], [None, None], [3, 1], sums.bases)
    paid = levels(B, A, customer="c").paid
    return commissions_for(PlanTerms(Plan(LEVELS)), lines, paid, channel=None, payout_cap_bps=payout_cap_bps)


def amounts(result: OrderCommissions) -> list[tuple[int, int, list[int]]]:
    return [(level.level, level.amount, level.shares) for level in result.recorded]


def case_one_lines() -> list[RefundableLine]:
    return [RefundableLine("x", 333, 3, 999), RefundableLine("y", 101, 1, 101)]


def attributed(*evidence: Evidence, customer: str, self_purchase: str = "off") -> Attribution:
    return attribution_of(evidence, order=SOURCES, customer_id=member(customer).member_id, self_purchase=self_purchase)


def test_case_1_two_lines_two_levels() -> None:
    assert amounts(case_one()) == [(1, 110, [100, 10]), (2, 55, [50, 5])]
    assert pays(levels(B, A, customer="c")) == {1: B.member_id, 2: A.member_id}


def test_case_2_two_units_come_back_and_then_the_third() -> None:
    before = case_one_lines()
    first = refund_of_items(before, [RefundItem("x", 2)])
    assert first.lines[0].kept_base == 333
    of_b, of_a = (reversal_of(level.shares, before, first.lines) for level in case_one().recorded)
    assert (of_b.kept, of_b.amount) == ([33, 10], 67)
    assert (of_a.kept, of_a.amount) == ([16, 5], 34)
    second = refund_of_items(first.lines, [RefundItem("x", 1)])
    of_b, of_a = (reversal_of(level.shares, first.lines, second.lines) for level in case_one().recorded)
    assert (of_b.kept, of_b.amount) == ([0, 10], 33)
    assert (of_a.kept, of_a.amount) == ([0, 5], 16)


def test_case_3_an_order_discount_is_shared_over_the_lines() -> None:
    assert order_sums([3, 1], [333, 101], [0, 0], discount=50).bases == [954, 96]
    result = case_one(discount=50)
    assert result.levels[0].amount == 105
    assert amounts(result)[1] == (2, 52, [47, 5])


def test_case_4_the_payout_cap_cuts_the_deepest_level() -> None:
    result = case_one(payout_cap_bps=1200)
    assert result.cap == 132
    assert [level.uncut for level in result.levels] == [110, 55]
    assert [level.amount for level in result.levels] == [110, 22]
    assert sum(result.levels[1].shares) == 22


def test_case_5_a_suspended_inviter_is_passed_over_as_a_source() -> None:
    nobody = attributed(Evidence("binding", B_SUSPENDED), customer="c")
    assert (nobody.source, nobody.member) == ("none", None)
    assert [refused.reason for refused in nobody.refused] == [Reason.SUSPENDED]
    through_his_link = attributed(Evidence("click", B_SUSPENDED), Evidence("binding", B_SUSPENDED), customer="c")
    assert through_his_link.source == "none"


def test_case_5_a_suspended_member_above_is_skipped_or_compressed() -> None:
    skipped = levels(C, B_SUSPENDED, A, customer="d", mode="skip")
    assert pays(skipped) == {1: C.member_id, 3: A.member_id}
    compressed = levels(C, B_SUSPENDED, A, customer="d", mode="compress")
    assert pays(compressed) == {1: C.member_id, 2: A.member_id}


def test_case_6_his_own_link_counts_only_where_self_purchase_earns() -> None:
    own_click, binding = Evidence("click", C), Evidence("binding", B)
    off = attributed(own_click, binding, customer="c")
    assert (off.source, off.member) == ("binding", B)
    assert [refused.reason for refused in off.refused] == [Reason.CUSTOMER_HIMSELF]
    on = attributed(own_click, binding, customer="c", self_purchase="level_1")
    assert (on.source, on.member) == ("click", C)
    assert pays(levels(C, B, A, customer="c")) == {1: C.member_id, 2: B.member_id, 3: A.member_id}


def test_case_7_an_excluded_category_pays_nothing_and_counts_for_the_cap() -> None:
    plan = Plan(LEVELS, (Rule(Match(category="service"), excluded=True), Rule(Match(), (Term(1000), Term(500)))))
    lines = OrderLines(["x", "post"], ["goods", "service"], [1, 1], [1000, 1000])
    paid = levels(C, B, A, customer="d").paid
    result = commissions_for(PlanTerms(plan), lines, paid, channel=None, payout_cap_bps=600)
    assert result.cap == 120
    assert amounts(result) == [(1, 100, [100, 0]), (2, 20, [20, 0])]
    assert {level.terms[1].rule for level in result.levels} == {0}


def test_case_8_a_reversal_does_not_depend_on_what_was_matured_or_paid() -> None:
    before = case_one_lines()
    everything = refund_of_items(before, [RefundItem("x", 3), RefundItem("y", 1)])
    reversed_in_full = [reversal_of(level.shares, before, everything.lines).amount for level in case_one().recorded]
    assert reversed_in_full == [110, 55]


def test_case_9_an_order_discount_and_then_a_coupon() -> None:
    nets = [14, 7, 32, 2]
    assert order_sums([1] * 4, nets, [0] * 4, discount=53).bases == [1, 0, 1, 0]
    coupon = CouponDiscount(1, range(4))
    sums = order_sums([1] * 4, nets, [0] * 4, discount=53, coupons=[coupon])
    assert (sums.subtotal, sums.discount, sums.coupon_discount, sums.total) == (55, 53, 1, 1)
    assert sums.bases == [0, 0, 1, 0]


def test_case_10_an_amount_on_a_line_without_a_base() -> None:
    plan = Plan((Term(1000),), (Rule(Match(sku="gift"), (Term(amount=30),)),))
    lines = OrderLines(["gift", "x"], [None, None], [3, 1], [0, 1000])
    paid = levels(B, customer="c").paid
    level = commissions_for(PlanTerms(plan), lines, paid, channel=None, payout_cap_bps=5000).levels[0]
    assert (level.amount, level.shares) == (190, [90, 100])
    before = [RefundableLine("gift", 0, 3, 0), RefundableLine("x", 1000, 1, 1000)]
    reversal = reversal_of(level.shares, before, refund_of_items(before, [RefundItem("gift", 1)]).lines)
    assert (reversal.kept, reversal.amount) == ([60, 100], 30)
