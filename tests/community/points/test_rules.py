"""What is earned and kept, to the point; when points end; and the rules over HTTP."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.points.rules import (
    Expiry,
    Line,
    MemberDays,
    PointRules,
    Purchase,
    PurchaseRule,
    Weight,
    end_of,
    kept_points,
    last_day,
    points_for,
    version_at,
    weight_of,
)
from tests.clients import TestProgram
from tests.community.points.desk import RULES

PAID_AT = datetime(2026, 3, 18, 20, tzinfo=UTC)  # the 19th in Shanghai, a Thursday there
NOBODY = UUID(int=0)


def bought(*lines: Line, grade: str = "standard", extras: int = 0, refunded_extras: int = 0) -> Purchase:
    return Purchase(NOBODY, NOBODY, grade, PAID_AT, extras, refunded_extras, lines)


def rules(points: int = 1, per_amount: int = 100, *, base: str = "commission_base", **more: object) -> PointRules:
    return PointRules(purchase=PurchaseRule(points, per_amount, base), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "purchase", "expected"),
    [
        (rules(), bought(Line("tea", 199, 1)), 1),
        (rules(5, 1000), bought(Line("tea", 199, 1), Line("tea", 1, 1)), 1),  # one floor for the order
        (rules(), bought(Line("tea", 99, 1)), 0),
        (rules(), bought(Line("tea", 1000, 1), extras=500), 10),
        (rules(base="total"), bought(Line("tea", 1000, 1), extras=500), 15),
        (
            rules(category_multipliers={"tea": 20_000, "book": 0}),
            bought(Line("tea", 1000, 1), Line("book", 1000, 1), Line(None, 1000, 1)),
            30,
        ),
        (rules(grade_multipliers={"gold": 15_000}), bought(Line("tea", 1000, 1), grade="gold"), 15),
        (rules(grade_multipliers={"gold": 15_000}), bought(Line("tea", 1000, 1)), 10),
        (rules(member_days=MemberDays(20_000, days=(19,))), bought(Line("tea", 1000, 1)), 20),
        (rules(member_days=MemberDays(20_000, days=(18,))), bought(Line("tea", 1000, 1)), 10),
        (rules(member_days=MemberDays(20_000, weekdays=(4,))), bought(Line("tea", 1000, 1)), 20),
        (rules(), bought(Line("tea", 1000, 1))._replace(day_rate=30_000), 30),
        (rules(member_days=MemberDays(20_000, days=(19,))), bought(Line("tea", 1000, 1))._replace(day_rate=30_000), 30),
        (rules(member_days=MemberDays(20_000, days=(19,))), bought(Line("tea", 1000, 1))._replace(day_rate=15_000), 20),
        (PointRules(), bought(Line("tea", 1000, 1)), 0),
        (rules(1_000_000, 1), bought(Line("tea", 10**15, 1)), 10**12),  # the most that one award may be
    ],
)
def test_points_of_an_order(rule: PointRules, purchase: Purchase, expected: int) -> None:
    assert points_for(rule, purchase, "Asia/Shanghai") == expected


def test_a_refund_weighs_by_what_earned() -> None:
    """A line that earned nothing costs nothing when it comes back."""
    rule = rules(category_multipliers={"book": 0})
    whole = bought(Line("tea", 1000, 2, refunded_quantity=1), Line("book", 5000, 1, refunded_quantity=1))
    assert kept_points(10, weight_of(rule, whole)) == 5
    extras = bought(Line("tea", 1000, 1, refunded_amount=250), extras=1000, refunded_extras=500)
    assert weight_of(rules(base="total"), extras) == Weight(20_000_000, 12_500_000)
    assert weight_of(rules(), extras) == Weight(10_000_000, 7_500_000)


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 50), st.integers(0, 60_000)), min_size=1, max_size=6),
    st.integers(1, 1000),
    st.integers(1, 10**6),
    st.data(),
)
def test_refunds_only_ever_take_and_all_of_them_take_everything(
    lines: list[tuple[int, int, int]], points: int, per_amount: int, data: st.DataObject
) -> None:
    rule = rules(points, per_amount, category_multipliers={str(n): rate for n, (_, _, rate) in enumerate(lines)})
    earned = points_for(rule, bought(*[Line(str(n), base, units) for n, (base, units, _) in enumerate(lines)]), "UTC")
    kept_before = earned
    returned = [0] * len(lines)
    for _ in range(4):
        returned = [data.draw(st.integers(have, lines[n][1])) for n, have in enumerate(returned)]
        now = [Line(str(n), base, units, returned[n]) for n, (base, units, _) in enumerate(lines)]
        kept = kept_points(earned, weight_of(rule, bought(*now)))
        assert 0 <= kept <= kept_before
        kept_before = kept
    gone = [Line(str(n), base, units, units) for n, (base, units, _) in enumerate(lines)]
    assert kept_points(earned, weight_of(rule, bought(*gone))) == 0


@pytest.mark.parametrize(
    ("earned_on", "expiry", "expected"),
    [
        (date(2026, 1, 31), Expiry(months=1), date(2026, 2, 28)),
        (date(2024, 1, 31), Expiry(months=1), date(2024, 2, 29)),
        (date(2026, 11, 30), Expiry(months=14), date(2028, 1, 30)),
        (date(2026, 12, 31), Expiry(days=1), date(2027, 1, 1)),
        (date(2026, 12, 31), None, None),
    ],
)
def test_the_last_day_of_points(earned_on: date, expiry: Expiry | None, expected: date | None) -> None:
    assert last_day(earned_on, expiry) == expected


def test_points_last_through_their_last_day_in_the_programs_zone() -> None:
    assert end_of(date(2026, 3, 28), "Europe/London") == datetime(2026, 3, 29, tzinfo=UTC)
    assert end_of(date(2026, 3, 29), "Europe/London") == datetime(2026, 3, 29, 23, tzinfo=UTC)
    assert end_of(None, "UTC") is None


def test_a_moment_is_judged_by_the_version_that_held_then() -> None:
    first, second = rules(1), rules(2)
    versions = [(1, datetime(2026, 1, 1, tzinfo=UTC), first), (2, datetime(2026, 2, 1, tzinfo=UTC), second)]
    assert version_at(versions, datetime(2025, 12, 31, tzinfo=UTC)) == (0, PointRules())
    assert version_at(versions, datetime(2026, 1, 31, tzinfo=UTC)) == (1, first)
    assert version_at(versions, datetime(2026, 2, 1, tzinfo=UTC)) == (2, second)


def test_rules_are_kept_as_versions(program: TestProgram) -> None:
    operator = program.staff("operator")
    assert operator.get("/v1/point-rules").json["version"] == 0
    made = operator.put("/v1/point-rules", RULES | {"expiry": {"months": 12}, "member_days": MEMBER_DAYS})
    assert made.status_code == 200, made.text
    assert made.json["version"] == 1
    assert made.json["purchase"] == RULES["purchase"]
    assert made.json["expiry"] == {"days": None, "months": 12}
    assert operator.put("/v1/point-rules", RULES | {"expiry": {"months": 12}, "member_days": MEMBER_DAYS}).json == (
        made.json
    )
    assert operator.put("/v1/point-rules", {}).json["version"] == 2
    assert operator.get("/v1/point-rules").json["purchase"] is None


MEMBER_DAYS = {"multiplier_bps": 20_000, "days": [18], "weekdays": []}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"purchase": {"points": 0, "per_amount": 1}}, "/purchase/points"),
        ({"purchase": {"points": 1, "per_amount": 1, "base": "profit"}}, "/purchase/base"),
        ({"expiry": {}}, "/expiry/days"),
        ({"expiry": {"days": 1, "months": 1}}, "/expiry/days"),
        ({"member_days": {"multiplier_bps": 1}}, "/member_days/days"),
        ({"member_days": {"multiplier_bps": 1, "days": [32]}}, "/member_days/days/0"),
        ({"category_multipliers": {"tea": -1}}, "/category_multipliers/tea/value"),
        ({"category_multipliers": {"tea": 1.5}}, "/category_multipliers/tea/value"),
        ({"grade_multipliers": []}, "/grade_multipliers"),
        ({"check_in_points": True}, "/check_in_points"),
        ({"purchases": {}}, "/purchases"),
    ],
)
def test_wrong_rules_are_refused_with_a_pointer(program: TestProgram, body: dict[str, object], pointer: str) -> None:
    answer = program.staff("owner").put("/v1/point-rules", body)
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]


def test_only_an_owner_moves_the_limit_of_adjustments(program: TestProgram) -> None:
    assert program.staff("operator").put("/v1/point-rules", {"adjustment_limit": 9}).status_code == 403
    assert program.staff("owner").put("/v1/point-rules", {"adjustment_limit": 9}).json["adjustment_limit"] == 9


def test_keys_and_viewers_do_not_change_rules(program: TestProgram) -> None:
    assert program.client.put("/v1/point-rules", {}).status_code == 403
    assert program.staff("viewer").put("/v1/point-rules", {}).status_code == 403
    assert program.client.get("/v1/point-rules").status_code == 200


def test_rules_of_another_program_are_not_seen(program: TestProgram, other: TestProgram) -> None:
    program.staff("owner").put("/v1/point-rules", RULES)
    assert other.client.get("/v1/point-rules").json["version"] == 0
