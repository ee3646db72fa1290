"""What counts and what it brings, by tables: pure, no database."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.activities.goals import goal_faults, whole_goal
from community.activities.rules import (
    Earned,
    Kind,
    Participation,
    Room,
    Seat,
    earned,
    fitting,
    has_room,
    longest_streak,
    multiplier_of,
    reached,
    seat_end,
    seat_verdict,
    shows_results,
    streak_to,
    team_end,
)  # fmt: skip

DAY = date(2026, 2, 27)
AT = datetime(2026, 2, 27, tzinfo=UTC)


def days(*offsets: int) -> list[date]:
    return [DAY + timedelta(days=offset) for offset in offsets]


def took(
    occasion: str, status: str = "counted", *, day: date = DAY, done: bool = False, **engagement: int
) -> Participation:
    return Participation(occasion, status, day, done, engagement)


@pytest.mark.parametrize(
    ("offsets", "longest"),
    [((), 0), ((0,), 1), ((0, 2), 1), ((0, 1, 2), 3), ((2, 0, 1), 3), ((0, 0, 1), 2), ((0, 1, 3, 4, 5), 3),
     ((0, 1, 2, 3, 4), 5)],
)  # fmt: skip
def test_longest_streak(offsets: tuple[int, ...], longest: int) -> None:
    assert longest_streak(days(*offsets)) == longest


@given(st.lists(st.integers(0, 40)))
def test_longest_streak_is_that_of_the_naive_count(offsets: list[int]) -> None:
    marked = [offset in offsets for offset in range(41)]
    runs = "".join("x" if one else " " for one in marked).split()
    assert longest_streak(days(*offsets)) == max(map(len, runs), default=0)


@pytest.mark.parametrize(
    ("offsets", "streak"),
    [((), 0), ((0,), 1), ((-1,), 1), ((-2,), 0), ((-2, -1), 2), ((-2, -1, 0), 3), ((-3, -1, 0), 2), ((1,), 0)],
)
def test_streak_up_to_a_day(offsets: tuple[int, ...], streak: int) -> None:
    assert streak_to(days(*offsets), DAY) == streak


CHECK_INS = {"each": True, "streaks": [{"days": 2, "amount": None}, {"days": 3, "amount": 50}]}


@pytest.mark.parametrize(
    ("kind", "goal", "participations", "expected"),
    [
        (Kind.CHECK_IN, CHECK_INS, [], []),
        (Kind.CHECK_IN, CHECK_INS, [took("day:1")], [Earned("day:1")]),
        (
            Kind.CHECK_IN, CHECK_INS, [took("a"), took("b", day=days(1)[0]), took("c", day=days(2)[0])],
            [Earned("a"), Earned("b"), Earned("c"), Earned("streak:2"), Earned("streak:3", 50)],
        ),
        (Kind.CHECK_IN, CHECK_INS | {"each": False}, [took("a"), took("b", day=days(1)[0])], [Earned("streak:2")]),
        (Kind.INVITE, {"invites": None}, [took("a"), took("b", "held"), took("c", "taken_back")], [Earned("a")]),
        (Kind.INVITE, {"invites": 2}, [took("a")], []),
        (Kind.INVITE, {"invites": 2}, [took("a"), took("b"), took("c")], [Earned("goal")]),
        (Kind.INVITE, {"invites": 2}, [took("a"), took("b", "refused")], []),
        (Kind.GROUP_BUY, {}, [took("a", done=True), took("b"), took("c", "reserved", done=True)], [Earned("a")]),
        (Kind.GROUP_BUY, {}, [took("a", "taken_back", done=True)], []),
        (Kind.ENGAGEMENT, {"likes": 2}, [took("a", like=2), took("b", like=1), took("c", comment=9)], [Earned("a")]),
        (Kind.TOPIC, {}, [took("a"), took("b", "winner")], [Earned("b")]),
        (Kind.POLL, {}, [took("vote")], [Earned("vote")]),
        (Kind.SHARE, {}, [took("clicks")], [Earned("clicks")]),
        (Kind.SHARE, {}, [took("clicks", "refused")], []),
    ],
)  # fmt: skip
def test_what_is_earned(kind: str, goal: Any, participations: list[Participation], expected: list[Earned]) -> None:
    assert earned(kind, goal, participations) == expected


@pytest.mark.parametrize(
    ("goal", "engagement", "is_reached"),
    [({"likes": 1}, {}, False), ({"likes": 1}, {"like": 1}, True), ({"likes": 1, "shares": 2}, {"like": 5}, False),
     ({"likes": None, "views": 3}, {"view": 3}, True)],
)  # fmt: skip
def test_reached(goal: dict[str, Any], engagement: dict[str, int], is_reached: bool) -> None:
    assert reached(goal, engagement) == is_reached


@pytest.mark.parametrize(
    ("amounts", "left", "number"),
    [([], 5, 0), ([1], 0, 0), ([5], 5, 1), ([3, 3], 5, 1), ([3, 2], 5, 2), ([6, 1], 5, 0), ([1, 6, 1], 5, 1)],
)
def test_what_a_budget_pays(amounts: list[int], left: int, number: int) -> None:
    assert fitting(amounts, left) == number


@given(st.lists(st.integers(1, 100)), st.integers(0, 1000))
def test_a_budget_is_never_overdrawn_and_never_stingy(amounts: list[int], left: int) -> None:
    number = fitting(amounts, left)
    assert sum(amounts[:number]) <= left
    assert number == len(amounts) or sum(amounts[: number + 1]) > left


@pytest.mark.parametrize(
    ("limits", "room", "allowed"),
    [({}, Room(9, 9), True), ({"per_member": 2}, Room(1, 0), True), ({"per_member": 2}, Room(2, 0), False),
     ({"per_day": 1}, Room(5, 0), True), ({"per_day": 1}, Room(5, 1), False),
     ({"per_member": None, "per_day": None}, Room(9, 9), True)],
)  # fmt: skip
def test_limits(limits: dict[str, int | None], room: Room, allowed: bool) -> None:
    assert has_room(limits, room) == allowed


SEAT = Seat("reserved", AT, "open", "running", fits=True, is_refunded=False)


@pytest.mark.parametrize(
    ("change", "paid_after", "verdict"),
    [
        ({}, 0, "confirm"),
        ({}, 1, "late"),
        ({"expires_at": None}, 99, "confirm"),
        ({"team_status": "done"}, 0, "late"),
        ({"team_status": "released"}, 0, "late"),
        ({"fits": False}, 0, "ignore"),
        ({"is_refunded": True}, 0, "ignore"),
        ({"status": "counted"}, 0, "link"),
        ({"status": "counted", "is_refunded": True, "team_status": "done"}, 9, "link"),
        ({"status": "counted", "fits": False}, 0, "ignore"),
        ({"status": "taken_back"}, 0, "ignore"),
        ({"status": "released"}, 0, "take_again"),
        ({"status": "released"}, 1, "late"),
        ({"status": "released", "team_status": "done"}, 0, "late"),
        ({"activity_status": "canceled"}, 0, "ignore"),
        ({"activity_status": "canceled", "status": "released"}, 0, "late"),
    ],
)
def test_what_a_payment_does_to_a_seat(change: dict[str, Any], paid_after: int, verdict: str) -> None:
    assert seat_verdict(SEAT._replace(**change), AT + timedelta(seconds=paid_after)) == verdict


def test_a_seat_ends_with_its_team_and_a_team_with_its_activity() -> None:
    end = AT + timedelta(hours=1)
    assert team_end(AT, 60, end) == AT + timedelta(minutes=1)
    assert team_end(AT, 7200, end) == end
    assert seat_end(AT, 7200, end) == end


@pytest.mark.parametrize(
    ("after", "multiplier"), [(-1, 10_000), (0, 20_000), (59, 20_000), (60, 30_000), (119, 30_000), (120, 10_000)]
)
def test_the_highest_member_day_counts(after: int, multiplier: int) -> None:
    windows = [
        (AT, AT + timedelta(seconds=120), 20_000),
        (AT + timedelta(seconds=60), AT + timedelta(seconds=120), 30_000),
    ]
    assert multiplier_of(windows, AT + timedelta(seconds=after)) == multiplier


@pytest.mark.parametrize("privacy", ["always", "after_vote", "after_end", "staff"])
def test_staff_see_every_poll(privacy: str) -> None:
    assert shows_results(privacy, voted=False, ended=False, is_staff=True)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_whole_goal_has_no_faults(kind: str) -> None:
    needed = {
        Kind.SHARE: {"clicks": 1}, Kind.GROUP_BUY: {"sku": "a", "price": 1, "buyers": 2},
        Kind.ENGAGEMENT: {"views": 1}, Kind.POLL: {"options": []}, Kind.MEMBER_DAY: {"multiplier_bps": 20_000},
    }  # fmt: skip
    goal = needed.get(Kind(kind), {})
    assert goal_faults(kind, goal) == {}
    assert goal_faults(kind, whole_goal(kind, goal)) == {}
    assert bool(goal_faults(kind, {})) == (Kind(kind) in needed)
