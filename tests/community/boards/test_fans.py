"""Core fans: who buys in a group and checks in there; each check-in once, on its day."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from core.clock import frozen_at
from core.db import execute, scalar, transaction
from core.events.reading import number_events
from core.events.service import Event, announce
from core.ids import new_id
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import TestProgram
from tests.commission.orders.conftest import Shop
from tests.community.activities.stage import NOON, START, Stage
from tests.community.boards.groups import join, make_group
from tests.community.boards.reading import follow, follow_at_once
from tests.jobs import run_jobs
from tests.telling import facts_of, plain_id
from tests.threads import together

TODAY = "2026-05-01"  # of the program as of London: noon there is the evening in Shanghai


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with frozen_at(NOON):
        yield


@pytest.fixture
def stage(clock: None, shop: Shop) -> Stage:
    return Stage(shop.program)


def fans(program: TestProgram, group: dict[str, Any], day: str = TODAY, **query: Any) -> list[Any]:
    """Member by the shop's name, score, orders, check-ins."""
    follow(program)
    answer = program.client.get(
        "/v1/leaderboards/core-fans", query_string={"group_id": group["id"], "date": day} | query
    )
    assert answer.status_code == 200, answer.text
    rows: Any = answer.json["data"]  # type: ignore[index]
    names = [program.client.get(f"/v1/members/{one['member']['id']}").json["external_id"] for one in rows]  # type: ignore[index]
    return [
        (name, one["score"], one["orders"], one["check_ins"]) for name, one in zip(names, rows, strict=True)
    ]  # fmt: skip


def check_in(stage: Stage, activity: dict[str, Any], member: str, status: int = 201, **more: Any) -> None:
    answer = stage.join(activity, member, **more)
    assert answer.status_code == status, answer.text


def test_who_checks_in_is_a_fan_and_stands_above_who_only_bought_as_much(shop: Shop, stage: Stage) -> None:
    group = make_group(shop.program)
    join(shop.program, group, "a", "b", "c", "d")
    activity = stage.run(group_ids=[group["id"]])
    for customer in ("a", "b"):
        shop.order(f"of-{customer}", customer, group_id="wecom-17", paid_at=NOON.isoformat())
    check_in(stage, activity, "b")
    check_in(stage, activity, "c")
    assert fans(shop.program, group) == [("b", 21, 1, 1), ("a", 20, 1, 0), ("c", 1, 0, 1)]
    assert fans(shop.program, group, limit=1) == [("b", 21, 1, 1)]


def test_a_check_in_that_is_repeated_counts_once(shop: Shop, stage: Stage) -> None:
    group = make_group(shop.program)
    join(shop.program, group, "a")
    activity = stage.run(group_ids=[group["id"]])
    check_in(stage, activity, "a")
    check_in(stage, activity, "a", 200)
    assert stage.take_part(activity, "a").status_code == 200
    assert fans(shop.program, group) == [("a", 1, 0, 1)]
    check_in(stage, activity, "a", 200)
    with frozen_at(NOON + timedelta(days=1)):
        check_in(stage, activity, "a")
        assert fans(shop.program, group, "2026-05-02") == [("a", 2, 0, 2)]
    assert fans(shop.program, group) == [("a", 1, 0, 1)]
    (first, second) = facts_of(shop.program, "activity.checked_in")
    assert (first["day"], second["day"]) == (TODAY, "2026-05-02")
    assert (first["activity_id"], first["group_ids"]) == (plain_id(activity["id"]), [plain_id(group["id"])])


def test_check_ins_of_many_at_once_and_readers_at_once_count_once(app: Flask, shop: Shop, stage: Stage) -> None:
    group = make_group(shop.program)
    join(shop.program, group, "a", "b")
    activity = stage.run(group_ids=[group["id"]])
    follow(shop.program)
    path = f"/v1/activities/{activity['id']}/participations"
    client = shop.program.client_with(shop.program.api_key)
    bodies = [{"member_external_id": name} for name in ("a", "b") * 6]
    answers = together(app, *[lambda body=body: client.post(path, body).status_code for body in bodies])
    assert sorted(answers) == [200] * 10 + [201] * 2
    follow_at_once(app, shop.program)
    assert sorted(fans(shop.program, group)) == [("a", 1, 0, 1), ("b", 1, 0, 1)]


def test_the_day_is_that_of_the_programs_time_zone(shop: Shop, stage: Stage) -> None:
    group = make_group(shop.program)
    join(shop.program, group, "a", "b")
    activity = stage.run(group_ids=[group["id"]])
    with frozen_at(START + timedelta(hours=15, minutes=59)):
        check_in(stage, activity, "a")
    with frozen_at(START + timedelta(hours=16)):  # midnight in Shanghai
        check_in(stage, activity, "a")
        check_in(stage, activity, "b")
    assert fans(shop.program, group, "2026-05-01") == [("a", 1, 0, 1)]
    assert fans(shop.program, group, "2026-05-02") == [("a", 2, 0, 2), ("b", 1, 0, 1)]
    assert fans(shop.program, group, "2026-05-30") == [("a", 2, 0, 2), ("b", 1, 0, 1)]
    assert sorted(fans(shop.program, group, "2026-05-31")) == [("a", 1, 0, 1), ("b", 1, 0, 1)]
    assert fans(shop.program, group, "2026-06-01") == []


def test_a_check_in_told_late_counts_on_its_own_day(shop: Shop, stage: Stage) -> None:
    group = make_group(shop.program)
    join(shop.program, group, "a")
    activity = stage.run(group_ids=[group["id"]])
    with frozen_at(NOON + timedelta(days=3)):
        check_in(stage, activity, "a", at=(START + timedelta(days=1)).isoformat())
        assert fans(shop.program, group, "2026-05-01") == []
        assert fans(shop.program, group, "2026-05-02") == [("a", 1, 0, 1)]


def test_a_check_in_counts_in_the_groups_of_its_activity_or_in_all_that_the_member_is_in(
    shop: Shop, stage: Stage
) -> None:
    tea, cups = make_group(shop.program, "tea"), make_group(shop.program, "cups")
    join(shop.program, tea, "a", "b")
    join(shop.program, cups, "a", "c")
    of_tea = stage.run(group_ids=[tea["id"]])
    of_both = stage.run(group_ids=[tea["id"], cups["id"]])
    of_all = stage.run()
    for activity in (of_tea, of_both, of_all):
        check_in(stage, activity, "a")
        follow(shop.program)
    for name in ("b", "c", "d"):
        check_in(stage, of_all, name)
    check_in(stage, of_tea, "c")  # who is in no group of it may take part, and is no fan of one
    assert fans(shop.program, tea) == [("a", 3, 0, 3), ("b", 1, 0, 1)]
    assert fans(shop.program, cups) == [("a", 2, 0, 2), ("c", 1, 0, 1)]


def test_who_left_is_no_fan_and_who_came_back_is_one_once(shop: Shop, stage: Stage) -> None:
    group = make_group(shop.program)
    join(shop.program, group, "a", "b")
    activity = stage.run(group_ids=[group["id"]])
    check_in(stage, activity, "a")
    shop.order("o1", "b", group_id="wecom-17", paid_at=NOON.isoformat())
    for name in ("a", "b"):
        assert shop.client.delete(f"/v1/groups/{group['id']}/members/ext:{name}").status_code == 204
    assert fans(shop.program, group) == []
    join(shop.program, group, "a", "b")
    assert fans(shop.program, group) == [("b", 20, 1, 0), ("a", 1, 0, 1)]


def test_other_participations_are_no_check_ins(shop: Shop, stage: Stage) -> None:
    group = make_group(shop.program)
    join(shop.program, group, "a")
    poll = stage.run("poll", group_ids=[group["id"]])
    check_in(stage, poll, "a", option="tea")
    assert fans(shop.program, group) == []
    assert facts_of(shop.program, "activity.checked_in") == []


def test_a_check_in_that_is_refused_is_not_told(shop: Shop, stage: Stage) -> None:
    group = make_group(shop.program)
    join(shop.program, group, "a", "b")
    activity = stage.run(group_ids=[group["id"]], limits={"total": 1})
    check_in(stage, activity, "a")
    check_in(stage, activity, "b", 409)
    assert fans(shop.program, group) == [("a", 1, 0, 1)]
    assert len(facts_of(shop.program, "activity.checked_in")) == 1


def test_a_reader_that_dies_has_counted_no_check_in(shop: Shop, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    from community.boards import folding

    group = make_group(shop.program)
    join(shop.program, group, "a")
    check_in(stage, stage.run(group_ids=[group["id"]]), "a")
    fold = folding.fold_check_ins

    def die(*args: Any) -> None:
        fold(*args)
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(folding, "fold_check_ins", die)
        with transaction(shop.program.id):
            number_events(shop.program.id)
        publish_where_due(shop.program.id, [SCHEDULES["boards.fold"]])
        run_jobs(shop.program.id, may_fail=True)
    with transaction(shop.program.id):
        assert scalar("SELECT count(*) FROM check_in_days WHERE program_id = %(p)s", p=shop.program.id) == 0
        execute("UPDATE outbox SET run_at = created_at WHERE program_id = %(p)s", p=shop.program.id)
    assert fans(shop.program, group) == [("a", 1, 0, 1)]


def test_check_ins_of_a_crowd_elsewhere_crowd_nobody_out(shop: Shop) -> None:
    group = make_group(shop.program)
    join(shop.program, group, "a")
    (member,) = [plain_id(shop.client.get("/v1/members/ext:a").json["id"])]  # type: ignore[index]
    crowd = [str(new_id()) for _ in range(1_100)] * 2
    facts = [{"member_id": one, "group_ids": [], "day": TODAY} for one in [*crowd, member]]
    with transaction(shop.program.id):
        announce(shop.program.id, [Event("activity.checked_in", NOON, one) for one in facts])
    assert fans(shop.program, group) == [("a", 1, 0, 1)]


def test_the_log_shows_a_check_in_with_public_ids(shop: Shop, stage: Stage) -> None:
    activity = stage.run()
    check_in(stage, activity, "a")
    follow(shop.program)
    (part,) = stage.participations(activity)
    (event,) = shop.client.get("/v1/events?types=activity.checked_in").json["data"]  # type: ignore[index]
    assert event["facts"] == {
        "activity_id": activity["id"], "kind": "check_in", "name": activity["name"], "group_ids": [],
        "participation_id": part["id"], "member_id": part["member_id"], "day": TODAY,
    }  # fmt: skip
