"""What a group brought: under its id and its external id, with its own life; by hour, day and month."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from community.groups.service import note_outcomes
from community.platforms.service import Outcome, Refused, Sent
from core.auth.service import program_of
from core.clock import frozen_at, now
from core.db import transaction
from coupons.traffic.folding import fold_deltas
from coupons.traffic.service import Change, Riding, SaleDelta, Sums, count_now, count_sales
from tests.clients import make_program
from tests.community.groups.conftest import Desk, group_uuid, target

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with frozen_at(NOON):
        yield


def sell(desk: Desk, key: str | None, sales: int, at: datetime = NOON) -> None:
    """An order that rode with a group's name, as orders tell the traffic."""
    with transaction(desk.program.id):
        delta = SaleDelta(at, None, None, None, None, key, None, None, 1, sales, sales // 10)
        count_sales(desk.program.id, [delta])
        fold_deltas(program_of(desk.program.id))


def stats(desk: Desk, group: dict[str, Any], query: str = "from=2026-03-01&to=2026-03-03") -> dict[str, Any]:
    answer = desk.shop.get(f"/v1/groups/{group['id']}/stats?{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)  # type: ignore[arg-type]


def test_anonymous_is_refused(desk: Desk) -> None:
    assert desk.program.anonymous.get(f"/v1/groups/{desk.group()['id']}/stats").status_code == 401


def test_sales_under_each_of_its_names_count_and_no_others(desk: Desk) -> None:
    group = desk.group(external_id="tg-1")
    desk.group(external_id="tg-2", target=target("-1002"))
    for key, sales in (("tg-1", 1000), (group["id"], 200), ("tg-2", 70), (None, 5)):
        sell(desk, key, sales)
    shown = stats(desk, group)
    assert (shown["orders"], shown["sales"], shown["commission"]) == (2, 1200, 120)
    assert [point["sales"] for point in shown["series"]] == [0, 1200, 0]


def test_clicks_of_both_names_add_up(desk: Desk) -> None:
    group = desk.group(external_id="tg-1")
    with transaction(desk.program.id):
        sums = Sums(clicks=3, unique_clicks=2, bot_clicks=1)
        rides = [Riding(None, None, None, None, key, None, None) for key in ("tg-1", group["id"])]
        count_now(desk.program.id, [Change(NOON, NOON.date(), riding, sums) for riding in rides])
    shown = stats(desk, group)
    assert (shown["clicks"], shown["unique_clicks"], shown["bot_clicks"]) == (6, 4, 2)


def test_its_own_life_is_in_the_points(desk: Desk) -> None:
    group = desk.group()
    for name in ("ada", "bob", "cy"):
        desk.member(name)
        desk.join(group, name)
    with transaction(desk.program.id):
        outcomes: list[Outcome] = [Sent(), Sent(), Refused("other")]
        note_outcomes(desk.program.id, [(group_uuid(group), one, now()) for one in outcomes])
    with frozen_at(NOON + timedelta(days=1)):
        desk.shop.delete(f"/v1/groups/{group['id']}/members/ext:bob")
        shown = stats(desk, group)
    assert (shown["joined"], shown["left"], shown["messages_sent"], shown["messages_refused"]) == (3, 1, 2, 1)
    assert shown["member_count"] == 2
    days = [(point["at"], point["joined"], point["left"], point["messages_sent"]) for point in shown["series"]]
    assert days == [("2026-03-01", 0, 0, 0), ("2026-03-02", 3, 0, 2), ("2026-03-03", 0, 1, 0)]


def test_by_hour_and_by_month(desk: Desk) -> None:
    group = desk.group()
    desk.member("ada")
    desk.join(group, "ada")
    with transaction(desk.program.id):
        note_outcomes(desk.program.id, [(group_uuid(group), Sent(), now())])
    hours = stats(desk, group, "from=2026-03-02T11:00:00Z&to=2026-03-02T14:00:00Z&interval=hour")
    assert [(point["joined"], point["messages_sent"]) for point in hours["series"]] == [(0, 0), (1, 1), (0, 0)]
    months = stats(desk, group, "from=2026-02-01&to=2026-03-31&interval=month")
    assert [(point["at"], point["joined"], point["messages_sent"]) for point in months["series"]] == [
        ("2026-02-01", 0, 0), ("2026-03-01", 1, 1),
    ]  # fmt: skip


def test_days_are_those_of_the_program(desk: Desk) -> None:
    """In Kathmandu, five and three quarter hours ahead, an hour of UTC lies in two days."""
    there = Desk(make_program(desk.program.app, timezone="Asia/Kathmandu"))
    group = there.group()
    there.member("ada")
    for minutes in (0, 30):  # 18:00 UTC is 23:45 there
        with frozen_at(NOON + timedelta(hours=6, minutes=minutes)), transaction(there.program.id):
            note_outcomes(there.program.id, [(group_uuid(group), Sent(), now())])
    with frozen_at(NOON + timedelta(hours=6, minutes=30)):
        there.join(group, "ada")
        days = stats(there, group, "from=2026-03-02&to=2026-03-03")["series"]
        hour = stats(there, group, "from=2026-03-02T18:00:00Z&to=2026-03-02T19:00:00Z&interval=hour")["series"]
    assert [(point["messages_sent"], point["joined"]) for point in days] == [(1, 0), (1, 1)]
    assert [(point["messages_sent"], point["joined"]) for point in hour] == [(2, 1)]


@pytest.mark.parametrize("query", ["from=2026-03-03&to=2026-03-01", "from=2020-01-01&interval=hour", "interval=week"])
def test_a_span_that_cannot_be_is_refused(desk: Desk, query: str) -> None:
    assert desk.shop.get(f"/v1/groups/{desk.group()['id']}/stats?{query}").status_code == 422
