"""Groups hear of activities, members of what they reached, and the log outside shows public ids."""

from datetime import timedelta
from typing import Any

from core.clock import frozen_at
from core.db import fetch_all, transaction
from tests.community.activities.stage import AFTER, NOON, Stage, Sum
from tests.community.activities.test_shares import GROUP
from tests.factories import seed_members


def group(stage: Stage, name: str, *topics: str) -> dict[str, Any]:
    answer = stage.program.staff("operator").post(
        "/v1/groups", GROUP | {"external_id": name, "topics": list(topics), "language": "en"}
    )
    assert answer.status_code == 201, answer.text
    return answer.json  # type: ignore[no-any-return]


def heard(stage: Stage) -> dict[str, int]:
    """How many lines wait for, or went to, each text."""
    with transaction(stage.program.id, read_only=True):
        rows = fetch_all(
            Sum, "SELECT text, count(*) FROM messages WHERE program_id = %(p)s GROUP BY text", p=stage.program.id
        )
    return dict(rows)


def test_groups_hear_of_it_once(stage: Stage) -> None:
    group(stage, "listening", "activity")
    group(stage, "deaf", "order")
    activity = stage.make()
    stage.sweep()
    stage.sweep()
    with frozen_at(AFTER):
        stage.settle(activity)
        stage.sweep()
    lines = heard(stage)
    assert sorted(lines.values()) == [1, 1], lines
    assert any("has started" in line for line in lines), lines
    assert any("has ended" in line for line in lines), lines


def test_only_its_own_groups_hear_of_it(stage: Stage) -> None:
    ours = group(stage, "ours", "activity")
    group(stage, "another", "activity")
    stage.make(group_ids=[ours["id"]])
    stage.sweep()
    assert list(heard(stage).values()) == [1]


def test_who_reaches_a_goal_hears_of_it(stage: Stage) -> None:
    seed_members(stage.program, 2)
    activity = stage.run(goal={"streaks": [{"days": 2}]})
    for day in range(2):
        with frozen_at(NOON + timedelta(days=day)):
            stage.take_part(activity, "m-0")
            stage.take_part(activity, "m-1") if day else None
            stage.sweep()
    with frozen_at(NOON + timedelta(days=1)):
        mine: Any = stage.program.member("ext:m-0").get("/v1/me/notices").json
        theirs: Any = stage.program.member("ext:m-1").get("/v1/me/notices").json
    assert [one["topic"] for one in mine["data"]] == ["activity"]
    assert theirs["data"] == []


def test_the_log_outside_shows_public_ids(stage: Stage) -> None:
    seed_members(stage.program, 3)
    activity = stage.run("group_buy")
    team: Any = stage.join(activity, "m-0", paid=True).json["team_id"]  # type: ignore[index]
    for name in ("m-1", "m-2"):
        stage.join(activity, name, team_id=team, paid=True)
    stage.sweep()
    events: Any = stage.client.get("/v1/events?types=activity.reached").json
    (reached,) = events["data"]
    assert (reached["facts"]["activity_id"], reached["facts"]["team_id"]) == (activity["id"], team)
    assert reached["facts"]["member_id"].startswith("mem_")
