"""What settlement asks of payouts: reserve, approve, queue, release, digest and progress, in sets."""

import psycopg
import pytest

from commission.payouts.service import (
    NewPayout,
    approve_settlement,
    digest_lines,
    methods_for,
    progress_of,
    queue_settlement,
    release,
    reserve,
)
from core.clock import now
from core.db import scalar, scalars, transaction
from core.ids import new_id
from tests.commission.payouts import desk
from tests.commission.payouts.counting import statements
from tests.commission.payouts.desk import AMOUNT
from tests.jobs import run_jobs, waiting_jobs


@pytest.fixture
def run(program):
    """A run of five payouts: its id and theirs."""
    settlement_id, maker = new_id(), desk.staff_actor(program)
    member_ids = desk.payees(program, 5)
    with transaction(program.id):
        chosen = methods_for(program.id, member_ids, rails=None, at=now())
        new = [NewPayout(one, AMOUNT, chosen[one].method_id, chosen[one].rail) for one in member_ids]
        payout_ids = reserve(maker.program, new, kind="settlement", settlement_id=settlement_id, requested_by=maker)
    return settlement_id, payout_ids, maker


def test_a_reserve_moves_the_money_and_begins_the_timeline(program, run):
    settlement_id, payout_ids, _ = run
    assert desk.statuses(program, payout_ids) == {"requested"}
    for payout_id in payout_ids:
        assert desk.balance_of_payout(program, payout_id) == (0, 0, AMOUNT, 0)
        assert desk.states(program, payout_id) == ["requested"]
    with transaction(program.id, read_only=True):
        assert progress_of(program.id, settlement_id) == {"requested": (5, 5 * AMOUNT, 0, 0, 5 * AMOUNT)}
    desk.assert_books_agree(program)


def test_the_digest_lines_come_in_order_and_leave_out_what_was_excluded(program, run):
    settlement_id, payout_ids, maker = run
    with transaction(program.id):
        release(program.id, payout_ids[:1], "canceled", "excluded", maker)
    with transaction(program.id, read_only=True):
        lines = list(digest_lines(program.id, settlement_id))
    assert [line.payout_id for line in lines] == sorted(payout_ids[1:])
    assert {(line.amount, line.currency, line.rail, len(line.account)) for line in lines} == {
        (AMOUNT, "GBP", "sandbox", 64)
    }


def test_a_run_goes_from_approval_to_paid(program, run, rail):
    settlement_id, payout_ids, _ = run
    checker = desk.staff_actor(program)
    with transaction(program.id):
        assert approve_settlement(program.id, settlement_id, checker) == 5
    assert desk.statuses(program, payout_ids) == {"approved"}
    cursor, rounds = None, 0
    while True:
        with transaction(program.id):
            cursor = queue_settlement(program.id, settlement_id, cursor, 2)
        rounds += 1
        if cursor is None:
            break
    assert rounds == 3
    assert desk.statuses(program, payout_ids) == {"queued"}
    run_jobs(program.id)
    with transaction(program.id, read_only=True):
        assert progress_of(program.id, settlement_id) == {"paid": (5, 5 * AMOUNT, 0, 0, 5 * AMOUNT)}
    assert len(rail.book) == 5
    desk.assert_books_agree(program)


def test_approving_and_queueing_again_changes_nothing(program, run):
    settlement_id, payout_ids, _ = run
    for _ in range(2):
        with transaction(program.id):
            approve_settlement(program.id, settlement_id, desk.staff_actor_inside(program))
        with transaction(program.id):
            queue_settlement(program.id, settlement_id, None, 100)
    assert desk.states(program, payout_ids[0]) == ["requested", "approved", "queued"]
    assert waiting_jobs(program.id) == ["payouts.submit"]


def test_the_database_refuses_the_maker_as_approver(program, run):
    settlement_id, _, maker = run
    with pytest.raises(psycopg.errors.CheckViolation), transaction(program.id):
        approve_settlement(program.id, settlement_id, maker)


def test_released_money_is_available_again_and_only_once(program, run):
    _, payout_ids, maker = run
    with transaction(program.id):
        assert release(program.id, payout_ids, "canceled", "the run was canceled", maker) == sorted(payout_ids)
    with transaction(program.id):
        assert release(program.id, payout_ids, "canceled", "again", maker) == []
    for payout_id in payout_ids:
        assert desk.balance_of_payout(program, payout_id) == (0, AMOUNT, 0, 0)
        assert desk.row(program, payout_id).failure == "the run was canceled"
    desk.assert_books_agree(program)


def test_what_a_rail_may_have_is_not_released(program, run, rail):
    from commission.payouts.rails.protocol import Unknown

    settlement_id, payout_ids, maker = run
    rail.after = lambda _request, _number: Unknown("timed_out")
    with transaction(program.id):
        approve_settlement(program.id, settlement_id, desk.staff_actor_inside(program))
        queue_settlement(program.id, settlement_id, None, 100)
    run_jobs(program.id)
    with transaction(program.id):
        assert release(program.id, payout_ids, "canceled", "too late", maker) == []
    assert desk.statuses(program, payout_ids) == {"unknown"}


def test_a_release_into_a_state_that_holds_the_money_is_a_mistake_of_the_caller(program, run):
    with pytest.raises(ValueError, match="gives nothing back"), transaction(program.id):
        release(program.id, run[1], "paid", "x", None)


def test_another_program_sees_and_moves_nothing(program, other_program, run):
    settlement_id, payout_ids, _ = run
    with transaction(other_program.id):
        assert list(digest_lines(other_program.id, settlement_id)) == []
        assert progress_of(other_program.id, settlement_id) == {}
        assert approve_settlement(other_program.id, settlement_id, desk.staff_actor_inside(other_program)) == 0
        assert queue_settlement(other_program.id, settlement_id, None, 10) is None
        assert release(other_program.id, payout_ids, "canceled", "x", None) == []
    assert desk.statuses(program, payout_ids) == {"requested"}


def test_many_payouts_take_a_handful_of_statements(program):
    """Sets, not loops: the number of statements does not grow with the number of payouts."""
    small, large = desk.payees(program, 2), desk.payees(program, 60)
    counts = []
    for member_ids in (small, large):
        settlement_id, maker = new_id(), desk.staff_actor(program)
        with transaction(program.id), statements() as seen:
            chosen = methods_for(program.id, member_ids, rails=None, at=now())
            new = [NewPayout(one, AMOUNT, chosen[one].method_id, chosen[one].rail) for one in member_ids]
            reserve(maker.program, new, kind="settlement", settlement_id=settlement_id, requested_by=maker)
            approve_settlement(program.id, settlement_id, desk.staff_actor_inside(program))
            queue_settlement(program.id, settlement_id, None, 500)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 16, counts


def test_a_cancel_of_a_settlements_payout_waits_for_its_approval(program, run):
    settlement_id, payout_ids, _ = run
    finance = program.staff("finance")
    path = f"/v1/payouts/{desk.public_id('pay', payout_ids[0])}/cancel"
    assert finance.post(path).json["code"] == "wrong_state"
    with transaction(program.id):
        approve_settlement(program.id, settlement_id, desk.staff_actor_inside(program))
    assert finance.post(path).json["status"] == "canceled"
    with transaction(program.id, read_only=True):
        assert len(list(digest_lines(program.id, settlement_id))) == 4
        assert scalar("SELECT count(*) FROM payouts WHERE program_id = %(p)s", p=program.id) == 5
        assert scalars("SELECT DISTINCT kind FROM payouts WHERE program_id = %(p)s", p=program.id) == ["settlement"]


def test_payouts_of_a_settlement_are_not_approved_one_by_one(program, run):
    shown = desk.shown(program.client, run[1][0])
    answer = program.staff("finance").post("/v1/payouts/approve", {"ids": [shown["id"]], "digest": shown["digest"]})
    assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")
