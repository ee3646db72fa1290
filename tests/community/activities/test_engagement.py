"""Reactions to content: told once, counted once for a person, capped for visitors; what reaches a goal is rewarded."""

from datetime import timedelta
from typing import Any

import pytest

from core.auth import keys
from core.clock import frozen_at
from core.db import execute, scalar, transaction
from tests.clients import ApiClient, TestProgram
from tests.community.activities.stage import AFTER, END, NOON, POINTS, POINTS_BUDGET, START, Stage
from tests.factories import seed_members
from tests.threads import together

POSTS: dict[str, Any] = {"kind": "engagement", "reward": POINTS, "budget": POINTS_BUDGET}


def told(kind: str = "like", content: str = "video", key: str = "1", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "content_id": content, "external_id": key, "at": NOON.isoformat()} | more


def tell(client: ApiClient, *events: dict[str, Any]) -> list[str]:
    answer: Any = client.post("/v1/events", {"events": list(events)})
    assert answer.status_code == 200, answer.text
    return [one["status"] for one in answer.json["results"]]


def pointers(client: ApiClient, *events: dict[str, Any]) -> list[str | None]:
    answer: Any = client.post("/v1/events", {"events": list(events)})
    errors = [one["error"] for one in answer.json["results"]]
    return [error and error["errors"][0]["pointer"] for error in errors]


@pytest.fixture
def page(stage: Stage) -> ApiClient:
    """A page of the shop with its publishable key."""
    with transaction(stage.program.id):
        _, key = keys.create_key(stage.program.id, kind="publishable", name="page")
    return stage.program.client_with(key)


@pytest.fixture
def posts(stage: Stage) -> dict[str, Any]:
    """A running activity in which m-0 has the post `video`; two likes are its goal."""
    seed_members(stage.program, 6)
    activity = stage.run(**POSTS)
    assert stage.take_part(activity, "m-0", content_id="video").status_code == 201
    return activity


def settled_points(stage: Stage, activity: dict[str, Any], member: str = "m-0") -> int:
    with frozen_at(AFTER):
        stage.settle(activity)
        return stage.points(member)


def visitors(*numbers: int, kind: str = "like") -> list[dict[str, Any]]:
    return [told(kind, key=f"{kind}-{number}", visitor_id=f"visitor-{number}") for number in numbers]


def test_anonymous_and_members_are_refused(stage: Stage) -> None:
    seed_members(stage.program, 1)
    assert stage.program.anonymous.post("/v1/events", {"events": [told()]}).status_code == 401
    assert stage.program.member("ext:m-0").post("/v1/events", {"events": [told()]}).status_code == 403


def test_a_post_that_reaches_its_goal_is_told_at_once_and_rewarded_at_the_end(
    stage: Stage, posts: dict[str, Any]
) -> None:
    tell(stage.client, told(key="a"))
    assert stage.events("activity.reached") == []
    tell(stage.client, told(key="b"), told("comment", key="c"))
    (reached,) = stage.events("activity.reached")
    assert (reached["content_id"], reached["kind"]) == ("video", "engagement")
    tell(stage.client, told(key="d"))
    assert len(stage.events("activity.reached")) == 1
    assert settled_points(stage, posts) == 10


def test_a_goal_that_nobody_saw_reached_is_told_at_the_end(stage: Stage, posts: dict[str, Any]) -> None:
    tell(stage.client, told(key="a"), told(key="b"))
    with transaction(stage.program.id):  # as when the two likes were told at the same moment
        execute("UPDATE activity_participations SET reached_at = NULL WHERE program_id = %(p)s", p=stage.program.id)
    before = len(stage.events("activity.reached"))
    assert settled_points(stage, posts) == 10
    assert len(stage.events("activity.reached")) == before + 1


def test_a_post_below_its_goal_gets_nothing(stage: Stage, posts: dict[str, Any]) -> None:
    tell(stage.client, told(key="a"), told("share", key="b"), told(content="other", key="c"))
    assert settled_points(stage, posts) == 0


@pytest.mark.parametrize("goal", [{"likes": 1, "comments": 2}, {"comments": 2, "likes": None}])
def test_every_reaction_of_the_goal_is_needed(stage: Stage, goal: dict[str, Any]) -> None:
    seed_members(stage.program, 2)
    activity = stage.run(**POSTS, goal=goal)
    for name in ("m-0", "m-1"):
        stage.join(activity, name, content_id=name)
    for number in range(2):
        tell(stage.client, told("comment", "m-0", f"{number}"), told("like", "m-1", f"{number}"))
    assert settled_points(stage, activity, "m-0") == (0 if goal["likes"] else 10)
    assert stage.points("m-1") == 0


def test_the_same_key_is_the_same_reaction(stage: Stage, posts: dict[str, Any]) -> None:
    assert tell(stage.client, told(key="a"), told(key="a"), told("share", key="a")) == ["created", "exists", "created"]
    assert tell(stage.client, told(key="a")) == ["exists"]
    clash: Any = stage.client.post("/v1/events", {"events": [told(key="a", content="other")]}).json
    assert (clash["results"][0]["status"], clash["results"][0]["error"]["code"]) == ("error", "already_exists")
    assert settled_points(stage, posts) == 0


def test_the_same_at_once_counts_once(stage: Stage, posts: dict[str, Any]) -> None:
    outcomes = together(stage.program.app, *[lambda: tell(stage.client, told(key="a"))] * 5)
    assert sorted(outcomes) == [["created"]] + [["exists"]] * 4


def test_a_person_likes_once_but_may_comment_often(stage: Stage) -> None:
    seed_members(stage.program, 2)
    fan: Any = stage.client.get("/v1/members/ext:m-1").json["id"]  # type: ignore[index]
    for kind, expected in (("like", 0), ("comment", 10)):
        activity = stage.run(**POSTS, goal={kind + "s": 2})
        stage.join(activity, "m-0", content_id=kind)
        assert tell(stage.client, *[told(kind, kind, f"{n}", member_id=fan) for n in range(2)]) == ["created"] * 2
        before = stage.points("m-0")
        assert settled_points(stage, activity) - before == expected


def test_ones_own_reactions_do_not_count(stage: Stage, posts: dict[str, Any]) -> None:
    own: Any = stage.client.get("/v1/members/ext:m-0").json["id"]  # type: ignore[index]
    tell(stage.client, told(key="a"), told(key="b", member_id=own))
    assert settled_points(stage, posts) == 0


def test_only_the_window_counts(stage: Stage, posts: dict[str, Any]) -> None:
    with frozen_at(AFTER):
        late = [told(key=f"{n}", at=at.isoformat()) for n, at in enumerate((START - timedelta(seconds=1), END))]
        assert tell(stage.client, *late) == ["created"] * 2
        tell(stage.client, told(key="inside"))
    assert settled_points(stage, posts) == 0


def test_visitors_count_up_to_the_cap_of_an_hour(stage: Stage, page: ApiClient) -> None:
    seed_members(stage.program, 1)
    activity = stage.run(**POSTS, goal={"likes": 4}, guard={"public_per_hour": 3})
    stage.join(activity, "m-0", content_id="video")
    assert tell(page, *visitors(1, 2)) == ["created"] * 2
    assert tell(page, *visitors(3, 4, 5)) == ["created"] * 3
    assert stage.events("activity.reached") == [], "three count"
    with frozen_at(NOON + timedelta(hours=1)):
        tell(page, *visitors(6))
    assert len(stage.events("activity.reached")) == 1


def test_what_a_page_tells_again_takes_nothing_of_the_cap(stage: Stage, page: ApiClient) -> None:
    """The answer was lost, or a key stands twice in one batch: what follows still counts, up to the cap."""
    seed_members(stage.program, 1)
    activity = stage.run(**POSTS, goal={"likes": 6}, guard={"public_per_hour": 6})
    stage.join(activity, "m-0", content_id="video")
    assert tell(page, *visitors(1, 2)) == ["created"] * 2
    for _ in range(3):
        assert tell(page, *visitors(1, 2)) == ["exists"] * 2
    assert tell(page, *visitors(1, 3, 3, 2)) == ["exists", "created", "exists", "exists"]
    assert tell(page, *visitors(4, 5)) == ["created"] * 2
    assert stage.events("activity.reached") == [], "five count"
    assert told_in_all(stage) == 5
    assert tell(page, *visitors(1, 6, 7)) == ["exists", "created", "created"]
    assert len(stage.events("activity.reached")) == 1
    assert (told_in_all(stage), counted(stage)) == (7, 6)


def test_what_pages_tell_at_once_takes_of_the_cap_once(stage: Stage, page: ApiClient) -> None:
    seed_members(stage.program, 1)
    stage.run(**POSTS, guard={"public_per_hour": 10})
    outcomes = together(stage.program.app, *[lambda: tell(page, *visitors(*range(8)))] * 5)
    assert sorted(outcomes) == [["created"] * 8] + [["exists"] * 8] * 4
    assert (told_in_all(stage), counted(stage)) == (8, 8)
    tell(page, *visitors(8, 9, 10))
    assert (told_in_all(stage), counted(stage)) == (11, 10)


def told_in_all(stage: Stage) -> int:
    """What the hour's cap was charged with."""
    with transaction(stage.program.id, read_only=True):
        return int(scalar("SELECT sum(told) FROM engagement_quotas WHERE program_id = %(p)s", p=stage.program.id))


def counted(stage: Stage) -> int:
    with transaction(stage.program.id, read_only=True):
        return int(scalar("SELECT count(*) FROM engagements WHERE program_id = %(p)s AND counted", p=stage.program.id))


def test_what_a_page_may_not_tell(stage: Stage, page: ApiClient) -> None:
    seed_members(stage.program, 1)
    fan: Any = stage.client.get("/v1/members/ext:m-0").json["id"]  # type: ignore[index]
    old = (NOON - timedelta(days=8)).isoformat()
    assert pointers(page, told(), told(visitor_id="v", member_id=fan), told(visitor_id="v", at=old)) == [
        "/visitor_id", "/member_id", "/at",
    ]  # fmt: skip
    future = (NOON + timedelta(seconds=1)).isoformat()
    unknown = "mem_01kbt1wz00fcyry88y1p63pagn"
    assert pointers(stage.client, told(at=future), told(key="2"), told(member_id=unknown)) == [
        "/at",
        None,
        "/member_id",
    ]


@pytest.mark.parametrize("body", [{}, {"events": []}, {"events": [{"kind": "wink"}]}, {"events": [told(extra=1)]},
                                  {"events": [told(at="2026-05-01T12:00:00")]}])  # fmt: skip
def test_a_body_that_says_nothing_is_refused(stage: Stage, body: dict[str, Any]) -> None:
    assert stage.client.post("/v1/events", body).status_code == 422


def test_a_post_is_of_one_member(stage: Stage, posts: dict[str, Any]) -> None:
    taken: Any = stage.take_part(posts, "m-1", content_id="video")
    assert (taken.status_code, taken.json["code"]) == (409, "already_took_part")
    assert stage.take_part(posts, "m-0", content_id="video").status_code == 200
    assert stage.take_part(posts, "m-1").status_code == 422


def test_staff_say_what_they_read_elsewhere(stage: Stage, posts: dict[str, Any]) -> None:
    (part,) = stage.participations(posts)
    path = f"/v1/activities/{posts['id']}/participations/{part['id']}/engagement"
    assert stage.client.put(path, {"likes": 9}).status_code == 403
    operator = stage.program.staff("operator")
    assert operator.put(path, {"likes": 1}).status_code == 200
    assert stage.events("activity.reached") == []
    reported: Any = operator.put(path, {"likes": 2, "views": 300}).json
    assert reported["reported"] == {"likes": 2, "comments": 0, "shares": 0, "views": 300}
    assert len(stage.events("activity.reached")) == 1
    assert operator.put(path.replace(part["id"], "apt_x"), {"likes": 2}).status_code == 404
    assert settled_points(stage, posts) == 10


def test_programs_do_not_hear_each_other(stage: Stage, posts: dict[str, Any], other: TestProgram) -> None:
    tell(other.client, told(key="a"), told(key="b"))
    assert settled_points(stage, posts) == 0
