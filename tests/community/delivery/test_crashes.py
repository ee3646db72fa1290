"""Senders die and platforms do not answer: nothing is lost, and nothing is said more often than is documented.

A sender that dies leaves its claims as they were committed. The same points are hit with kill -9 in
tests/end_to_end/test_notices_kill.py.
"""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from community.delivery.claiming import LEASE, Sending
from community.delivery.recording import Answer, record
from community.delivery.rules import MONEY
from community.delivery.sending import call
from community.delivery.writing import ensure_lanes
from community.platforms.service import Sent, Throttled, send
from core.clock import frozen_at, now
from core.db import execute, scalar, transaction
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.community.delivery.scene import Scene, soon
from tests.jobs import deliver_now, lease_jobs, run_jobs

PLATFORMS = ("webhook", "wecom", "telegram")
CHATS = {"webhook": "one", "wecom": "robot-one", "telegram": "-100"}


def die_after_claim(scene: Scene) -> list[Sending]:
    return scene.claim()


def die_after_call(scene: Scene) -> list[Sending]:
    sendings = scene.claim()
    for one in sendings:
        assert isinstance(send(one.target, one.message), Sent)
    return sendings


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_message_whose_sender_died_before_the_call_is_said_once(scene: Scene, platform: str) -> None:
    chat = CHATS[platform]
    scene.group(chat, platform)
    scene.tell(chat, "a", "b")
    assert len(die_after_claim(scene)) == 1
    at = soon()
    scene.tell(chat, "c")
    scene.send_at(at)
    assert scene.texts(chat) == []  # the lane is leased
    scene.send_at(at + LEASE)
    assert scene.texts(chat) == ["a\nb", "c"]
    assert scene.tries(chat) == [(1, "unknown", "sender_died"), (2, "sent", None), (1, "sent", None)]
    assert scene.told(chat) == [("a", "sent", False, 2), ("b", "sent", False, 2), ("c", "sent", False, 1)]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_message_whose_sender_died_after_the_call_is_said_twice_at_most(scene: Scene, platform: str) -> None:
    chat = CHATS[platform]
    scene.group(chat, platform)
    scene.tell(chat, "a")
    die_after_call(scene)
    at = soon()
    scene.tell(chat, "b")
    scene.send_at(at + LEASE)
    scene.send_at(at + 3 * LEASE)
    assert scene.texts(chat) == ["a", "a", "b"]
    if platform == "webhook":  # the receiver knows it by its key
        keys = [one.key for one in scene.server.book]
        assert keys[0] == keys[1] != keys[2]


def test_a_message_whose_senders_die_again_and_again_is_given_up_and_shown(scene: Scene) -> None:
    scene.group("robot-one", "wecom")
    scene.tell("robot-one", "a")
    at = soon()
    for number in range(3):
        with frozen_at(at + number * (LEASE + timedelta(minutes=1))):
            assert [one.number for one in die_after_call(scene)] == [number + 1]
    scene.tell("robot-one", "b")
    scene.send_at(at + timedelta(hours=1))  # settles, and publishes the next delivery of the job
    scene.send_at(at + timedelta(hours=1))
    assert scene.texts("robot-one") == ["a", "a", "a", "b"]
    assert scene.statuses("robot-one") == ["unknown", "sent"]
    assert [one.status for one in scene.tries("robot-one")] == ["unknown"] * 3 + ["sent"]


def test_a_sender_that_died_does_not_keep_others_from_being_set_to_work(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "a")
    lease_jobs(scene.program.id, "notices")  # and its worker dies
    publish_where_due(scene.program.id, [SCHEDULES["delivery.wake"]])
    run_jobs(scene.program.id)
    assert scene.texts("one") == ["a"]


def test_a_job_that_dies_after_recording_has_said_everything(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "a")
    [delivery] = lease_jobs(scene.program.id, "notices")
    scene.send()
    deliver_now(delivery)
    assert scene.texts("one") == ["a"]


@pytest.mark.parametrize("act", ["lose", "fail"])
def test_news_without_an_answer_are_not_said_again_and_shown(scene: Scene, act: str) -> None:
    scene.group("robot-one", "wecom")
    scene.server.scripts["robot-one"].append(act)
    scene.tell("robot-one", "a")
    at = soon()
    scene.send_at(at)
    scene.tell("robot-one", "b")
    scene.send_at(at + timedelta(minutes=1))
    assert scene.texts("robot-one") == ["a", "b"]
    assert scene.statuses("robot-one") == ["unknown", "sent"]


def test_money_without_an_answer_is_said_twice_at_most(scene: Scene) -> None:
    scene.group("robot-one", "wecom")
    scene.server.scripts["robot-one"].extend(["lose", "lose"])
    scene.tell("robot-one", "a", priority=MONEY)
    at = soon()
    for minutes in range(4):
        scene.send_at(at + timedelta(minutes=minutes))
    assert scene.texts("robot-one") == ["a", "a"]
    assert scene.statuses("robot-one") == ["unknown"]


def test_a_receiver_that_recognises_repeats_gets_three_tries_under_one_key(scene: Scene) -> None:
    scene.group("one")
    scene.server.scripts["one"].extend(["lose", "fail"])
    scene.tell("one", "a")
    at = soon()
    for minutes in range(4):
        scene.send_at(at + timedelta(minutes=minutes))
    assert scene.texts("one") == ["a"] * 3
    assert len({one.key for one in scene.server.book}) == 1
    assert scene.statuses("one") == ["sent"]
    assert [(one.number, one.status) for one in scene.tries("one")] == [(1, "unknown"), (2, "unknown"), (3, "sent")]


@pytest.mark.parametrize("failures", [999, 1000, 32_767])
def test_a_platform_that_is_away_for_ever_keeps_no_other_group_from_being_told(scene: Scene, failures: int) -> None:
    away, there = scene.group("one"), scene.group("two")
    scene.aim("one", "http://127.0.0.1:9/webhook/one")
    scene.tell("one", "a")
    scene.tell("two", "b")
    with transaction(scene.program.id):
        ensure_lanes(scene.program.id, [away, there], now())
        execute(
            "UPDATE lanes SET failures = %(failures)s WHERE program_id = %(p)s AND group_id = %(g)s",
            p=scene.program.id, g=away, failures=failures,
        )  # fmt: skip
    scene.send_at(soon())
    assert (scene.statuses("one"), scene.statuses("two")) == (["waiting"], ["sent"])
    assert failures_of(scene, away) == 1000


def failures_of(scene: Scene, group_id: UUID) -> int:
    with transaction(scene.program.id, read_only=True):
        found: int = scalar(
            "SELECT failures FROM lanes WHERE program_id = %(p)s AND group_id = %(g)s", p=scene.program.id, g=group_id
        )
    return found


def test_a_message_that_did_not_reach_its_platform_waits_and_is_said_once(scene: Scene) -> None:
    closed = "http://127.0.0.1:9/webhook/one"
    group_id = scene.group("one")
    scene.aim("one", closed)
    scene.tell("one", "a")
    at = soon()
    for second in range(8):  # tried at 0, 1 and 3 s, next at 7 s
        scene.send_at(at + timedelta(seconds=second) - timedelta(milliseconds=1 if second == 7 else 0))
    assert [one.status for one in scene.tries("one")] == ["unreached"] * 3
    assert scene.statuses("one") == ["waiting"]
    scene.aim("one", f"{scene.server.url}/webhook/one")
    scene.tell("one", "b")
    scene.send_at(at + timedelta(seconds=7))
    assert scene.texts("one") == ["a\nb"]
    assert failures_of(scene, group_id) == 0


def take_over(scene: Scene, at: datetime) -> None:
    scene.send_at(at + LEASE)


def test_a_late_answer_changes_nothing_on_a_lane_that_was_taken_over(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "a")
    [slow] = scene.claim()
    at = soon()
    take_over(scene, at)
    scene.tell("one", "b")
    with frozen_at(at + LEASE), transaction(scene.program.id):
        record(scene.program.id, [Answer(slow, Throttled(3600), now())])
    scene.send_at(at + LEASE)
    assert scene.texts("one") == ["a", "b"]
    assert scene.statuses("one") == ["sent", "sent"]


def test_the_late_answer_to_what_was_given_up_tells_what_became_of_it(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "a")
    [slow] = scene.claim()
    scene.set_group("one", status="paused")
    at = soon()
    take_over(scene, at)
    assert scene.statuses("one") == ["unknown"]
    with frozen_at(at + LEASE), transaction(scene.program.id):
        record(scene.program.id, [Answer(slow, Sent("7"), now())])
    assert scene.statuses("one") == ["sent"]
    assert scene.tries("one") == [(1, "sent", None)]


def test_an_answer_recorded_twice_counts_once(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "a")
    [one] = scene.claim()
    answer = Answer(one, Sent(), now())
    for _ in range(2):
        with transaction(scene.program.id):
            record(scene.program.id, [answer])
    assert Counter(scene.statuses("one")) == {"sent": 1}
    scene.tell("one", "b")
    scene.send()
    assert scene.texts("one") == ["b"]


def test_a_call_that_would_outlast_its_lease_is_not_made(scene: Scene) -> None:
    """The pool was busy for so long that another sender might take the lane over meanwhile."""
    scene.group("one")
    scene.tell("one", "a")
    [one] = scene.claim()
    with frozen_at(soon() + LEASE - timedelta(seconds=10)):
        answer = call(one)
        assert not answer.was_called
        with transaction(scene.program.id):
            record(scene.program.id, [answer])
        assert scene.statuses("one") == ["waiting"]
        scene.send()
    assert scene.texts("one") == ["a"]
