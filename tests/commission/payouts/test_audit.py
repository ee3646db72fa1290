"""The audit compares payouts with the ledger: sound books pass, and every kind of drift is named."""

from datetime import timedelta

import pytest

from commission.payouts.audit_checks import check_payouts
from commission.payouts.querying import query
from commission.payouts.rails.protocol import Failed, Returned, Unknown
from commission.payouts.submitting import submit
from core.clock import frozen_at, now
from core.db import execute, transaction
from core.ids import public_id
from tests.commission.payouts import desk
from tests.jobs import run_jobs


def findings(program):
    with transaction(program.id, read_only=True):
        return check_payouts(program.id).findings


@pytest.fixture
def books(program, rail):
    """Payouts in every state that money can be in."""
    outcomes = {0: Failed("closed"), 1: Unknown("timed_out")}
    order = {}
    rail.before = lambda request, _number: outcomes.get(order.setdefault(request.key, len(order)))
    payout_ids = desk.queued(program, 5)
    for payout_id in payout_ids:  # one by one: the first fails, the second stays unknown
        submit(program.id, [payout_id])
    rail.fate = lambda _request: Returned("bounced")
    with frozen_at(now() + timedelta(seconds=11)):
        query(program.id, payout_ids[2:3])
    desk.requested(program, desk.payees(program))
    return payout_ids


def test_sound_books_pass(program, books):
    assert [desk.row(program, one).status for one in books] == ["failed", "unknown", "returned", "paid", "paid"]
    assert findings(program) == []
    desk.assert_books_agree(program)


def test_an_empty_program_passes(program):
    assert findings(program) == []


@pytest.mark.parametrize(
    ("tampering", "which", "said"),
    [
        ("UPDATE payouts SET status = 'failed' WHERE program_id = %(p)s AND id = %(id)s", 1, "in_payout is"),
        ("UPDATE payouts SET status = 'returned' WHERE program_id = %(p)s AND id = %(id)s", 3, "do not lead"),
        ("UPDATE payouts SET amount = amount + 1, net = net + 1 WHERE program_id = %(p)s AND id = %(id)s", 4, "cash_"),
        ("UPDATE payouts SET status = 'paid' WHERE program_id = %(p)s AND id = %(id)s", 1, "do not lead"),
    ],
)
def test_drift_is_named(program, books, tampering, which, said):
    with transaction(program.id):
        execute(tampering, p=program.id, id=books[which])
    told = [f"{finding.subject} {finding.detail}" for finding in findings(program)]
    assert any(said in one for one in told), told


def test_a_payout_that_counts_as_paid_without_its_entry_is_named(program, books):
    with transaction(program.id):
        execute(
            "UPDATE payouts SET status = 'paid' WHERE program_id = %(p)s AND id = %(id)s", p=program.id, id=books[0]
        )
    assert public_id("pay", books[0]) in [finding.subject for finding in findings(program)]


def test_the_audit_over_http_includes_payouts(program, books):
    finance = program.staff("finance")
    audit = finance.post("/v1/ledger/audits", {})
    assert audit.status_code == 202, audit.text
    run_jobs(program.id)
    done = finance.get(f"/v1/ledger/audits/{audit.json['id']}").json
    assert (done["status"], done["ok"], done["checked"]["payouts"]) == ("completed", True, 6)
