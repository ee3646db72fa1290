"""Sending: what a rail says, whatever it says, ends in one state and one entry, and never in two payments."""

from datetime import timedelta

import pytest

from commission.payouts import submitting
from commission.payouts.approval import SEAL
from commission.payouts.rails.protocol import Failed, NotFound, Paid, Processing, Returned, Throttled, Unknown
from core.clock import frozen_at, now
from core.db import execute, transaction
from tests.commission.payouts import desk
from tests.commission.payouts.desk import AMOUNT
from tests.factories import set_member
from tests.jobs import deliver_now, lease_jobs, run_jobs


def test_a_queued_payout_is_paid_once(program, rail):
    (payout_id,) = desk.queued(program)
    assert run_jobs(program.id) == ["payouts.submit"]
    assert desk.row(program, payout_id).status == "paid"
    assert desk.balance_of_payout(program, payout_id) == (0, 0, 0, AMOUNT)
    assert desk.states(program, payout_id) == ["requested", "approved", "queued", "submitting", "paid"]
    assert len(rail.book) == 1
    desk.assert_books_agree(program)


def test_many_payouts_go_out_in_batches_and_each_is_in_the_book_once(program, rail):
    payout_ids = desk.queued(program, 120)
    assert run_jobs(program.id) == ["payouts.submit"] * 3
    assert desk.statuses(program, payout_ids) == {"paid"}
    assert (len(rail.book), set(rail.sends.values())) == (120, {1})
    desk.assert_books_agree(program)


def test_a_job_delivered_twice_sends_once(program, rail):
    desk.queued(program, 3)
    (delivery,) = lease_jobs(program.id, "money")
    deliver_now(delivery)
    deliver_now(delivery)
    assert set(rail.sends.values()) == {1}
    desk.assert_books_agree(program)


def test_the_same_payouts_in_another_job_are_not_sent_again(program, rail):
    payout_ids = desk.queued(program, 3)
    run_jobs(program.id)
    submitting.submit(program.id, payout_ids)
    assert set(rail.sends.values()) == {1}


def test_a_definite_failure_gives_the_money_back_at_once(program, rail):
    rail.before = lambda _request, _number: Failed("account_closed")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    row = desk.row(program, payout_id)
    assert (row.status, row.failure, row.attempts, row.next_check_at) == ("failed", "account_closed", ["failed"], None)
    assert desk.balance_of_payout(program, payout_id) == (0, AMOUNT, 0, 0)
    desk.assert_books_agree(program)


def test_an_unknown_answer_keeps_the_money_reserved_and_is_asked_about(program, rail):
    rail.after = lambda _request, _number: Unknown("timed_out")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    assert desk.row(program, payout_id).status == "unknown"
    assert desk.balance_of_payout(program, payout_id) == (0, 0, AMOUNT, 0)
    desk.settle(program)
    assert desk.row(program, payout_id).status == "paid"
    assert rail.sends.total() == 1
    desk.assert_books_agree(program)


def test_what_the_rail_never_had_is_sent_again_under_the_same_key_and_body(program, rail):
    rail.before = lambda _request, number: Unknown("http_500") if number == 1 else None
    (payout_id,) = desk.queued(program)
    desk.settle(program)
    assert desk.row(program, payout_id).status == "paid"
    assert (len(rail.book), rail.sends.total()) == (1, 2)
    assert desk.row(program, payout_id).attempts == ["paid"]
    desk.assert_books_agree(program)


def test_not_found_is_not_sent_again_while_the_first_call_may_be_on_its_way(program, rail):
    rail.before = lambda _request, number: Unknown("timed_out") if number == 1 else None
    desk.queued(program)
    start = now()
    with frozen_at(start):
        run_jobs(program.id)
    with frozen_at(start + timedelta(seconds=3)):
        desk.sweep(program)
    assert (rail.queries.total(), rail.sends.total()) == (1, 1)


def test_what_the_rail_had_accepted_and_then_does_not_know_waits_for_a_person(program, rail):
    rail.fate = lambda request: Processing(request.key)
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    rail.on_query = lambda _key, _number: NotFound()
    for hours in range(1, 6):
        with frozen_at(now() + timedelta(hours=hours)):
            desk.sweep(program)
    assert (desk.row(program, payout_id).status, rail.sends.total()) == ("unknown", 1)


def test_past_the_rails_window_nothing_is_sent_again(program, rail):
    rail.capabilities = rail.capabilities.__class__(32, 30, 7)
    rail.before = lambda _request, _number: Unknown("http_500")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    with frozen_at(now() + timedelta(days=7, minutes=1)):
        desk.sweep(program)
    assert (desk.row(program, payout_id).status, rail.sends.total(), rail.queries.total()) == ("unknown", 1, 1)


def test_processing_for_ever_is_asked_about_ever_more_rarely_and_stays_reserved(program, rail):
    rail.fate = lambda request: Processing(request.key)
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    at, waits = now(), []
    for _ in range(14):
        due = desk.row(program, payout_id).next_check_at
        waits.append((due - at).total_seconds())
        at = due + timedelta(seconds=1)
        with frozen_at(at):
            desk.sweep(program)
    assert waits[-1] == pytest.approx(3600, abs=2)
    assert waits == sorted(waits)
    assert desk.row(program, payout_id).status == "processing"
    assert desk.balance_of_payout(program, payout_id) == (0, 0, AMOUNT, 0)


def test_waiting_for_the_payee_shows_what_he_needs(program, rail):
    rail.fate = lambda request: Processing(request.key, payee_action="confirm-me")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    shown = desk.shown(program.client, payout_id)
    assert (shown["status"], shown["payee_action"]) == ("awaiting_payee", "confirm-me")
    rail.fate = lambda request: Paid(request.key)
    desk.settle(program)
    shown = desk.shown(program.client, payout_id)
    assert (shown["status"], shown["payee_action"]) == ("paid", None)


def test_what_comes_back_after_it_was_paid_is_available_again(program, rail):
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    rail.fate = lambda _request: Returned("account_closed")
    with frozen_at(now() + timedelta(seconds=11)):
        desk.sweep(program)
    assert desk.states(program, payout_id)[-2:] == ["paid", "returned"]
    assert desk.row(program, payout_id).attempts == ["returned"]
    assert desk.balance_of_payout(program, payout_id) == (0, AMOUNT, 0, 0)
    desk.assert_books_agree(program)


def test_what_came_back_before_anybody_saw_it_paid_passes_through_paid(program, rail):
    rail.fate = lambda _request: Returned("no_such_account")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    assert desk.states(program, payout_id)[-3:] == ["submitting", "paid", "returned"]
    assert desk.balance_of_payout(program, payout_id) == (0, AMOUNT, 0, 0)
    desk.assert_books_agree(program)


def test_a_paid_payout_is_watched_for_a_month_and_then_let_be(program, rail):
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    for _ in range(20):
        due = desk.row(program, payout_id).next_check_at
        if due is None:
            break
        with frozen_at(due):
            desk.sweep(program)
    assert (desk.row(program, payout_id).next_check_at, rail.queries.total()) == (None, 9)


def test_a_throttled_call_goes_again_under_the_same_key_when_the_rail_says_so(program, rail):
    at = now()
    rail.before = lambda _request, number: Throttled(at + timedelta(seconds=30)) if number == 1 else None
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    assert (desk.row(program, payout_id).status, desk.row(program, payout_id).attempts) == ("queued", ["open"])
    assert run_jobs(program.id) == []
    with frozen_at(at + timedelta(seconds=31)):
        run_jobs(program.id)
    assert (desk.row(program, payout_id).status, desk.row(program, payout_id).attempts) == ("paid", ["paid"])
    assert (len(rail.book), rail.sends.total()) == (1, 2)
    desk.assert_books_agree(program)


def test_a_key_the_rail_holds_with_another_body_is_never_sent_again(program, rail):
    rail.before = lambda _request, _number: Unknown("key_conflict")
    rail.on_query = lambda _key, _number: Unknown("contradictory_amount")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    for hours in range(1, 4):
        with frozen_at(now() + timedelta(hours=hours)):
            desk.sweep(program)
    row = desk.row(program, payout_id)
    assert (row.status, row.failure, rail.sends.total()) == ("unknown", "key_conflict", 1)


def test_a_rail_that_raises_leaves_the_payout_unknown(program, rail):
    def broken(_request, _number):
        raise ValueError("a defect of the adapter")

    rail.after = broken
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    assert (desk.row(program, payout_id).status, desk.row(program, payout_id).failure) == ("unknown", "adapter_error")


def test_a_late_answer_of_a_slow_worker_still_counts(program, rail):
    """The sweep gave the worker up; then his answer arrives after all."""

    def slow(_request, _number):
        with frozen_at(now() + timedelta(minutes=5)), program.app.app_context():
            desk.sweep(program)

    rail.before = slow
    rail.on_query = lambda _key, _number: Unknown("timed_out")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    assert desk.states(program, payout_id)[-3:] == ["submitting", "unknown", "paid"]
    desk.assert_books_agree(program)


def test_a_failure_after_paid_changes_nothing(program, rail):
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    rail.fate = lambda _request: Failed("closed")
    with frozen_at(now() + timedelta(seconds=11)):
        desk.sweep(program)
    assert desk.row(program, payout_id).status == "paid"
    desk.assert_books_agree(program)


def test_without_its_rail_a_payout_stays_queued(program, rail):
    (payout_id,) = desk.queued(program)
    with transaction(program.id):
        execute("UPDATE payouts SET rail = 'pigeon' WHERE program_id = %(p)s", p=program.id)
        execute(
            f"""UPDATE payouts p SET seal = {SEAL} FROM payout_methods m
                WHERE p.program_id = %(p)s AND m.program_id = %(p)s AND m.id = p.method_id""",
            p=program.id,
        )
    run_jobs(program.id, may_fail=True)
    assert (desk.row(program, payout_id).status, desk.row(program, payout_id).attempts) == ("queued", [])


@pytest.mark.parametrize("member_status", ["suspended", "erased"])
def test_a_member_who_is_not_paid_any_more_is_not_sent_money(program, rail, member_status):
    (payout_id,) = desk.queued(program)
    set_member(program, desk.row(program, payout_id).member_id, status=member_status)
    run_jobs(program.id)
    assert (desk.row(program, payout_id).status, desk.row(program, payout_id).failure) == ("failed", "member_suspended")
    assert desk.balance_of_payout(program, payout_id) == (0, AMOUNT, 0, 0)
    assert not rail.sends
    desk.assert_books_agree(program)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE payout_methods SET account = account_name WHERE program_id = %(p)s", "account_unreadable"),
        ("UPDATE payout_methods SET account = 'x:AAAA' WHERE program_id = %(p)s", "account_unreadable"),
        ("UPDATE payout_methods SET account = NULL WHERE program_id = %(p)s", "account_unreadable"),
        ("UPDATE payout_methods SET deleted_at = created_at WHERE program_id = %(p)s", "method_deleted"),
    ],
)
def test_without_its_method_a_payout_fails_before_it_is_sent(program, rail, change, reason):
    (payout_id,) = desk.queued(program)
    with transaction(program.id):
        execute(change, p=program.id)
    run_jobs(program.id)
    assert (desk.row(program, payout_id).status, desk.row(program, payout_id).failure) == ("failed", reason)
    assert not rail.sends
    assert desk.balance_of_payout(program, payout_id) == (0, AMOUNT, 0, 0)
    desk.assert_books_agree(program)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE payouts SET amount = amount + 1, net = net + 1 WHERE program_id = %(p)s AND id = %(id)s",
        "UPDATE payouts SET currency = 'JPY' WHERE program_id = %(p)s AND id = %(id)s",
        "UPDATE payouts SET seal = NULL WHERE program_id = %(p)s AND id = %(id)s",
        """UPDATE payout_methods m SET fingerprint = '\\x00' FROM payouts p
           WHERE m.program_id = %(p)s AND p.program_id = %(p)s AND p.id = %(id)s AND m.id = p.method_id""",
    ],
)
def test_what_is_not_what_was_approved_is_not_sent_and_holds_nobody_up(program, rail, tampering):
    tampered, sound = desk.queued(program, 2)
    with transaction(program.id):
        execute(tampering, p=program.id, id=tampered)
    run_jobs(program.id)
    row = desk.row(program, tampered)
    assert (row.status, row.failure, row.attempts) == ("queued", "changed_after_approval", [])
    assert desk.row(program, sound).status == "paid"
    assert len(rail.book) == 1
