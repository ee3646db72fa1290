"""Topics collect what members write, polls one vote of each, and member days multiply points."""

from datetime import timedelta
from typing import Any

import pytest

from community.activities.service import multiplier_at, multipliers_at
from core.clock import frozen_at
from core.db import transaction
from tests.community.activities.stage import AFTER, END, NOON, POINTS, POINTS_BUDGET, START, Stage
from tests.factories import seed_members
from tests.threads import together

OPTIONS = [{"id": "tea", "text": "Tea"}, {"id": "mate", "text": "Mate"}]


@pytest.fixture
def crowd(stage: Stage) -> Stage:
    seed_members(stage.program, 4)
    return stage


def winners(stage: Stage, activity: dict[str, Any], *ids: str) -> Any:
    return stage.program.staff("operator").put(f"/v1/activities/{activity['id']}/winners", {"participation_ids": ids})


def test_winners_of_a_topic_are_rewarded(crowd: Stage) -> None:
    activity = crowd.run("topic", goal={"winners": 2}, reward=POINTS, budget=POINTS_BUDGET)
    ids = [crowd.take_part(activity, f"m-{n}", text=f"Answer {n}").json["id"] for n in range(4)]  # type: ignore[index]
    again: Any = crowd.take_part(activity, "m-0", text="Answer 0")
    assert (again.status_code, again.json["id"]) == (200, ids[0])
    assert crowd.take_part(activity, "m-0").status_code == 422
    assert winners(crowd, activity, *ids[:3]).status_code == 422, "at most two"
    assert winners(crowd, activity, "apt_01kbt1wz00fcyry88y1p63pagn").status_code == 422
    assert winners(crowd, activity, ids[0], ids[1]).status_code == 200
    chosen: Any = winners(crowd, activity, ids[1], ids[2]).json
    assert {one["id"]: one["status"] for one in chosen["data"]} == {ids[1]: "winner", ids[2]: "winner"}
    with frozen_at(AFTER):
        crowd.settle(activity)
        assert [crowd.points(f"m-{n}") for n in range(4)] == [0, 10, 10, 0]
        assert winners(crowd, activity, ids[0]).status_code == 409
    assert winners(crowd, crowd.run("poll"), ids[0]).status_code == 422


def test_an_erased_members_words_are_forgotten(crowd: Stage) -> None:
    activity = crowd.run("topic")
    crowd.take_part(activity, "m-0", text="I am Ada")
    assert crowd.client.post("/v1/members/ext:m-0/erasure", None).status_code in {200, 202, 204}
    (part,) = crowd.participations(activity)
    assert (part["text"], part["status"]) == (None, "counted")


def test_one_vote_a_member(crowd: Stage) -> None:
    activity = crowd.run("poll", reward=POINTS, budget=POINTS_BUDGET)
    assert crowd.take_part(activity, "m-0", option="tea").status_code == 201
    assert crowd.take_part(activity, "m-0", option="tea").status_code == 200
    other: Any = crowd.take_part(activity, "m-0", option="mate")
    assert (other.status_code, other.json["code"]) == (409, "already_took_part")
    assert crowd.take_part(activity, "m-1", option="coffee").status_code == 422
    crowd.take_part(activity, "m-1", option="mate")
    assert crowd.show(activity)["progress"]["votes"] == {"tea": 1, "mate": 1}
    with frozen_at(END):
        assert crowd.take_part(activity, "m-2", option="tea").status_code == 409
    with frozen_at(AFTER):
        crowd.settle(activity)
        assert [crowd.points(f"m-{n}") for n in range(3)] == [10, 10, 0]


def test_votes_at_once_are_one(crowd: Stage) -> None:
    activity = crowd.run("poll")
    member = crowd.program.member("ext:m-0")
    bodies = [{"activity_id": activity["id"], "option": one} for one in ("tea", "mate") * 3]
    statuses = together(
        crowd.program.app,
        *[lambda body=body: member.post("/v1/me/activity-participations", body).status_code for body in bodies],
    )
    assert tally(statuses) == {201: 1, 200: 2, 409: 3}


def tally(values: list[int]) -> dict[int, int]:
    return {value: values.count(value) for value in values}


@pytest.mark.parametrize(
    ("privacy", "before", "voted", "ended"),
    [
        ("always", True, True, True),
        ("after_vote", False, True, True),
        ("after_end", False, False, True),
        ("staff", False, False, False),
    ],
)
def test_who_sees_how_a_poll_stands(crowd: Stage, privacy: str, before: bool, voted: bool, ended: bool) -> None:
    activity = crowd.run("poll", goal={"options": OPTIONS, "results": privacy})
    crowd.take_part(activity, "m-1", option="tea")

    def sees() -> bool:
        shown: Any = crowd.program.member("ext:m-0").get(f"/v1/me/activities/{activity['id']}").json
        assert shown["votes"] is None or sum(shown["votes"].values()) >= 1
        return shown["votes"] is not None

    assert sees() == before
    crowd.take_part(activity, "m-0", option="mate")
    assert sees() == voted
    with frozen_at(AFTER):
        assert sees() == ended
        assert crowd.show(activity)["progress"]["votes"] == {"tea": 1, "mate": 1}


def test_a_member_day_multiplies_within_its_window(stage: Stage) -> None:
    stage.make("member_day")
    stage.make("member_day", starts_at=NOON.isoformat(), goal={"multiplier_bps": 30_000})
    stage.make("member_day", published=False, goal={"multiplier_bps": 90_000})
    canceled = stage.make("member_day", goal={"multiplier_bps": 80_000})
    stage.program.staff("operator").post(f"/v1/activities/{canceled['id']}/cancel", {})
    second = timedelta(seconds=1)
    instants = [START - second, START, NOON - second, NOON, END - second, END]
    with transaction(stage.program.id, read_only=True):
        assert multipliers_at(stage.program.id, instants) == [10_000, 20_000, 20_000, 30_000, 30_000, 10_000]
        assert multiplier_at(stage.program.id, NOON) == 30_000
        assert multipliers_at(stage.program.id, []) == []
    with frozen_at(AFTER):
        stage.sweep()
        with transaction(stage.program.id, read_only=True):
            assert multiplier_at(stage.program.id, NOON) == 30_000, "an order may be told later"


def test_another_programs_member_day_multiplies_nothing(stage: Stage, other: Any) -> None:
    stage.make("member_day")
    with transaction(other.id, read_only=True):
        assert multiplier_at(other.id, NOON) == 10_000
