"""The health of groups: refusals in a row pause one, exactly at the fifth and once, however they are told."""

from datetime import UTC, datetime, timedelta
from typing import Any

from community.groups.service import find_group, note_outcomes
from community.platforms.service import Outcome, Refused, Sent, Throttled, Unknown
from core.clock import now
from core.db import scalar, transaction
from tests.community.groups.chat import PlayedChat
from tests.community.groups.conftest import Desk, group_uuid, target
from tests.threads import together

REFUSED = Refused("not_allowed", "403")


def note(desk: Desk, group: dict[str, Any], *outcomes: Outcome, at: datetime | None = None) -> None:
    with transaction(desk.program.id):
        note_outcomes(desk.program.id, [(group_uuid(group), one, at or now()) for one in outcomes])


def test_five_refusals_in_a_row_pause_a_group_and_say_so(desk: Desk) -> None:
    group = desk.group()
    note(desk, group, *[REFUSED] * 3)
    note(desk, group, REFUSED)
    assert (desk.shown(group)["status"], desk.shown(group)["health"]["refusals_in_a_row"]) == ("active", 4)
    assert desk.events("group.paused") == []
    note(desk, group, REFUSED)
    shown = desk.shown(group)
    assert (shown["status"], shown["health"]["paused_reason"], shown["health"]["last_error"]) == (
        "paused", "refusals", "not_allowed",
    )  # fmt: skip
    assert desk.events("group.paused") == [{"group_id": str(group_uuid(group)), "reason": "refusals"}]
    note(desk, group, REFUSED)
    assert len(desk.events("group.paused")) == 1


def test_what_is_sent_in_between_starts_the_count_anew(desk: Desk) -> None:
    group = desk.group()
    note(desk, group, *[REFUSED] * 4, Sent(), REFUSED)
    note(desk, group, *[REFUSED] * 3)
    health = desk.shown(group)["health"]
    assert (desk.shown(group)["status"], health["refusals_in_a_row"]) == ("active", 4)
    note(desk, group, Sent())
    health = desk.shown(group)["health"]
    assert (health["refusals_in_a_row"], health["last_error"]) == (0, None)


def test_being_throttled_or_unsure_refuses_nothing(desk: Desk) -> None:
    group = desk.group()
    outcomes: list[Outcome] = [Throttled(3), Unknown("timed_out")]
    note(desk, group, *outcomes * 6)
    shown = desk.shown(group)
    assert (shown["status"], shown["health"]["refusals_in_a_row"], shown["health"]["last_error"]) == (
        "active", 0, "timed_out",
    )  # fmt: skip


def test_outcomes_told_late_do_not_move_the_last_sending_back(desk: Desk) -> None:
    group, at = desk.group(), datetime(2026, 3, 2, 12, tzinfo=UTC)
    note(desk, group, Sent(), at=at)
    note(desk, group, Sent(), at=at - timedelta(hours=1))
    assert desk.shown(group)["health"]["last_sent_at"] == "2026-03-02T12:00:00Z"


def test_many_who_tell_at_once_pause_once(desk: Desk) -> None:
    """Ten refusals from ten threads, over two groups in opposite orders: no deadlock, one pause of each."""
    one, two = desk.group(), desk.group(name="Coffee", target=target("-1002"))
    ids = [group_uuid(one), group_uuid(two)]

    def tell(order: list[Any]) -> None:
        with transaction(desk.program.id):
            note_outcomes(desk.program.id, [(group_id, REFUSED, now()) for group_id in order])

    together(desk.program.app, *[lambda n=n: tell(ids if n % 2 else ids[::-1]) for n in range(10)])
    assert len(desk.events("group.paused")) == 2
    for group in (one, two):
        shown = desk.shown(group)
        assert (shown["status"], shown["health"]["refusals_in_a_row"]) == ("paused", 10)


def test_a_resumed_group_has_its_five_again(desk: Desk) -> None:
    group = desk.group()
    note(desk, group, *[REFUSED] * 5)
    desk.operator.post(f"/v1/groups/{group['id']}/resume")
    note(desk, group, *[REFUSED] * 4)
    assert desk.shown(group)["status"] == "active"
    note(desk, group, REFUSED)
    assert desk.shown(group)["status"] == "paused"


def test_a_new_target_starts_the_count_anew(desk: Desk) -> None:
    group = desk.group()
    note(desk, group, *[REFUSED] * 4)
    desk.operator.patch(f"/v1/groups/{group['id']}", {"target": target("-1009")})
    note(desk, group, REFUSED)
    assert desk.shown(group)["status"] == "active"


def test_an_ended_group_is_not_paused(desk: Desk) -> None:
    group = desk.group()
    desk.operator.delete(f"/v1/groups/{group['id']}")
    note(desk, group, *[REFUSED] * 6)
    with transaction(desk.program.id):
        assert find_group(desk.program.id, group_uuid(group)).status == "ended"


def test_paused_groups_show_in_the_metrics(desk: Desk) -> None:
    group = desk.group()
    desk.operator.post(f"/v1/groups/{group['id']}/pause", {})
    shown = desk.program.anonymous.get("/metrics").text
    (line,) = [
        line for line in shown.splitlines() if line.startswith('banyan_groups{platform="telegram",status="paused"')
    ]
    assert float(line.rsplit(" ", 1)[1]) >= 1


def test_a_test_message_arrives_and_says_so(desk: Desk, chat: PlayedChat) -> None:
    group = desk.group(language="zh")
    answer = desk.operator.post(f"/v1/groups/{group['id']}/test-message")
    assert (answer.status_code, answer.json) == (200, {"outcome": "sent", "reason": None, "retry_after": None})
    assert chat.texts("-1001") == ["测试消息：本群已接通。"]
    assert desk.shown(group)["health"]["last_sent_at"] is not None


def test_a_test_message_says_why_it_was_not_sent(desk: Desk, chat: PlayedChat) -> None:
    group = desk.group()
    path = f"/v1/groups/{group['id']}/test-message"
    chat.refuse()
    chat.throttle(7)
    answers = [desk.operator.post(path).json for _ in range(2)]
    assert answers == [
        {"outcome": "refused", "reason": "not_allowed (403)", "retry_after": None},
        {"outcome": "throttled", "reason": None, "retry_after": 7},
    ]
    assert desk.shown(group)["health"]["refusals_in_a_row"] == 1


def test_a_test_message_asked_for_twice_under_one_key_is_sent_once(desk: Desk, chat: PlayedChat) -> None:
    path, headers = f"/v1/groups/{desk.group()['id']}/test-message", {"Idempotency-Key": "t-1"}
    first, second = (desk.operator.post(path, headers=headers) for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(chat.said) == 1
    other = f"/v1/groups/{desk.group(name='Coffee')['id']}/test-message"
    assert desk.operator.post(other, headers=headers).json["code"] == "idempotency_key_reused"  # type: ignore[index]
    assert len(chat.said) == 1


_IDLE_IN_TRANSACTION = """
  SELECT count(*) FROM pg_stat_activity
  WHERE datname = current_database() AND starts_with(state, 'idle in transaction')"""


def test_a_test_message_is_sent_outside_of_any_transaction(desk: Desk, chat: PlayedChat) -> None:
    group = desk.group()
    waiting: list[int] = []

    def look() -> None:
        with desk.program.app.app_context(), transaction(desk.program.id):
            waiting.append(scalar(_IDLE_IN_TRANSACTION))

    chat.before_answer = look
    assert desk.operator.post(f"/v1/groups/{group['id']}/test-message").json["outcome"] == "sent"  # type: ignore[index]
    assert waiting == [0]
