"""Scheduled posts: once per due time and group, whoever runs, dies or comes late; in the time zone of each group."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from community.groups.posting import any_due, post_due
from core.clock import frozen_at
from core.db import execute, transaction
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import ApiClient, TestProgram
from tests.community.groups.conftest import Desk, target
from tests.community.groups.overlapping import overlapping
from tests.jobs import deliver_now, lease_jobs, run_jobs, waiting_jobs
from tests.threads import together

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday


@pytest.fixture(autouse=True)
def clock() -> Any:
    with frozen_at(NOON):
        yield


def schedule(desk: Desk, *groups: dict[str, Any], **more: Any) -> dict[str, Any]:
    said = {} if "texts" in more else {"text": "Tea of the day"}
    body = {"group_ids": [group["id"] for group in groups]} | said | more
    answer = desk.operator.post("/v1/posts", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)  # type: ignore[arg-type]


def tick(desk: Desk, at: datetime) -> None:
    """What the scheduler and the worker do at an instant."""
    with frozen_at(at):
        publish_where_due(desk.program.id, [SCHEDULES["groups.post"]])
        run_jobs(desk.program.id, queues=("notices",))


def texts(desk: Desk, group: dict[str, Any] | None = None) -> list[str]:
    return [text for key, text in desk.messages(group) if key.startswith("post:")]


def test_anonymous_and_keys_are_refused(desk: Desk) -> None:
    group = desk.group()
    body = {"group_ids": [group["id"]], "text": "x", "every": {"time": "09:00"}}
    assert desk.program.anonymous.post("/v1/posts", body).status_code == 401
    assert desk.shop.post("/v1/posts", body).status_code == 403


def test_another_programs_post_is_not_found(desk: Desk, other_program: TestProgram) -> None:
    group = desk.group()
    post = schedule(desk, group, every={"time": "09:00"})
    stranger = other_program.staff("owner")
    path = f"/v1/posts/{post['id']}"
    assert [one.status_code for one in (
        stranger.get(path), stranger.patch(path, {"text": "x"}), stranger.delete(path)
    )] == [404] * 3  # fmt: skip
    body = {"group_ids": [group["id"]], "text": "x", "every": {"time": "09:00"}}
    assert stranger.post("/v1/posts", body).status_code == 422


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"every": None}, "/every"),
        ({"at": "2026-03-03T09:00:00Z"}, "/every"),
        ({"every": None, "at": "2026-03-02T11:00:00Z"}, "/at"),
        ({"every": {"time": "24:00"}}, "/every/time"),
        ({"every": {"time": "09:00", "weekdays": [8]}}, "/every/weekdays/0"),
        ({"every": {"time": "09:00", "ends_on": "2026-03-01"}}, "/every"),
        ({"every": {"time": "09:00", "starts_on": "2026-03-05", "ends_on": "2026-03-04"}}, "/every/ends_on"),
        ({"text": None}, "/text"),
        ({"texts": ["a"]}, "/text"),
        ({"text": None, "texts": ["a"], "markdown": "a"}, "/markdown"),
        ({"image_url": "http://127.0.0.1:9/x.png"}, "/image_url"),
        ({"group_ids": ["grp_00000000000000000000000000"]}, "/group_ids/0"),
        ({"group_ids": []}, "/group_ids"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(desk: Desk, change: dict[str, Any], pointer: str) -> None:
    body = {"group_ids": [desk.group()["id"]], "text": "x", "every": {"time": "09:00"}}
    answer = desk.operator.post("/v1/posts", body | change)
    assert answer.status_code == 422, answer.text
    assert pointer in [fault["pointer"] for fault in answer.json["errors"]]  # type: ignore[index]


def test_a_post_of_every_day_is_due_in_each_groups_time_zone(desk: Desk) -> None:
    london = desk.group(timezone="Europe/London")
    shanghai = desk.group(timezone="Asia/Shanghai", target=target("-1002"))
    post = schedule(desk, london, shanghai, every={"time": "20:00"})
    due = {one["group_id"]: one["next_due_at"] for one in post["groups"]}
    assert due == {london["id"]: "2026-03-02T20:00:00Z", shanghai["id"]: "2026-03-03T12:00:00Z"}
    tick(desk, NOON + timedelta(hours=7, minutes=59))
    assert texts(desk) == []
    tick(desk, NOON + timedelta(hours=8))
    tick(desk, NOON + timedelta(hours=8, minutes=1))
    assert (texts(desk, london), texts(desk, shanghai)) == (["Tea of the day"], [])
    tick(desk, NOON + timedelta(hours=24))
    assert (len(texts(desk, london)), len(texts(desk, shanghai))) == (1, 1)
    shown: Any = desk.operator.get(f"/v1/posts/{post['id']}").json
    assert [(one["posted"], one["missed"]) for one in shown["groups"]] == [(1, 0), (1, 0)]


def test_a_single_post_is_posted_once_and_then_over(desk: Desk) -> None:
    group = desk.group()
    post = schedule(desk, group, at="2026-03-02T13:00:00Z")
    tick(desk, NOON + timedelta(days=3))  # however late
    tick(desk, NOON + timedelta(days=4))
    assert texts(desk) == ["Tea of the day"]
    assert desk.operator.get(f"/v1/posts/{post['id']}").json["status"] == "ended"  # type: ignore[index]
    change = desk.operator.patch(f"/v1/posts/{post['id']}", {"text": "x"})
    assert (change.status_code, change.json["code"]) == (409, "wrong_state")  # type: ignore[index]


def test_what_came_round_unseen_is_missed_not_posted_late(desk: Desk) -> None:
    group = desk.group()
    post = schedule(desk, group, every={"time": "13:00"})
    tick(desk, NOON + timedelta(days=3, hours=6))
    assert texts(desk) == []
    shown: Any = desk.operator.get(f"/v1/posts/{post['id']}").json
    assert (shown["groups"][0]["missed"], shown["groups"][0]["next_due_at"]) == (1, "2026-03-06T13:00:00Z")
    tick(desk, NOON + timedelta(days=4, hours=2))
    assert texts(desk) == ["Tea of the day"]


def test_two_schedulers_and_two_workers_post_once(desk: Desk) -> None:
    group = desk.group()
    schedule(desk, group, every={"time": "13:00"})
    with frozen_at(NOON + timedelta(hours=1)):
        together(desk.program.app, *[
            lambda: publish_where_due(desk.program.id, [SCHEDULES["groups.post"]])
        ] * 4)  # fmt: skip
        together(desk.program.app, *[lambda: _post_now(desk)] * 4)
        run_jobs(desk.program.id, queues=("notices",))
    assert texts(desk) == ["Tea of the day"]


def test_who_comes_while_another_posts_leaves_it_to_him(desk: Desk) -> None:
    group = desk.group()
    schedule(desk, group, every={"time": "13:00"})
    with frozen_at(NOON + timedelta(hours=1)):
        post = partial(post_due, desk.program.id)
        assert overlapping(desk.program.app, desk.program.id, post, post) == (1, 0)
    assert texts(desk) == ["Tea of the day"]


def _post_now(desk: Desk) -> None:
    with transaction(desk.program.id):
        post_due(desk.program.id)


def test_a_worker_that_dies_in_the_middle_posts_nothing_and_the_next_one_posts_it(desk: Desk) -> None:
    """A job's death is a rollback: neither is the message there nor the time moved on."""
    group = desk.group()
    schedule(desk, group, every={"time": "13:00"})
    at = NOON + timedelta(hours=1)
    with frozen_at(at):
        with pytest.raises(_KillError):
            _post_and_die(desk)
        assert texts(desk) == []
        with transaction(desk.program.id):
            assert any_due(desk.program.id)
    tick(desk, at)
    assert texts(desk) == ["Tea of the day"]


class _KillError(Exception):
    pass


def _post_and_die(desk: Desk) -> None:
    with transaction(desk.program.id):
        assert post_due(desk.program.id) == 1
        raise _KillError


def test_a_delivery_made_twice_posts_once(desk: Desk) -> None:
    group = desk.group()
    schedule(desk, group, every={"time": "13:00"})
    with frozen_at(NOON + timedelta(hours=1)):
        publish_where_due(desk.program.id, [SCHEDULES["groups.post"]])
        (one,) = lease_jobs(desk.program.id, "notices")
        deliver_now(one)
        deliver_now(one)
    assert texts(desk) == ["Tea of the day"]
    assert waiting_jobs(desk.program.id) in (["delivery.send"], [])


def test_the_night_of_the_clocks_has_one_post(desk: Desk) -> None:
    """01:30 comes twice in New York on 1 November 2026, 02:30 never on 8 March 2026."""
    nights = [("01:30", datetime(2026, 11, 1, 4, tzinfo=UTC)), ("02:30", datetime(2026, 3, 8, 5, tzinfo=UTC))]
    for number, (time, night) in enumerate(nights):
        with frozen_at(night - timedelta(hours=16)):
            desk.operator = desk.program.staff("operator")  # a token of that time
            group = desk.group(timezone="America/New_York", target=target(f"-{number}"))
            schedule(desk, group, every={"time": time})
        for minutes in range(0, 4 * 60, 10):
            tick(desk, night + timedelta(minutes=minutes))
        assert len(texts(desk, group)) == 1


def test_a_topic_of_the_day_is_another_each_day(desk: Desk) -> None:
    group = desk.group()
    schedule(desk, group, texts=["one", "two", "three"], every={"time": "13:00", "starts_on": "2026-03-02"})
    for day in range(4):
        tick(desk, NOON + timedelta(days=day, hours=1))
    assert texts(desk) == ["one", "two", "three", "one"]


def test_weekdays(desk: Desk) -> None:
    group = desk.group()
    schedule(desk, group, every={"time": "13:00", "weekdays": [2, 4]})
    for day in range(7):
        tick(desk, NOON + timedelta(days=day, hours=1))
    assert len(texts(desk)) == 2


def test_other_words_from_now_on(desk: Desk) -> None:
    group = desk.group()
    post = schedule(desk, group, every={"time": "13:00"})
    answer = desk.operator.patch(f"/v1/posts/{post['id']}", {"texts": ["a", "b"]})
    assert (answer.json["texts"], answer.json["text"]) == (["a", "b"], None)  # type: ignore[index]
    tick(desk, NOON + timedelta(hours=1))
    assert texts(desk)[0] in {"a", "b"}


def test_an_ended_post_is_posted_no_more(desk: Desk) -> None:
    group = desk.group()
    post = schedule(desk, group, every={"time": "13:00"})
    path = f"/v1/posts/{post['id']}"
    assert [desk.operator.delete(path).status_code for _ in range(2)] == [204, 204]
    tick(desk, NOON + timedelta(hours=1))
    assert texts(desk) == []
    assert desk.operator.get(path).json["status"] == "ended"  # type: ignore[index]
    assert [one["id"] for one in desk.operator.get("/v1/posts?status=ended").json["data"]] == [post["id"]]  # type: ignore[index]


def test_nothing_is_posted_in_an_ended_group(desk: Desk) -> None:
    group = desk.group()
    schedule(desk, group, every={"time": "13:00"})
    desk.operator.delete(f"/v1/groups/{group['id']}")
    tick(desk, NOON + timedelta(hours=1))
    assert texts(desk) == []


def test_many_due_posts_take_several_turns_and_none_is_lost(desk: Desk) -> None:
    groups = [desk.group(name=f"g{number}", target=target(f"-{2000 + number}")) for number in range(7)]
    schedule(desk, *groups, every={"time": "13:00"})
    with frozen_at(NOON + timedelta(hours=1)):
        turns: list[int] = []
        while not turns or turns[-1]:
            with transaction(desk.program.id):
                turns.append(post_due(desk.program.id, most=3))
    assert turns == [3, 3, 1, 0]
    assert len(texts(desk)) == 7


def test_posts_of_a_group_are_listed(operator: ApiClient, desk: Desk) -> None:
    tea, coffee = desk.group(), desk.group(name="Coffee", target=target("-1002"))
    first = schedule(desk, tea, every={"time": "13:00"})
    schedule(desk, coffee, every={"time": "13:00"})
    listed: Any = operator.get(f"/v1/posts?group_id={tea['id']}").json
    assert [one["id"] for one in listed["data"]] == [first["id"]]


def test_the_database_itself_keeps_the_times_apart(desk: Desk) -> None:
    """The message of a due time has one key: even a row put back in time posts it once."""
    group = desk.group()
    schedule(desk, group, every={"time": "13:00"})
    tick(desk, NOON + timedelta(hours=1))
    with transaction(desk.program.id):
        execute(
            "UPDATE post_targets SET next_due_at = %(at)s WHERE program_id = %(p)s", p=desk.program.id,
            at=NOON + timedelta(hours=1),
        )  # fmt: skip
    tick(desk, NOON + timedelta(hours=1))
    assert texts(desk) == ["Tea of the day"]
