"""Digests: a day is told to a group once, by itself or when staff ask; figures are the group's or the program's."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from community.groups.digests import make_digest, tell_due
from community.groups.service import find_group
from core.auth.service import program_of
from core.clock import frozen_at, now
from core.db import transaction
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import TestProgram
from tests.community.boards.reading import follow
from tests.community.groups.conftest import Desk, group_uuid, target
from tests.community.groups.overlapping import overlapping
from tests.factories import LineBody, OrderBody
from tests.jobs import run_jobs
from tests.threads import together

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = "2026-03-02"


@pytest.fixture(autouse=True)
def clock() -> Any:
    with frozen_at(NOON):
        yield


@pytest.fixture
def busy(desk: Desk) -> Desk:
    """A day on which Bob, whom Ada brought, bought for 100.00 in one group and for 50.00 elsewhere."""
    desk.member("ada", name="Ada Lovelace")
    desk.member("bob", inviter_external_id="ada")
    for price, group_id in ((10_000, "tg-1"), (5_000, None)):
        items = [LineBody(sku="TEA", name="Sencha", unit_price=price)]
        body = OrderBody(customer_external_id="bob", paid_at=NOON.isoformat(), items=items, group_id=group_id)
        answer = desk.shop.post("/v1/orders", body)
        assert answer.status_code == 201, answer.text
    follow(desk.program)
    return desk


def ask(desk: Desk, group: dict[str, Any], day: str = TODAY) -> Any:
    return desk.operator.post(f"/v1/groups/{group['id']}/digests", {"day": day})


def told(desk: Desk, group: dict[str, Any]) -> list[str]:
    return [key for key, _ in desk.messages(group) if key.startswith("digest:")]


def test_anonymous_keys_and_strangers_are_refused(desk: Desk, other_program: TestProgram) -> None:
    path, body = f"/v1/groups/{desk.group()['id']}/digests", {"day": TODAY}
    assert desk.program.anonymous.post(path, body).status_code == 401
    assert desk.shop.post(path, body).status_code == 403
    assert other_program.staff("operator").post(path, body).status_code == 404


def test_a_digest_tells_the_programs_day(busy: Desk) -> None:
    group = busy.group(show_amounts=True)
    answer = ask(busy, group)
    assert answer.status_code == 202, answer.text
    text = answer.json["text"]
    assert "2 orders" in text
    assert "£150.00" in text
    assert "2 new members" in text
    assert "A∗∗" in text
    assert "Sencha × 2" in text
    assert busy.messages(group) == [(f"digest:{group_uuid(group)}:{TODAY}@{group_uuid(group)}", text)]


def test_what_came_back_is_not_told_as_sold(busy: Desk) -> None:
    items = [LineBody(sku="CUP", name="Cup", unit_price=1_000, quantity=3)]
    body = OrderBody(external_id="cups", paid_at=NOON.isoformat(), items=items, group_id="tg-1")
    assert busy.shop.post("/v1/orders", body).status_code == 201
    follow(busy.program)
    assert "Cup × 3\n- Sencha × 2" in ask(busy, busy.group()).json["text"]
    units = {"external_id": "r1", "refunded_at": NOON.isoformat(), "items": [{"sku": "CUP", "quantity": 2}]}
    assert busy.shop.post("/v1/orders/ext:cups/refunds", units).status_code == 201
    follow(busy.program)
    assert "Sencha × 2\n- Cup × 1" in ask(busy, busy.group(name="g2", target=target("-2"))).json["text"]
    with frozen_at(NOON + timedelta(days=1)):  # late, and told of the day that it was sold
        rest = {"external_id": "r2", "refunded_at": now().isoformat(), "amount": 1_000}
        assert busy.shop.post("/v1/orders/ext:cups/refunds", rest).status_code == 201
        follow(busy.program)
    text = ask(busy, busy.group(name="g3", target=target("-3"), scope="group", external_id="tg-1")).json["text"]
    assert "Sencha × 1" in text
    assert "Cup" not in text


def test_a_group_that_hears_of_itself_is_told_its_own_figures(busy: Desk) -> None:
    group = busy.group(external_id="tg-1", scope="group", show_amounts=True)
    busy.join(group, "bob")
    text = ask(busy, group).json["text"]
    assert "1 orders" in text
    assert "£100.00" in text
    assert "£150.00" not in text
    assert "1 new members" in text
    assert "Sencha × 1" in text


def test_coupons_of_the_day_are_in_it(desk: Desk) -> None:
    """By the day in their ids, which no test's clock sets."""
    with frozen_at(datetime.now(UTC)):
        desk = Desk(desk.program)  # tokens of this time
        coupon = {"name": "Spring tea", "kind": "amount", "amount": 500}
        assert desk.operator.post("/v1/coupons", coupon).status_code == 201
        text = ask(desk, desk.group(), str(now().date())).json["text"]
    assert "New coupons:\n- Spring tea" in text


def test_a_group_that_hides_amounts_is_told_none(busy: Desk) -> None:
    text = ask(busy, busy.group()).json["text"]
    assert "£" not in text
    assert "2 orders" in text


def test_a_digest_speaks_the_groups_language(busy: Desk) -> None:
    assert "日报：2 单" in ask(busy, busy.group(language="zh")).json["text"]


def test_a_day_is_told_once(busy: Desk) -> None:
    group = busy.group()
    first, second = ask(busy, group), ask(busy, group)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json == second.json
    assert len(told(busy, group)) == 1
    assert ask(busy, group, "2026-03-01").status_code == 202
    assert len(told(busy, group)) == 2


def test_a_day_that_is_asked_for_at_once_is_told_once(busy: Desk) -> None:
    group = busy.group()
    clients = [busy.program.staff("operator") for _ in range(4)]
    path = f"/v1/groups/{group['id']}/digests"
    answers = together(busy.program.app, *[lambda one=one: one.post(path, {"day": TODAY}) for one in clients])
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 202]
    assert len(told(busy, group)) == 1


def test_who_comes_while_another_tells_does_not_tell(busy: Desk) -> None:
    group = busy.group()
    program_id = busy.program.id

    def make() -> bool:
        _, is_new = make_digest(program_of(program_id), find_group(program_id, group_uuid(group)), NOON.date())
        return is_new

    assert overlapping(busy.program.app, program_id, make, make) == (True, False)
    assert len(told(busy, group)) == 1


def test_tomorrow_has_no_digest_and_a_paused_group_gets_none(busy: Desk) -> None:
    group = busy.group()
    answer = ask(busy, group, "2026-03-03")
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/day")
    busy.operator.post(f"/v1/groups/{group['id']}/pause", {})
    assert (ask(busy, group).status_code, told(busy, group)) == (409, [])
    busy.operator.post(f"/v1/groups/{group['id']}/resume")
    assert ask(busy, group).status_code == 202


def test_an_erased_seller_is_in_no_digest_any_more(busy: Desk) -> None:
    group = busy.group()
    assert "A∗∗" in ask(busy, group).json["text"]
    busy.shop.post("/v1/members/ext:ada/erasure")
    assert ask(busy, group).json["text"] is None


def tick(desk: Desk, at: datetime) -> None:
    with frozen_at(at):
        publish_where_due(desk.program.id, [SCHEDULES["groups.digest"]])
        run_jobs(desk.program.id, queues=("notices",))


def test_digests_come_by_themselves_once_a_day(desk: Desk) -> None:
    group = desk.group(digest_at="20:00", timezone="Asia/Shanghai")  # noon in UTC
    for minutes in (-1, 0, 1, 60, 24 * 60, 24 * 60 + 1):
        tick(desk, NOON + timedelta(days=1, minutes=minutes))
    assert told(desk, group) == [
        f"digest:{group_uuid(group)}:{day}@{group_uuid(group)}" for day in ("2026-03-03", "2026-03-04")
    ]


def test_a_morning_digest_tells_of_the_day_before(desk: Desk) -> None:
    group = desk.group(digest_at="08:00")
    tick(desk, NOON + timedelta(hours=20))
    assert told(desk, group) == [f"digest:{group_uuid(group)}:{TODAY}@{group_uuid(group)}"]


def test_a_digest_that_is_late_is_left_out(desk: Desk) -> None:
    group = desk.group(digest_at="13:00")
    tick(desk, NOON + timedelta(hours=4))
    assert told(desk, group) == []
    tick(desk, NOON + timedelta(hours=25))
    assert len(told(desk, group)) == 1


def test_two_schedulers_and_four_workers_tell_once(desk: Desk) -> None:
    groups = [desk.group(name=f"g{n}", target=target(f"-{n + 1}"), digest_at="13:00") for n in range(5)]
    with frozen_at(NOON + timedelta(hours=1)):
        together(desk.program.app, *[
            lambda: publish_where_due(desk.program.id, [SCHEDULES["groups.digest"]])
        ] * 2)  # fmt: skip
        together(desk.program.app, *[lambda: _tell_now(desk)] * 4)
        run_jobs(desk.program.id, queues=("notices",))
    assert [len(told(desk, group)) for group in groups] == [1] * 5


def _tell_now(desk: Desk) -> None:
    with transaction(desk.program.id):
        tell_due(program_of(desk.program.id), most=2)


def test_a_worker_that_dies_in_the_middle_tells_nothing_and_the_next_one_tells_it(desk: Desk) -> None:
    group = desk.group(digest_at="13:00")
    at = NOON + timedelta(hours=1)
    with frozen_at(at), pytest.raises(_KillError):
        _tell_and_die(desk)
    assert told(desk, group) == []
    tick(desk, at)
    assert len(told(desk, group)) == 1


class _KillError(Exception):
    pass


def _tell_and_die(desk: Desk) -> None:
    with transaction(desk.program.id):
        assert tell_due(program_of(desk.program.id)) == 1
        raise _KillError


def test_asked_for_before_it_is_due_it_is_not_told_again(desk: Desk) -> None:
    group = desk.group(digest_at="13:00")
    assert ask(desk, group).status_code == 202
    tick(desk, NOON + timedelta(hours=1))
    assert len(told(desk, group)) == 1


def test_another_time_moves_the_next_one(desk: Desk) -> None:
    group = desk.group(digest_at="13:00")
    desk.operator.patch(f"/v1/groups/{group['id']}", {"digest_at": "14:00"})
    tick(desk, NOON + timedelta(hours=1))
    assert told(desk, group) == []
    tick(desk, NOON + timedelta(hours=2))
    assert len(told(desk, group)) == 1
    desk.operator.patch(f"/v1/groups/{group['id']}", {"digest_at": None})
    tick(desk, NOON + timedelta(hours=26))
    assert len(told(desk, group)) == 1


def test_a_paused_group_is_told_nothing_late(desk: Desk) -> None:
    group = desk.group(digest_at="13:00")
    desk.operator.post(f"/v1/groups/{group['id']}/pause", {})
    tick(desk, NOON + timedelta(hours=1))
    desk.operator.post(f"/v1/groups/{group['id']}/resume")
    tick(desk, NOON + timedelta(hours=8))
    assert told(desk, group) == []
    tick(desk, NOON + timedelta(hours=25))
    assert told(desk, group) == [f"digest:{group_uuid(group)}:{date(2026, 3, 3)}@{group_uuid(group)}"]
