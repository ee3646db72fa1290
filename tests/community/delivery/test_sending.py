"""What is said arrives: once, in order, folded, within limits, not late, and not at night."""

from datetime import UTC, datetime, timedelta
from threading import Timer

import pytest

from community.delivery.queries import has_ready
from community.delivery.rules import MONEY
from community.delivery.service import cancel
from core.clock import frozen_at, now
from core.db import scalar, transaction
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import make_program
from tests.community.delivery.scene import Scene, soon
from tests.jobs import deliver_now, lease_jobs, run_jobs, waiting_jobs


def test_a_message_is_said_in_its_group(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "hello", markdown="**hello**")
    scene.send()
    assert [(one.text, one.markdown) for one in scene.server.book] == [("hello", "**hello**")]
    assert scene.told("one") == [("hello", "sent", False, 1)]
    assert scene.tries("one") == [(1, "sent", None)]


def test_a_burst_is_one_message_and_every_part_of_it_is_accounted_for(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", *[f"order {number}" for number in range(42)])
    scene.send()
    assert scene.texts("one") == ["order 0\norder 1\norder 2\norder 3\norder 4\n… and 37 more"]
    assert [one.folded for one in scene.told("one")] == [False] * 5 + [True] * 37
    assert set(scene.statuses("one")) == {"sent"}


def test_money_goes_first_and_each_priority_in_its_order(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "news 1", "news 2", fold_key=None)
    scene.tell("one", "money 1", "money 2", fold_key=None, priority=MONEY)
    scene.send()
    assert scene.texts("one") == ["money 1", "money 2", "news 1", "news 2"]


def test_a_job_delivered_twice_says_it_once(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "hello")
    [delivery] = lease_jobs(scene.program.id, "notices")
    deliver_now(delivery)
    deliver_now(delivery)
    run_jobs(scene.program.id)
    assert scene.texts("one") == ["hello"]


def test_other_programs_groups_are_left_alone(scene: Scene) -> None:
    other = make_program(scene.program.app)
    scene.group("one")
    scene.tell("one", "hello")
    run_jobs(other.id)
    assert scene.texts("one") == []


def test_a_limit_of_twenty_a_minute_is_kept_and_two_are_left_for_money(scene: Scene) -> None:
    scene.group("robot-one", "wecom")
    at = soon()
    for number in range(30):
        scene.tell("robot-one", f"{number}", fold_key=None)
    scene.send_at(at)
    assert scene.texts("robot-one") == [f"{number}" for number in range(18)]
    scene.tell("robot-one", "$ 1", "$ 2", "$ 3", fold_key=None, priority=MONEY)
    scene.send_at(at + timedelta(seconds=1))
    assert scene.texts("robot-one")[18:] == ["$ 1", "$ 2"]
    scene.send_at(at + timedelta(seconds=59.9))
    assert len(scene.texts("robot-one")) == 20
    scene.send_at(at + timedelta(seconds=60))
    assert scene.texts("robot-one")[20:] == ["$ 3", *[f"{number}" for number in range(18, 30)]]


def test_what_waits_for_its_limit_is_folded_meanwhile(scene: Scene) -> None:
    scene.group("robot-one", "wecom")
    at = soon()
    for number in range(18):
        scene.tell("robot-one", f"{number}")
        scene.send_at(at)
    for number in range(18, 30):
        scene.tell("robot-one", f"{number}")
        scene.send_at(at + timedelta(seconds=30))
    assert len(scene.texts("robot-one")) == 18
    scene.send_at(at + timedelta(seconds=60))
    assert scene.texts("robot-one")[18:] == ["18\n19\n20\n21\n22\n… and 7 more"]


def test_groups_of_one_bot_share_its_thirty_a_second(scene: Scene) -> None:
    chats = [f"-100{number}" for number in range(40)]
    for chat in chats:
        scene.group(chat, "telegram")
        scene.tell(chat, "hello")
    at = soon()
    scene.send_at(at)
    assert len(scene.server.book) == 27  # three are kept for money
    scene.send_at(at + timedelta(seconds=0.9))
    assert len(scene.server.book) == 27
    scene.send_at(at + timedelta(seconds=1))
    assert sorted(one.chat for one in scene.server.book) == sorted(chats)


def test_a_throttled_message_waits_as_told_and_joins_what_came_meanwhile(scene: Scene) -> None:
    scene.group("one")
    scene.server.scripts["one"].append("throttle")
    at = soon()
    scene.tell("one", "a")
    scene.send_at(at)
    assert scene.statuses("one") == ["waiting"]
    scene.tell("one", "b")
    scene.send_at(at + timedelta(seconds=1.9))
    assert scene.texts("one") == []
    scene.send_at(at + timedelta(seconds=2))
    assert scene.texts("one") == ["a\nb"]
    assert scene.told("one") == [("a", "sent", False, 2), ("b", "sent", False, 1)]
    assert scene.tries("one") == [(1, "throttled", "throttled"), (1, "sent", None)]


def test_a_refused_message_is_not_said_again_and_the_group_is_paused_in_the_end(scene: Scene) -> None:
    scene.group("one")
    scene.server.scripts["one"].extend(["refuse"] * 5)
    scene.tell("one", *[f"{number}" for number in range(8)], fold_key=None)
    scene.send()
    assert scene.texts("one") == []
    assert scene.statuses("one") == ["refused"] * 5 + ["waiting"] * 3
    scene.set_group("one", status="active")
    scene.send()
    assert scene.texts("one") == ["5", "6", "7"]


def test_stale_news_are_not_said(scene: Scene) -> None:
    scene.group("one")
    at = now()
    scene.tell("one", "old", expires_at=at + timedelta(seconds=5))
    scene.tell("one", "new", expires_at=at + timedelta(seconds=50))
    scene.send_at(at + timedelta(seconds=5))
    assert scene.texts("one") == ["new"]
    assert scene.statuses("one") == ["expired", "sent"]


def test_a_paused_group_waits_until_it_is_resumed_or_the_news_are_stale(scene: Scene) -> None:
    scene.group("one", status="paused")
    at = now()
    scene.tell("one", "old", expires_at=at + timedelta(seconds=5))
    scene.tell("one", "new")
    scene.send()
    assert scene.texts("one") == []
    with frozen_at(at + timedelta(seconds=5)):
        publish_where_due(scene.program.id, [SCHEDULES["delivery.expire"]])
        run_jobs(scene.program.id)
    assert scene.statuses("one") == ["expired", "waiting"]
    scene.set_group("one", status="active")
    scene.send()
    assert scene.texts("one") == ["new"]


def test_a_message_waits_for_its_time(scene: Scene) -> None:
    scene.group("one")
    at = now()
    scene.tell("one", "later", not_before=at + timedelta(minutes=5))
    scene.send()
    assert scene.texts("one") == []
    scene.send_at(at + timedelta(minutes=5))
    assert scene.texts("one") == ["later"]


QUIET = {"quiet_from": 22 * 60, "quiet_to": 8 * 60}


def test_quiet_hours_hold_news_and_fold_them_in_the_morning(scene: Scene) -> None:
    scene.group("one", timezone="Asia/Shanghai", **QUIET)
    evening = datetime(2026, 6, 1, 15, 0, tzinfo=UTC)  # 23:00 in Shanghai
    with frozen_at(evening):
        scene.tell("one", *[f"{number}" for number in range(7)])
        scene.tell("one", "urgent", ignores_quiet=True, fold_key=None)
        scene.send()
        with transaction(scene.program.id, read_only=True):
            assert not has_ready(scene.program.id, now()), "senders would look at what is held all night"
    assert scene.texts("one") == ["urgent"]
    with frozen_at(datetime(2026, 6, 1, 23, 59, 59, tzinfo=UTC)):
        scene.tell("one", "late")
        scene.send()
    assert scene.texts("one") == ["urgent"]
    scene.send_at(datetime(2026, 6, 2, 0, 0, tzinfo=UTC))
    assert scene.texts("one")[1:] == ["0\n1\n2\n3\n4\n… and 3 more"]


@pytest.mark.parametrize(
    ("evening", "morning"),
    [
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), datetime(2026, 3, 29, 6, 0, tzinfo=UTC)),  # clocks go forward
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), datetime(2026, 10, 25, 7, 0, tzinfo=UTC)),  # and back
    ],
)
def test_quiet_hours_end_by_the_clock_on_the_wall_when_the_clocks_change(
    scene: Scene, evening: datetime, morning: datetime
) -> None:
    scene.group("one", timezone="Europe/Berlin", **QUIET)
    with frozen_at(evening):
        scene.tell("one", "good night")
        scene.send()
    scene.send_at(morning - timedelta(seconds=1))
    assert scene.texts("one") == []
    scene.send_at(morning)
    assert scene.texts("one") == ["good night"]


def test_what_is_held_for_the_morning_can_be_taken_back(scene: Scene) -> None:
    scene.group("one", timezone="Asia/Shanghai", **QUIET)
    with frozen_at(datetime(2026, 6, 1, 15, 0, tzinfo=UTC)):
        scene.tell("one", "a")
        scene.send()
        with transaction(scene.program.id):
            assert cancel(scene.program.id, ["one/a"]) == 1
    scene.send_at(datetime(2026, 6, 2, 0, 0, tzinfo=UTC))
    assert scene.texts("one") == []


def test_a_slow_chat_does_not_hold_up_the_others(scene: Scene) -> None:
    scene.group("slow")
    scene.group("quick")
    scene.server.scripts["slow"].append("hold")
    scene.tell("slow", "a")
    for number in range(3):
        scene.tell("quick", f"{number}", fold_key=None)
    Timer(1.0, scene.server.released.set).start()
    scene.send()
    slow = next(one for one in scene.server.book if one.chat == "slow")
    quick = [one for one in scene.server.book if one.chat == "quick"]
    assert len(quick) == 3
    assert quick[-1].at - slow.at < 0.9
    assert scene.statuses("slow") == ["sent"]


def test_what_is_left_when_the_time_is_over_is_published_again(scene: Scene) -> None:
    for number in range(5):
        scene.group(f"{number}")
        scene.tell(f"{number}", "a")
    lease_jobs(scene.program.id, "notices")
    scene.send(seconds=0)
    assert scene.server.book == []
    assert waiting_jobs(scene.program.id).count("delivery.send") == 2
    run_jobs(scene.program.id)
    assert len(scene.server.book) == 5


def test_a_picture_goes_along(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "look", image=b"\x89PNG\r\n\x1a\n")
    scene.send()
    assert scene.texts("one") == ["look"]
    with transaction(scene.program.id, read_only=True):
        hashed = scalar("SELECT image_hash FROM dispatches WHERE program_id = %(p)s", p=scene.program.id)
    assert hashed is not None
