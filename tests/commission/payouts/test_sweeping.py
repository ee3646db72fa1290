"""Nothing is forgotten: lost claims, lost jobs, lost questions; and the lock under which nothing is sent."""

import time
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from commission.payouts import sweeping
from commission.payouts.calling import Deadline, call_all
from commission.payouts.claiming import claim, lease
from commission.payouts.lock import lock_payouts, remove_lock
from commission.payouts.rails.protocol import Paid, Unknown
from commission.payouts.rules import parse_key
from core.clock import frozen_at, now
from core.db import transaction
from core.jobs.registry import JOBS, SCHEDULES
from tests.commission.payouts import desk
from tests.jobs import run_jobs, waiting_jobs


def is_due(program):
    with transaction(program.id, read_only=True):
        return sweeping.has_due(program.id)


def test_the_jobs_are_registered(app):
    assert {"payouts.submit", "payouts.query", "payouts.sweep"} <= JOBS.keys()
    assert {JOBS[name].queue for name in ("payouts.submit", "payouts.query", "payouts.sweep")} == {"money"}
    assert SCHEDULES["payouts.sweep"].every <= timedelta(seconds=10)


def test_a_claim_whose_worker_died_is_found_when_its_lease_has_run_out(program, rail):
    payout_ids = desk.queued(program, 3)
    start = now()
    with frozen_at(start), transaction(program.id):
        assert len(claim(program.id, payout_ids)) == 3
    assert desk.statuses(program, payout_ids) == {"submitting"}
    with frozen_at(start + lease() - timedelta(seconds=1)):
        assert not is_due(program)
    with frozen_at(start + lease()):
        assert is_due(program)
        desk.sweep(program)
    # the rail never had it, and the lease is longer than any call: it goes out again at once
    assert desk.statuses(program, payout_ids) == {"paid"}
    assert desk.states(program, payout_ids[0])[-3:] == ["submitting", "unknown", "paid"]
    assert [one.attempts for one in desk.rows(program, payout_ids)] == [["paid"]] * 3
    desk.assert_books_agree(program)


def test_a_lost_job_only_makes_it_later(program, rail):
    payout_ids = desk.queued(program, 3)
    desk.forget_jobs(program)
    assert run_jobs(program.id) == []
    with frozen_at(now() + timedelta(minutes=6)):
        desk.sweep(program)
    assert desk.statuses(program, payout_ids) == {"paid"}


def test_a_lost_question_only_makes_it_later(program, rail):
    rail.after = lambda _request, _number: Unknown("timed_out")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    at = now() + timedelta(seconds=5)
    with frozen_at(at):
        with transaction(program.id):
            sweeping.sweep(program.id)
        desk.forget_jobs(program)
        assert not is_due(program)
    with frozen_at(at + timedelta(minutes=2)):
        desk.sweep(program)
    assert desk.row(program, payout_id).status == "paid"


def test_a_sweep_publishes_each_payout_once(program, rail):
    rail.after = lambda _request, _number: Unknown("timed_out")
    desk.queued(program, 60)
    run_jobs(program.id)
    with frozen_at(now() + timedelta(seconds=5)):
        for _ in range(3):
            with transaction(program.id):
                sweeping.sweep(program.id)
        assert waiting_jobs(program.id) == ["payouts.query"] * 2


def test_nothing_is_due_where_nothing_is_open(program, rail):
    (payout_id,) = desk.requested(program, desk.payees(program))
    with frozen_at(now() + timedelta(days=400)):
        assert not is_due(program)
    assert desk.row(program, payout_id).status == "requested"


def test_under_the_lock_nothing_is_sent_and_questions_go_on(program, rail):
    rail.after = lambda _request, _number: Unknown("timed_out")
    (asked,) = desk.queued(program)
    run_jobs(program.id)
    with transaction():
        lock_payouts({"reason": "test"})
    try:
        (waiting,) = desk.queued(program)
        run_jobs(program.id)
        with frozen_at(now() + timedelta(minutes=10)):
            desk.sweep(program)
        assert (desk.row(program, waiting).status, desk.row(program, asked).status) == ("queued", "paid")
        assert rail.sends.total() == 1
    finally:
        with transaction():
            remove_lock()
    with frozen_at(now() + timedelta(minutes=20)):
        desk.sweep(program)
    assert desk.row(program, waiting).status == "unknown"
    desk.settle(program)
    assert len(rail.book) == 2


def test_under_the_lock_nothing_is_sent_again_either(program, rail):
    rail.before = lambda _request, number: Unknown("http_500") if number == 1 else None
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    with transaction():
        lock_payouts({"reason": "test"})
    try:
        with frozen_at(now() + timedelta(minutes=10)):
            desk.sweep(program)
        assert (desk.row(program, payout_id).status, rail.sends.total()) == ("unknown", 1)
    finally:
        with transaction():
            remove_lock()
    desk.settle(program)
    assert (desk.row(program, payout_id).status, rail.sends.total()) == ("paid", 2)


def test_a_worker_that_slept_past_its_claim_sends_nothing_more():
    deadline = Deadline(timedelta(milliseconds=30))
    assert not deadline.is_over()
    time.sleep(0.05)
    assert deadline.is_over()
    called, outcomes = [], {}
    key = uuid4()
    call_all({key: lambda: called.append(1) or Paid("x")}, outcomes.update, deadline)
    assert (called, outcomes) == ([], {key: Unknown("too_late_to_send")})
    deadline.extend()
    assert not deadline.is_over()


def test_slow_calls_renew_the_claims_that_wait_behind_them(program, rail, app):
    """A batch that takes longer than one lease: nobody takes the claims that wait for their turn for lost."""
    moments = []

    def slow(request, _number):
        with app.app_context():
            moments.append(desk.row(program, parse_key(request.key)[0]).next_check_at - now())
        time.sleep(0.9)

    rail.before = slow
    settings = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(settings, rail_timeout_seconds=0.5)
    try:
        assert lease() < timedelta(seconds=2.5)
        payout_ids = desk.queued(program, 32)
        started = time.monotonic()
        run_jobs(program.id)
        assert time.monotonic() - started > lease().total_seconds()
    finally:
        app.config["SETTINGS"] = settings
    assert desk.statuses(program, payout_ids) == {"paid"}
    assert min(moments) > timedelta(0)


def test_when_recording_fails_no_further_call_begins():
    calls, keys = [], [uuid4() for _ in range(40)]

    def call():
        calls.append(1)
        time.sleep(0.1)
        return Paid("x")

    def fail(_outcomes):
        raise RuntimeError("the database is away")

    try:
        call_all(dict.fromkeys(keys, call), fail)
    except RuntimeError:
        pass
    else:
        raise AssertionError("the failure was swallowed")
    assert len(calls) < 40
