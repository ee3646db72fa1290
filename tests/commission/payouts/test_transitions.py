"""The one guarded UPDATE: each payout takes a step once, only from where the table allows it, with its event."""

from itertools import product

import psycopg
import pytest

from commission.payouts.rules import TRANSITIONS, Status
from commission.payouts.transitions import SYSTEM, Move, move
from core.clock import now
from core.db import execute, scalar, scalars, transaction
from core.ids import new_id
from tests.commission.payouts import desk
from tests.threads import together


def force(program, payout_id, status):
    """A state, whatever the rules say."""
    with transaction(program.id):
        execute(
            """UPDATE payouts SET status = %(status)s, approved_by = coalesce(approved_by, %(somebody)s)
               WHERE program_id = %(p)s AND id = %(id)s""",
            p=program.id, id=payout_id, status=status.value, somebody=new_id(),
        )  # fmt: skip


def test_the_database_moves_exactly_as_the_table_says(program):
    (payout_id,) = desk.requested(program, desk.payees(program))
    events = 1
    for before, after in product(Status, Status):
        force(program, payout_id, before)
        with transaction(program.id):
            moved = move(program.id, [Move(payout_id, "step")], after, SYSTEM)
        allowed = after in TRANSITIONS[before]
        events += allowed
        assert [one.id for one in moved] == ([payout_id] if allowed else []), (before, after)
        assert desk.row(program, payout_id).status == (after if allowed else before)
        assert len(desk.states(program, payout_id)) == events


def test_a_step_that_two_take_at_once_is_taken_once(program, app):
    payout_ids = desk.requested(program, desk.payees(program, 5))

    def cancel():
        with transaction(program.id):
            moves = [Move(one, "canceled") for one in payout_ids]
            return len(move(program.id, moves, Status.CANCELED, SYSTEM))

    assert sorted(together(app, *[cancel] * 8)) == [0] * 7 + [5]
    assert all(desk.states(program, one) == ["requested", "canceled"] for one in payout_ids)


def test_two_different_steps_at_once_leave_one_and_no_deadlock(program, app):
    payout_ids = desk.requested(program, desk.payees(program, 20))
    orders = [payout_ids, payout_ids[::-1]]

    def step(status, ids):
        with transaction(program.id):
            return {one.id for one in move(program.id, [Move(one, "x") for one in ids], status, SYSTEM)}

    jobs = [lambda s=s, o=o: step(s, o) for s in (Status.CANCELED, Status.REJECTED) for o in orders]
    taken = together(app, *jobs)
    assert set.union(*taken) == set(payout_ids)
    assert sum(map(len, taken)) == len(payout_ids)


def test_a_step_for_another_attempt_is_not_taken(program):
    (payout_id,) = desk.queued(program)
    with transaction(program.id):
        assert move(program.id, [Move(payout_id, "x", attempt=2)], Status.SUBMITTING, SYSTEM) == []
        assert move(program.id, [Move(payout_id, "x", attempt=1)], Status.SUBMITTING, SYSTEM) != []


def test_payouts_of_another_program_do_not_move(program, other_program):
    (payout_id,) = desk.requested(program, desk.payees(program))
    with transaction(other_program.id):
        assert move(other_program.id, [Move(payout_id, "x")], Status.CANCELED, SYSTEM) == []
        assert move(program.id, [Move(payout_id, "x")], Status.CANCELED, SYSTEM) == []  # row-level security
    assert desk.row(program, payout_id).status == "requested"


def test_the_database_refuses_two_live_attempts_of_one_payout(program):
    (payout_id,) = desk.queued(program)

    def attempt(number, status):
        execute(
            """INSERT INTO payout_attempts (program_id, id, payout_id, number, rail, key, request_hash, status, sends,
                                            created_at, last_sent_at)
               VALUES (%(p)s, %(id)s, %(payout)s, %(number)s, 'sandbox', %(key)s, 'x', %(status)s, 1, %(at)s,
                       %(at)s)""",
            p=program.id, id=new_id(), payout=payout_id, number=number, key=f"k{number}", status=status, at=now(),
        )  # fmt: skip

    with transaction(program.id):
        attempt(1, "failed")
        attempt(2, "paid")
    for status in ("open", "paid"):
        with pytest.raises(psycopg.errors.UniqueViolation), transaction(program.id):
            attempt(3, status)


@pytest.mark.parametrize(
    "change",
    [
        "status = 'approved'",
        "status = 'paid'",
        "status = 'lost'",
        "approved_by = requested_by",
        "net = net - 1",
        "amount = 0, net = 0",
        "kind = 'settlement'",
    ],
)
def test_the_database_refuses_impossible_payouts(program, change):
    desk.requested(program, desk.payees(program))
    with pytest.raises(psycopg.errors.CheckViolation), transaction(program.id):
        execute(f"UPDATE payouts SET {change} WHERE program_id = %(p)s", p=program.id)


def test_a_timeline_cannot_be_rewritten(program):
    (payout_id,) = desk.requested(program, desk.payees(program))
    for statement in ("UPDATE payout_events SET text = 'other'", "DELETE FROM payout_events"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(program.id):
            execute(statement + " WHERE program_id = %(p)s", p=program.id)
    assert desk.states(program, payout_id) == ["requested"]


def test_events_are_numbered_without_gaps(program, rail):
    (payout_id,) = desk.queued(program)
    desk.settle(program)
    with transaction(program.id, read_only=True):
        numbers = scalars(
            "SELECT number FROM payout_events WHERE program_id = %(p)s AND payout_id = %(id)s ORDER BY number",
            p=program.id, id=payout_id,
        )  # fmt: skip
        version = scalar(
            "SELECT version FROM payouts WHERE program_id = %(p)s AND id = %(id)s", p=program.id, id=payout_id
        )
    assert numbers == list(range(1, version + 1))
