"""Posts for segments: whoever is in the segment then reads it himself, once, also over many pages and after a death."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from community.groups import audiences
from core.auth.service import program_of
from core.clock import frozen_at
from core.db import scalar, transaction
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import TestProgram
from tests.community.groups.conftest import Desk
from tests.community.groups.overlapping import overlapping
from tests.jobs import deliver_now, lease_jobs, run_jobs
from tests.threads import together

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with frozen_at(NOON):
        yield


def segment(desk: Desk, **terms: Any) -> str:
    answer = desk.operator.post("/v1/segments", {"name": "gold ones", "terms": {"grade": "gold"} | terms})
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])  # type: ignore[index]


def schedule(desk: Desk, segment_id: str, **more: Any) -> dict[str, Any]:
    said = {} if "texts" in more else {"text": "Only for you"}
    when = {} if "at" in more else {"every": {"time": "13:00"}}
    answer = desk.operator.post("/v1/posts", {"segment_id": segment_id} | said | when | more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)  # type: ignore[arg-type]


def tick(desk: Desk, at: datetime) -> None:
    with frozen_at(at):
        publish_where_due(desk.program.id, [SCHEDULES["groups.post_for_segments"]])
        run_jobs(desk.program.id, queues=("notices",))


def read(desk: Desk, external_id: str) -> list[str]:
    shown: Any = desk.program.member(f"ext:{external_id}").get("/v1/me/notices").json
    return [one["text"] for one in shown["data"] if one["topic"] == "group"]


def told(desk: Desk) -> int:
    with transaction(desk.program.id):
        return int(
            scalar("SELECT count(*) FROM notices WHERE program_id = %(p)s AND topic = 'group'", p=desk.program.id)
        )


def test_members_of_the_segment_read_it_and_nobody_else(desk: Desk) -> None:
    desk.member("ada", grade="gold")
    desk.member("bob")
    post = schedule(desk, segment(desk))
    assert (post["groups"], post["segment"]["next_due_at"]) == ([], "2026-03-02T13:00:00Z")
    tick(desk, NOON + AN_HOUR)
    tick(desk, NOON + AN_HOUR)
    with frozen_at(NOON + AN_HOUR):
        assert read(desk, "ada") == ["Only for you"]
        assert read(desk, "bob") == []
    assert desk.messages() == []
    shown: Any = desk.operator.get(f"/v1/posts/{post['id']}").json
    assert (shown["segment"]["posted"], shown["segment"]["next_due_at"]) == (1, "2026-03-03T13:00:00Z")


def test_who_comes_later_into_the_segment_reads_the_next_one(desk: Desk) -> None:
    desk.member("ada")
    schedule(desk, segment(desk), texts=["one", "two"])
    tick(desk, NOON + AN_HOUR)
    desk.shop.patch("/v1/members/ext:ada", {"grade": "gold"})
    tick(desk, NOON + AN_HOUR * 25)
    assert told(desk) == 1


def test_a_large_segment_is_told_page_by_page_each_once(desk: Desk) -> None:
    members = [{"external_id": f"m{number}", "grade": "gold"} for number in range(audiences.PAGE + 1)]
    for start in range(0, len(members), 1000):
        desk.shop.post("/v1/members/batch", {"members": members[start : start + 1000]})
    schedule(desk, segment(desk))
    with frozen_at(NOON + AN_HOUR):
        publish_where_due(desk.program.id, [SCHEDULES["groups.post_for_segments"]])
        jobs = 0
        while leased := lease_jobs(desk.program.id, "notices"):
            for one in leased:  # each delivery twice, as after a death of whoever should have told it is done
                deliver_now(one)
                deliver_now(one)
                jobs += one.job == "groups.tell_segment"
    assert (told(desk), jobs) == (len(members), 2)


def test_a_page_told_again_under_another_job_tells_nobody_twice(desk: Desk) -> None:
    desk.member("ada", grade="gold")
    post = schedule(desk, segment(desk))
    tick(desk, NOON + AN_HOUR)
    with transaction(desk.program.id):
        statement = "SELECT ARRAY[post_id, segment_id] FROM post_audiences WHERE program_id = %(p)s"
        post_id, segment_id = scalar(statement, p=desk.program.id)
        audiences.tell_page(program_of(desk.program.id), post_id, segment_id, NOON + AN_HOUR, None)
    assert told(desk) == 1
    assert post["status"] == "active"


def test_two_schedulers_and_four_workers_start_once(desk: Desk) -> None:
    desk.member("ada", grade="gold")
    schedule(desk, segment(desk))

    def start() -> None:
        with transaction(desk.program.id):
            audiences.start_due(program_of(desk.program.id))

    with frozen_at(NOON + AN_HOUR):
        together(desk.program.app, *[start] * 4)
        jobs = run_jobs(desk.program.id, queues=("notices",))
    assert (jobs.count("groups.tell_segment"), told(desk)) == (1, 1)


def test_who_comes_while_another_starts_leaves_it_to_him(desk: Desk) -> None:
    desk.member("ada", grade="gold")
    schedule(desk, segment(desk))

    def start() -> int:
        return audiences.start_due(program_of(desk.program.id))

    with frozen_at(NOON + AN_HOUR):
        assert overlapping(desk.program.app, desk.program.id, start, start) == (1, 0)


def test_a_single_post_ends_and_a_late_one_of_every_day_is_missed(desk: Desk) -> None:
    desk.member("ada", grade="gold")
    where = segment(desk)
    once = schedule(desk, where, at="2026-03-02T13:00:00Z")
    daily = schedule(desk, where)
    tick(desk, NOON + 6 * AN_HOUR)
    assert told(desk) == 1
    assert desk.operator.get(f"/v1/posts/{once['id']}").json["status"] == "ended"  # type: ignore[index]
    assert desk.operator.get(f"/v1/posts/{daily['id']}").json["segment"]["missed"] == 1  # type: ignore[index]


def test_an_ended_post_and_a_forgotten_segment_tell_nobody(desk: Desk) -> None:
    desk.member("ada", grade="gold")
    where, other = segment(desk), segment(desk)
    post = schedule(desk, where)
    schedule(desk, other)
    assert desk.operator.delete(f"/v1/posts/{post['id']}").status_code == 204
    assert desk.operator.delete(f"/v1/segments/{other}").status_code == 204
    tick(desk, NOON + AN_HOUR)
    assert told(desk) == 0


def test_where_is_said_once(desk: Desk, other_program: TestProgram) -> None:
    where, group = segment(desk), desk.group()
    body = {"text": "x", "every": {"time": "13:00"}}
    foreign: Any = other_program.staff("operator").post("/v1/segments", {"name": "x", "terms": {}}).json
    for place, pointer in (
        ({}, "/group_ids"), ({"segment_id": where, "group_ids": [group["id"]]}, "/group_ids"),
        ({"segment_id": foreign["id"]}, "/segment_id"),
        ({"segment_id": where, "image_url": "https://shop.example/x.png"}, "/image_url"),
    ):  # fmt: skip
        answer: Any = desk.operator.post("/v1/posts", body | place)
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)
