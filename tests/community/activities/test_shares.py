"""Shares: a member's links got enough unique clicks within the window, by the sums of traffic, without bots."""

from datetime import datetime, timedelta
from typing import Any

from core.clock import frozen_at
from core.db import transaction
from coupons.traffic.service import Change, Riding, Sums, count_now
from tests.community.activities.stage import AFTER, END, NOON, POINTS, POINTS_BUDGET, START, Stage, uuid_of
from tests.factories import seed_members

SHARE: dict[str, Any] = {"kind": "share", "reward": POINTS, "budget": POINTS_BUDGET}
LINK = {"destination_url": "https://shop.example/tea"}
HOOK = {"url": "https://chat.example/hook", "secret": "whsec_" + "dGVzdHMh" * 4}
GROUP = {"platform": "webhook", "name": "Tea", "target": HOOK}


def link(stage: Stage, member: str, **more: Any) -> str:
    answer = stage.client.post("/v1/links", LINK | {"member_external_id": member} | more)
    assert answer.status_code == 201, answer.text
    return answer.json["id"]  # type: ignore[index, no-any-return]


def click(stage: Stage, link_id: str, unique: int, *, at: datetime = NOON, clicks: int = 0, bots: int = 0) -> None:
    """What the shipper of clicks adds to the sums."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    riding = Riding(uuid_of("lnk", link_id), None, None, None, None, None, None)
    change = Change(hour, hour.date(), riding, Sums(clicks or unique, unique, bots))
    with transaction(stage.program.id):
        count_now(stage.program.id, [change])


def settled(stage: Stage, activity: dict[str, Any]) -> dict[str, int]:
    """Members' points after the end, by their name."""
    with frozen_at(AFTER):
        stage.settle(activity)
        return {name: stage.points(name) for name in ("m-0", "m-1", "m-2")}


def test_enough_unique_clicks_on_all_his_links(stage: Stage) -> None:
    seed_members(stage.program, 3)
    activity = stage.run(**SHARE)
    for _ in range(3):
        click(stage, link(stage, "m-0"), 1)
    click(stage, link(stage, "m-1"), 2)
    link(stage, "m-2")
    assert settled(stage, activity) == {"m-0": 10, "m-1": 0, "m-2": 0}
    shown = [(one["status"], one["value"], one["reason"]) for one in stage.participations(activity)]
    assert sorted(shown, key=str) == [("counted", 3, None), ("refused", 2, "goal_not_reached")]


def test_bots_and_repeats_do_not_count(stage: Stage) -> None:
    seed_members(stage.program, 3)
    activity = stage.run(**SHARE)
    click(stage, link(stage, "m-0"), 2, clicks=50, bots=70)
    assert settled(stage, activity)["m-0"] == 0


def test_only_the_window_counts(stage: Stage) -> None:
    seed_members(stage.program, 3)
    activity = stage.run(**SHARE)
    early, late, inside = link(stage, "m-0"), link(stage, "m-1"), link(stage, "m-2")
    click(stage, early, 9, at=START - timedelta(seconds=1))
    click(stage, late, 9, at=END)
    for at in (START, END - timedelta(seconds=1), NOON):
        click(stage, inside, 1, at=at)
    assert settled(stage, activity) == {"m-0": 0, "m-1": 0, "m-2": 10}


def test_only_links_of_the_campaign_count(stage: Stage) -> None:
    seed_members(stage.program, 3)
    activity = stage.run(**SHARE, goal={"clicks": 3, "campaign_id": "may"})
    click(stage, link(stage, "m-0", campaign_id="may"), 3)
    click(stage, link(stage, "m-1", campaign_id="june"), 3)
    click(stage, link(stage, "m-2"), 3)
    assert settled(stage, activity) == {"m-0": 10, "m-1": 0, "m-2": 0}


def test_only_links_of_its_groups_count(stage: Stage) -> None:
    seed_members(stage.program, 3)
    made = stage.program.staff("operator").post("/v1/groups", GROUP | {"external_id": "tea-group"})
    assert made.status_code == 201, made.text
    group: Any = made.json
    activity = stage.run(**SHARE, group_ids=[group["id"]])
    click(stage, link(stage, "m-0", group_id="tea-group"), 3)
    click(stage, link(stage, "m-1", group_id=group["id"]), 3)
    click(stage, link(stage, "m-2", group_id="another"), 3)
    assert settled(stage, activity) == {"m-0": 10, "m-1": 10, "m-2": 0}
    assert stage.events("activity.settled")[0]["group_ids"] == [str(uuid_of("grp", group["id"]))]


def test_nobody_takes_part_by_a_call(stage: Stage) -> None:
    seed_members(stage.program, 1)
    assert stage.join(stage.run(**SHARE), "m-0").status_code == 422
