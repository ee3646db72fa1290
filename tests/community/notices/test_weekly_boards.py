"""On Monday groups that hear boards are told who sold most in the week that is over, once."""

from datetime import UTC, date, datetime, timedelta

import pytest

from community.notices import weekly
from community.notices.weekly import week_to_tell
from core.auth.service import program_of
from core.clock import frozen_at
from core.db import transaction
from core.events.reading import number_events
from core.ids import public_id
from core.jobs.registry import JOBS
from tests.community.notices.stage import Stage

MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)
IN_WEEK = "2026-01-28T10:00:00Z"


@pytest.mark.parametrize(
    ("at", "timezone", "week"),
    [
        (MONDAY, "UTC", date(2026, 1, 26)),
        (MONDAY - timedelta(seconds=1), "UTC", None),
        (MONDAY + timedelta(days=1, hours=14), "UTC", date(2026, 1, 26)),
        (MONDAY + timedelta(days=2), "UTC", None),
        (MONDAY - timedelta(days=1), "UTC", None),
        (datetime(2026, 2, 2, 1, tzinfo=UTC), "Asia/Shanghai", date(2026, 1, 26)),
        (datetime(2026, 2, 2, 9, tzinfo=UTC), "America/New_York", None),
    ],
)
def test_which_week_is_told_when(at: datetime, timezone: str, week: date | None) -> None:
    assert week_to_tell(at, timezone) == week


def sell(stage: Stage) -> None:
    for seller, price, group in (("ada", 5_000, None), ("bob", 9_000, "own"), ("eve", 1_000, "own")):
        stage.member(seller)
        stage.member(f"of-{seller}", seller)
        items = [{"sku": "tea", "quantity": 1, "unit_price": price}]
        stage.order(f"of-{seller}", paid_at=IN_WEEK, group_id=group, items=items)
    with transaction(stage.program.id):
        number_events(stage.program.id)
        JOBS["boards.fold"].handler(stage.program.id)


def tell_boards(stage: Stage, at: datetime = MONDAY) -> None:
    with frozen_at(at), transaction(stage.program.id):
        JOBS["notices.boards"].handler(stage.program.id)


def boards(stage: Stage, group: str) -> list[str]:
    return [line.text for line in stage.lines(group) if line.topic == "board"]


def test_groups_are_told_the_board_of_their_scope_once(stage: Stage) -> None:
    stage.group("all", "board")
    stage.group("shy", "board", language="zh", show_amounts=False)
    stage.group("own", "board", scope="group")
    stage.group("deaf", "order")
    grace = stage.member("grace")
    stage.group("team", "board", scope="team", owner_member_id=public_id("mem", grace))
    sell(stage)
    tell_boards(stage)
    tell_boards(stage, MONDAY + timedelta(hours=3))
    best = "Best of the week by sales:\n1. B∗∗ £90.00\n2. A∗∗ £50.00\n3. E∗∗ £10.00"
    assert boards(stage, "all") == [best]
    assert boards(stage, "shy") == ["本周销售额榜：\n1. B∗∗\n2. A∗∗\n3. E∗∗"]
    assert boards(stage, "own") == ["Best of the week by sales:\n1. B∗∗ £90.00\n2. E∗∗ £10.00"]
    assert boards(stage, "deaf") == boards(stage, "team") == []


def test_nothing_is_told_at_other_times_or_of_a_week_without_sales(stage: Stage) -> None:
    stage.group("all", "board")
    sell(stage)
    tell_boards(stage, MONDAY - timedelta(hours=1))
    tell_boards(stage, MONDAY + timedelta(days=3))
    tell_boards(stage, MONDAY + timedelta(days=14))
    assert boards(stage, "all") == []


def test_many_groups_are_told_in_turns_past_those_without_a_board(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weekly, "MOST_GROUPS", 2)
    for number in range(7):
        stage.group(f"g-{number}", "board", scope="group" if number < 3 else "program")
    sell(stage)
    turns, after = 0, None
    with frozen_at(MONDAY), transaction(stage.program.id):
        while turns == 0 or after is not None:
            after = weekly.tell_week(program_of(stage.program.id), after)
            turns += 1
    assert turns == 4
    assert [len(boards(stage, f"g-{number}")) for number in range(7)] == [0] * 3 + [1] * 4
