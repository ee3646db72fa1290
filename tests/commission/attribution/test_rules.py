"""Whose an order is, and who above him is paid: the truth table of rules 2 and 3, and a naive reading of rule 3."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import NAMESPACE_OID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commission.attribution.rules import (
    Attribution,
    Evidence,
    Levels,
    MemberStanding,
    Reason,
    attribution_of,
    is_within_window,
    levels_of,
)


def member(name: str, status: str = "active", enrolled: bool = True) -> MemberStanding:
    return MemberStanding(uuid5(NAMESPACE_OID, name), f"grade of {name}", status, enrolled)


CUSTOMER = member("customer")
SUSPENDED, OUTSIDER = member("suspended", "suspended"), member("outsider", enrolled=False)
SOURCES = ("coupon", "click", "binding")


def decide(*evidence: Evidence, order: tuple[str, ...] = SOURCES, self_purchase: str = "off") -> Attribution:
    return attribution_of(evidence, order=order, customer_id=CUSTOMER.member_id, self_purchase=self_purchase)


def reasons(attribution: Attribution) -> dict[str, Reason]:
    return {refused.evidence.source: refused.reason for refused in attribution.refused}


@pytest.mark.parametrize("order", list(permutations(SOURCES)))
@pytest.mark.parametrize("present", [(), ("coupon",), ("click",), ("binding",), ("binding", "click"), SOURCES])
def test_the_first_source_of_the_programs_order_that_gives_a_member_decides(
    order: tuple[str, ...], present: tuple[str, ...]
) -> None:
    result = decide(*(Evidence(source, member(source)) for source in present), order=order)
    first = next((source for source in order if source in present), None)
    assert result.source == (first or "none")
    assert result.member == (member(first) if first else None)
    assert reasons(result) == {source: Reason.OUTRANKED for source in present if source != first}


@pytest.mark.parametrize("order", list(permutations(SOURCES)))
@pytest.mark.parametrize(
    ("given_member", "reason"),
    [
        (None, Reason.NO_MEMBER),
        (SUSPENDED, Reason.SUSPENDED),
        (OUTSIDER, Reason.NOT_ENROLLED),
        (CUSTOMER, Reason.CUSTOMER_HIMSELF),
    ],
)
def test_a_source_that_gives_nobody_payable_is_passed_over(
    order: tuple[str, ...], given_member: MemberStanding | None, reason: Reason
) -> None:
    bad, good = Evidence(order[0], given_member), Evidence(order[2], member("good"))
    result = decide(good, bad, order=order)
    assert (result.source, result.member) == (order[2], member("good"))
    assert reasons(result) == {order[0]: reason}
    assert decide(bad, order=order).accepted is None


def test_the_customer_himself_is_taken_where_self_purchase_earns_and_he_is_active() -> None:
    own = Evidence("click", CUSTOMER)
    assert decide(own, self_purchase="level_1").member == CUSTOMER
    suspended = Evidence("click", MemberStanding(CUSTOMER.member_id, status="suspended"))
    assert reasons(decide(suspended, self_purchase="level_1")) == {"click": Reason.SUSPENDED}


def test_a_guests_order_is_nobodys_own() -> None:
    result = attribution_of([Evidence("click", member("x"))], order=SOURCES, customer_id=None, self_purchase="off")
    assert result.member == member("x")


def test_the_first_admitted_evidence_is_the_word_of_its_source() -> None:
    early = Evidence("click", member("early"), "clk_1", refused=Reason.OUTSIDE_WINDOW)
    last, before_last = Evidence("click", member("last"), "clk_3"), Evidence("click", member("other"), "clk_2")
    result = decide(early, last, before_last)
    assert result.accepted is last
    assert [(refused.evidence, refused.reason) for refused in result.refused] == [
        (early, Reason.OUTSIDE_WINDOW),
        (before_last, Reason.SUPERSEDED),
    ]


def test_a_source_whose_word_is_passed_over_does_not_speak_twice() -> None:
    result = decide(Evidence("click", SUSPENDED, "clk_2"), Evidence("click", member("x"), "clk_1"))
    assert result.source == "none"
    assert [refused.reason for refused in result.refused] == [Reason.SUSPENDED, Reason.SUPERSEDED]


def test_a_source_that_the_program_leaves_out_is_not_heard() -> None:
    result = decide(Evidence("coupon", member("x")), Evidence("binding", member("y")), order=("binding",))
    assert (result.source, reasons(result)) == ("binding", {"coupon": Reason.SOURCE_UNUSED})


def test_both_ends_of_the_window_count() -> None:
    paid_at = datetime(2026, 3, 31, 12, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    assert is_within_window(paid_at, paid_at, 30)
    assert is_within_window(paid_at - timedelta(days=30), paid_at, 30)
    assert not is_within_window(paid_at - timedelta(days=30) - tick, paid_at, 30)
    assert not is_within_window(paid_at + tick, paid_at, 30)


# --- rule 3 ---

A, B, C = member("a"), member("b"), member("c")


def climb(*members: MemberStanding, mode: str = "skip", count: int = 3) -> Levels:
    return levels_of(members[0], members[1:], customer_id=CUSTOMER.member_id, suspended_upline=mode, count=count)


def paid(levels: Levels) -> list[tuple[int, MemberStanding]]:
    by_id = {m.member_id: m for m in (A, B, C, CUSTOMER)}
    return [(level.level, by_id[level.member_id]) for level in levels.paid]


def unpaid(levels: Levels) -> list[tuple[int, Reason]]:
    return [(level.level, level.reason) for level in levels.unpaid]


def test_each_level_is_the_inviter_of_the_one_below() -> None:
    levels = climb(A, B, C)
    assert paid(levels) == [(1, A), (2, B), (3, C)]
    assert [level.grade for level in levels.paid] == ["grade of a", "grade of b", "grade of c"]
    assert (levels.unpaid, levels.open_levels) == ([], 0)


def test_levels_above_the_root_are_nobodys() -> None:
    levels = climb(A)
    assert paid(levels) == [(1, A)]
    assert unpaid(levels) == [(2, Reason.NO_INVITER), (3, Reason.NO_INVITER)]
    assert levels.open_levels == 2


def test_nobody_is_paid_beyond_the_count() -> None:
    assert paid(climb(A, B, C, count=2)) == [(1, A), (2, B)]
    assert paid(climb(A, B, count=0)) == []


@pytest.mark.parametrize(("barred", "reason"), [(SUSPENDED, Reason.SUSPENDED), (OUTSIDER, Reason.NOT_ENROLLED)])
def test_who_is_not_paid_keeps_his_level_or_is_compressed(barred: MemberStanding, reason: Reason) -> None:
    skipped, compressed = climb(A, barred, B, C), climb(A, barred, B, C, mode="compress")
    assert paid(skipped) == [(1, A), (3, B)]
    assert paid(compressed) == [(1, A), (2, B), (3, C)]
    assert unpaid(skipped) == unpaid(compressed) == [(2, reason)]


@pytest.mark.parametrize("mode", ["skip", "compress"])
def test_the_customer_himself_above_level_1_keeps_his_level_unpaid(mode: str) -> None:
    levels = climb(A, CUSTOMER, B, mode=mode)
    assert paid(levels) == [(1, A), (3, B)]
    assert unpaid(levels) == [(2, Reason.CUSTOMER_HIMSELF)]
    suspended = MemberStanding(CUSTOMER.member_id, status="suspended")
    assert paid(climb(A, suspended, B, mode=mode)) == [(1, A), (3, B)]


@pytest.mark.parametrize("mode", ["skip", "compress"])
def test_the_customer_himself_is_paid_at_level_1(mode: str) -> None:
    assert paid(climb(CUSTOMER, A, mode=mode)) == [(1, CUSTOMER), (2, A)]


def test_an_upline_cut_short_is_seen_by_the_levels_it_left_open() -> None:
    assert climb(A, SUSPENDED, SUSPENDED, mode="compress").open_levels == 2
    assert climb(A, SUSPENDED, SUSPENDED, B, C, mode="compress").open_levels == 0
    assert climb(A, SUSPENDED, SUSPENDED, mode="skip").open_levels == 0


STANDINGS = st.lists(st.sampled_from(["ok", "suspended", "customer"]), min_size=1, max_size=8)


@given(STANDINGS, st.sampled_from(["skip", "compress"]), st.integers(0, 5))
def test_levels_agree_with_a_naive_reading(standings: list[str], mode: str, count: int) -> None:
    people = [
        MemberStanding(CUSTOMER.member_id if standing == "customer" else uuid5(NAMESPACE_OID, str(n)), status=status)
        for n, standing in enumerate(standings)
        for status in ["suspended" if standing == "suspended" else "active"]
    ]
    seats = [n for n, standing in enumerate(standings) if mode == "skip" or standing != "suspended"]
    expected = [
        (level, people[n].member_id)
        for level, n in enumerate(seats[:count], start=1)
        if standings[n] == "ok" or (standings[n] == "customer" and n == 0)
    ]
    result = climb(*people, mode=mode, count=count)
    assert [(level.level, level.member_id) for level in result.paid] == expected
    assert result.open_levels == count - len(seats[:count])
