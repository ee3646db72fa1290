"""A settlement tells its end once, with what was paid."""

from commission.settlement import execution
from core.db import transaction
from tests.clients import TestProgram
from tests.commission.settlement.runs import approved, end_payouts, office_of
from tests.commission.settlement.test_lifecycle import queue_all, step, sweep
from tests.factories import seed_payees
from tests.telling import facts_of, plain_id, told


def test_a_completed_run_is_told_once_with_what_was_paid(program: TestProgram) -> None:
    seed_payees(program, [1000, 2000, 4000])
    office = office_of(program)
    run = approved(program, office)
    step(office.maker, run, "execute")
    queue_all(program)
    sweep(program)
    assert facts_of(program, "settlement.completed") == []
    end_payouts(program, "paid")
    sweep(program)
    sweep(program)
    facts = {"settlement_id": plain_id(run["id"]), "payout_count": 3, "net": 7000}
    assert [event.facts for event in told(program, "settlement.completed")] == [facts]


def test_what_failed_is_not_counted_as_paid(program: TestProgram) -> None:
    seed_payees(program, [1000, 2000])
    office = office_of(program)
    run = approved(program, office)
    step(office.maker, run, "execute")
    queue_all(program)
    end_payouts(program, "failed")
    with transaction(program.id):
        execution.complete_finished(program.id)
    facts = {"settlement_id": plain_id(run["id"]), "payout_count": 0, "net": 0}
    assert facts_of(program, "settlement.completed") == [facts]
