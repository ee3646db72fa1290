"""Settlement: each reward is given once, whatever is killed, repeated or done by two; nobody gets what is not his."""

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from community.activities import moving, paying, settling
from community.activities.holding import blank_part, insert_parts, note_members
from core.clock import frozen_at
from core.db import execute, fetch_all, scalar, transaction
from tests.clients import TestProgram
from tests.commission.orders.conftest import Shop
from tests.community.activities.stage import (
    AFTER,
    CASH,
    CASH_BUDGET,
    NOON,
    POINTS,
    Stage,
    Sum,
    uuid_of,
)  # fmt: skip
from tests.coupons.vouchers.offering import make_coupon
from tests.coupons.vouchers.quantities import assert_quantities
from tests.factories import seed_members, set_member
from tests.jobs import deliver_now, lease_jobs
from tests.threads import together

RICH = {"currency": "GBP", "amount": 10**9}


class CrashError(Exception):
    """The process dies before its commit."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few members already take several chunks."""
    monkeypatch.setattr(settling, "CHUNK", 3)
    monkeypatch.setattr(paying, "CHUNK", 4)


def seed_check_ins(stage: Stage, activity: dict[str, Any], members: Sequence[UUID]) -> None:
    """Each member checked in on the first day."""
    activity_id = uuid_of("act", activity["id"])
    for start in range(0, len(members), 10_000):
        chunk = members[start : start + 10_000]
        with transaction(stage.program.id):
            note_members(stage.program.id, activity_id, chunk, NOON)
            parts = [blank_part(activity_id, one, f"day:{NOON.date()}", "counted", NOON.date(), NOON) for one in chunk]
            insert_parts(stage.program.id, parts)


def paid_once(stage: Stage, activity: dict[str, Any], members: Sequence[UUID], amount: int) -> None:
    """By the ledger itself: every member has the amount, from one entry each; the rest went back."""
    with transaction(stage.program.id, read_only=True):
        rows = fetch_all(
            Sum,
            """SELECT member_id::text, sum(amount)::bigint FROM ledger_postings
               WHERE program_id = %(p)s AND account = 'member_available' AND member_id IS NOT NULL
               GROUP BY member_id""",
            p=stage.program.id,
        )  # fmt: skip
        entries = scalar(
            "SELECT count(*) FROM ledger_transactions WHERE program_id = %(p)s AND kind = 'activity.rewarded'",
            p=stage.program.id,
        )  # fmt: skip
    assert dict(rows) == {str(one): amount for one in members}
    assert entries == len(members)
    shown = stage.show(activity)
    total = len(members) * amount
    assert (shown["status"], shown["progress"]["rewards"]) == ("settled", {"paid": len(members)})
    assert (shown["progress"]["rewarded"], shown["budget"]["returned"]) == (total, shown["budget"]["amount"] - total)
    assert stage.books() == {"campaign_expense": -total, "member_available": total}
    assert len(stage.events("activity.settled")) == 1


def die(*, if_so: bool) -> None:
    if if_so:
        raise CrashError


def steps_of(stage: Stage, activity: dict[str, Any], *, crash: bool = False) -> bool:
    """Each kind of step once, each in a transaction; whether the activity is settled."""
    program, activity_id = stage.program.now(), uuid_of("act", activity["id"])
    for step in (
        lambda: moving.advance(program),
        lambda: settling.settle_chunk(program, activity_id),
        lambda: paying.pay_chunk(program),
    ):
        for dies in (True, False) if crash else (False,):
            try:
                with transaction(program.id):
                    step()
                    die(if_so=dies)
            except CrashError:
                continue
    with transaction(program.id, read_only=True):
        status = scalar(
            "SELECT status FROM activities WHERE program_id = %(p)s AND id = %(id)s", p=program.id, id=activity_id
        )  # fmt: skip
    return bool(status == "settled")


@pytest.mark.usefixtures("small")
def test_a_crash_before_each_commit_changes_nothing(stage: Stage) -> None:
    activity = stage.run(reward=CASH, budget=RICH)
    members = seed_members(stage.program, 10)
    seed_check_ins(stage, activity, members)
    with frozen_at(AFTER):
        rounds = 0
        while not steps_of(stage, activity, crash=True):
            rounds += 1
            assert rounds < 20
        assert rounds >= 3, "it took several chunks"
        paid_once(stage, activity, members, 250)
        stage.assert_sound()


@pytest.mark.usefixtures("small")
def test_a_crash_after_each_commit_is_a_repeat(stage: Stage) -> None:
    """The worker dies when its work is committed: every delivery comes again, late and twice."""
    activity = stage.run(reward=CASH, budget=RICH)
    members = seed_members(stage.program, 10)
    seed_check_ins(stage, activity, members)
    with frozen_at(AFTER):
        for _ in range(30):
            stage.publish("activities.advance", "activities.settle", "activities.pay")
            for delivery in lease_jobs(stage.program.id, "money", most=5):
                for _again in range(3):
                    deliver_now(delivery)
            if stage.show(activity)["status"] == "settled":
                break
        stage.sweep()
        paid_once(stage, activity, members, 250)
        stage.assert_sound()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("reward", [CASH, POINTS])
def test_two_workers_settle_it_once(stage: Stage, reward: dict[str, Any]) -> None:
    budget = RICH if reward is CASH else {"currency": "PTS", "amount": 10**6}
    activity = stage.run(reward=reward, budget=budget)
    members = seed_members(stage.program, 40)
    seed_check_ins(stage, activity, members)

    def work() -> int:
        with frozen_at(AFTER):
            for turns in range(60):
                if steps_of(stage, activity):
                    return turns
        raise AssertionError("it is not settled")

    with frozen_at(AFTER):
        together(stage.program.app, *[work] * 4)
        assert stage.show(activity)["progress"]["rewards"] == {"paid": 40}
        if reward is CASH:
            paid_once(stage, activity, members, 250)
        else:
            assert {stage.points(f"m-{number}") for number in range(40)} == {10}
            assert stage.show(activity)["budget"]["returned"] == 10**6 - 400
        stage.assert_sound()


def killed_until_settled(
    stage: Stage, environment: dict[str, str], activity: dict[str, Any], *, chunk: int, kills: int, patience: float
) -> int:
    """Start the worker and kill -9 it somewhere, so many times; then let it end. How many were killed at work."""
    chance, killed, at = random.Random(11), 0, AFTER  # noqa: S311 -- the same accidents every time
    for _ in range(kills):
        worker = _worker(stage.program, environment, at, chunk)
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
        try:
            worker.wait(chance.uniform(0.02, patience))
        except subprocess.TimeoutExpired:
            worker.kill()
            killed += 1
        worker.wait()
        at += timedelta(minutes=30)  # the leases of the dead run out
    last = _worker(stage.program, environment, at, chunk)
    assert last.wait(600) == 0
    return killed


def _worker(program: TestProgram, environment: dict[str, str], at: datetime, chunk: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.community.activities.settling_worker", str(program.id), at.isoformat()]
    return subprocess.Popen([*command, str(chunk)], env=environment, stdout=subprocess.PIPE)


def test_it_goes_on_after_kill_9(stage: Stage, database_environment: dict[str, str]) -> None:
    activity = stage.run(reward=CASH, budget=RICH)
    members = seed_members(stage.program, 2000)
    seed_check_ins(stage, activity, members)
    killed = killed_until_settled(stage, database_environment, activity, chunk=50, kills=3, patience=0.5)
    assert killed >= 2
    with frozen_at(AFTER):
        paid_once(stage, activity, members, 250)
        stage.assert_sound()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_thousand_are_settled_once_though_killed(
    stage: Stage, database_environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    activity = stage.run(reward=CASH, budget=RICH)
    members = seed_in_chunks(stage, 100_000)
    seed_check_ins(stage, activity, members)
    started = time.perf_counter()
    killed = killed_until_settled(stage, database_environment, activity, chunk=1000, kills=6, patience=8)
    seconds = time.perf_counter() - started
    assert killed >= 4
    with capsys.disabled():
        print(f"\n100,000 participants settled in {seconds:.0f} s with {killed} kills")
    with frozen_at(AFTER):
        paid_once(stage, activity, members, 250)
        stage.assert_sound()


def seed_in_chunks(stage: Stage, count: int) -> list[UUID]:
    chunks = [seed_members(stage.program, 5000, prefix=f"m{number}") for number in range(count // 5000)]
    return [one for chunk in chunks for one in chunk]


@pytest.mark.parametrize("columns", [{"status": "suspended"}, {"status": "erased"}])
def test_who_is_not_active_at_the_end_gets_nothing(stage: Stage, columns: dict[str, str]) -> None:
    activity = stage.run(reward=CASH, budget=CASH_BUDGET)
    members = seed_members(stage.program, 2)
    seed_check_ins(stage, activity, members)
    set_member(stage.program, members[0], **columns)
    with frozen_at(AFTER):
        stage.settle(activity)
        assert stage.available("m-1") == 250
        assert refused(stage, activity) == ["member_not_active"]
    assert stage.books() == {"campaign_expense": -250, "member_available": 250}


def refused(stage: Stage, activity: dict[str, Any]) -> list[str]:
    return [one["reason"] for one in stage.rewards(activity, status="refused")]


def test_who_is_not_enrolled_takes_no_part_and_gets_nothing(stage: Stage) -> None:
    members = seed_members(stage.program, 3)
    activity = stage.run(reward=CASH, budget=CASH_BUDGET)
    seed_check_ins(stage, activity, members[:2])
    Shop(stage.program).settings(enrolment="application")
    set_member(stage.program, members[1], enrolment="enrolled")
    answer: Any = stage.join(activity, "m-2")
    assert (answer.status_code, answer.json["code"]) == (409, "member_not_eligible")
    with frozen_at(AFTER):
        stage.settle(activity)
        assert [stage.available(name) for name in ("m-0", "m-1")] == [0, 250]
        assert refused(stage, activity) == ["member_not_enrolled"]


def test_coupons_are_claimed_as_far_as_they_go(stage: Stage) -> None:
    operator = stage.program.staff("operator")
    coupon = make_coupon(operator, total_quantity=3, per_customer_limit=1)
    activity = stage.run(reward={"kind": "coupon", "coupon_id": coupon["id"]})
    seed_check_ins(stage, activity, seed_members(stage.program, 5))
    with frozen_at(AFTER):
        shown = stage.settle(activity)
    assert shown["progress"]["rewards"] == {"paid": 3, "refused": 2}
    assert refused(stage, activity) == ["sold_out", "sold_out"]
    assert assert_quantities(stage.program, coupon)[1:] == (0, 3, 0)


def test_several_coupons_of_one_member(stage: Stage) -> None:
    operator = stage.program.staff("operator")
    coupon = make_coupon(operator, per_customer_limit=2)
    reward = {"kind": "coupon", "coupon_id": coupon["id"], "pay": "at_once"}
    activity = stage.run(reward=reward)
    seed_members(stage.program, 1)
    for day in range(3):
        with frozen_at(NOON + timedelta(days=day)):
            stage.take_part(activity, "m-0")
    stage.sweep()
    assert stage.show(activity)["progress"]["rewards"] == {"paid": 2, "refused": 1}
    assert refused(stage, activity) == ["limit_reached"]


def test_a_coupon_that_is_over_refuses_all(stage: Stage) -> None:
    operator = stage.program.staff("operator")
    coupon = make_coupon(operator)
    activity = stage.run(reward={"kind": "coupon", "coupon_id": coupon["id"]})
    seed_check_ins(stage, activity, seed_members(stage.program, 2))
    operator.patch(f"/v1/coupons/{coupon['id']}", {"status": "ended"})
    with frozen_at(AFTER):
        assert stage.settle(activity)["progress"]["rewards"] == {"refused": 2}
    assert refused(stage, activity) == ["ended", "ended"]


def test_the_database_makes_a_reward_once(stage: Stage) -> None:
    activity = stage.run(reward=CASH, budget=CASH_BUDGET)
    seed_check_ins(stage, activity, seed_members(stage.program, 1))
    with frozen_at(AFTER):
        stage.settle(activity)
    with pytest.raises(Exception, match="uq_activity_rewards_occasion"), transaction(stage.program.id):
        execute(
            """INSERT INTO activity_rewards (program_id, id, activity_id, member_id, occasion, kind, amount, status,
                                             created_at)
               SELECT program_id, gen_random_uuid(), activity_id, member_id, occasion, kind, amount, 'due', created_at
               FROM activity_rewards WHERE program_id = %(p)s""",
            p=stage.program.id,
        )  # fmt: skip


def test_an_audit_sees_a_budget_that_lost_something(stage: Stage) -> None:
    stage.run(reward=CASH, budget=CASH_BUDGET)
    with transaction(stage.program.id):
        execute(
            "UPDATE activity_budgets SET left_amount = left_amount - 1 WHERE program_id = %(p)s", p=stage.program.id
        )
    details = {one["detail"] for one in stage.problems() if one["check"] == "activities"}
    assert details == {
        "Its budget should have 100000 and has 99999.",
        "Budgets have 99999 left, the account has 100000.",
    }
