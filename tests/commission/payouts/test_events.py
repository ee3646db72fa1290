"""What payouts tell the event log: asked for, paid, failed, returned; each once, whoever says it how often."""

from commission.payouts import outcomes
from commission.payouts.outcomes import Answer
from commission.payouts.rails.protocol import Failed, Paid, Returned
from commission.payouts.service import release
from core.db import transaction
from tests.commission.payouts import desk
from tests.commission.payouts.desk import AMOUNT
from tests.factories import set_member
from tests.jobs import deliver_now, lease_jobs, run_jobs
from tests.telling import facts_of, forget, kinds_of, told


def facts(program, payout_id):
    row = desk.row(program, payout_id)
    return {
        "payout_id": str(payout_id), "member_id": str(row.member_id), "amount": AMOUNT, "net": AMOUNT,
        "currency": "GBP",
    }  # fmt: skip


def test_a_withdrawal_is_told_when_it_is_requested(program):
    member_ids = desk.payees(program)
    forget(program)
    (payout_id,) = desk.requested(program, member_ids)
    assert [(event.kind, event.facts) for event in told(program)] == [
        (
            "withdrawal.requested",
            {"payout_id": str(payout_id), "member_id": str(member_ids[0]), "amount": AMOUNT},
        )
    ]


def test_a_paid_one_is_told_once_however_often_the_rail_says_so(program, rail):
    (payout_id,) = desk.queued(program)
    forget(program)
    (delivery,) = lease_jobs(program.id, "money")
    deliver_now(delivery)
    deliver_now(delivery)
    with transaction(program.id):
        outcomes.record(program.id, [Answer(payout_id, 1, "query", Paid("ref"))])
    assert [(event.kind, event.facts) for event in told(program)] == [("payout.paid", facts(program, payout_id))]


def test_a_failed_one_is_told(program, rail):
    rail.before = lambda _request, _number: Failed("account_closed")
    (payout_id,) = desk.queued(program)
    forget(program)
    run_jobs(program.id)
    assert [(event.kind, event.facts) for event in told(program)] == [("payout.failed", facts(program, payout_id))]


def test_one_that_is_not_sent_after_all_has_failed(program, rail):
    (payout_id,) = desk.queued(program)
    forget(program)
    set_member(program, desk.row(program, payout_id).member_id, status="suspended")
    run_jobs(program.id)
    assert [(event.kind, event.facts) for event in told(program)] == [("payout.failed", facts(program, payout_id))]


def test_one_that_came_back_is_told_as_paid_and_as_returned(program, rail):
    rail.before = lambda _request, _number: Returned("bounced")
    (payout_id,) = desk.queued(program)
    forget(program)
    run_jobs(program.id)
    assert [event.kind for event in told(program)] == ["payout.paid", "payout.returned"]
    assert facts_of(program) == [facts(program, payout_id)] * 2


def test_many_outcomes_are_told_each(program, rail):
    payout_ids = desk.queued(program, 30)
    forget(program)
    run_jobs(program.id)
    assert sorted(one["payout_id"] for one in facts_of(program, "payout.paid")) == sorted(map(str, payout_ids))


def test_what_is_canceled_or_rejected_is_no_failure(program):
    payout_ids = desk.requested(program, desk.payees(program, 2))
    forget(program)
    with transaction(program.id):
        release(program.id, payout_ids[:1], "canceled", "no", None)
        release(program.id, payout_ids[1:], "rejected", "no", None)
    assert kinds_of(program) == []


def test_one_paid_by_hand_is_told_once(program):
    (payout_id,) = desk.queued(program, kind="manual")
    forget(program)
    finance = program.staff("finance")
    path = f"/v1/payouts/{desk.public_id('pay', payout_id)}/mark-paid"
    assert finance.post(path, {"voucher": "V-1"}).status_code == 200
    assert finance.post(path, {"voucher": "V-1"}).status_code == 409
    assert [(event.kind, event.facts) for event in told(program)] == [("payout.paid", facts(program, payout_id))]
