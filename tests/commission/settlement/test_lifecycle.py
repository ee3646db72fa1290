"""draft → approved → executing → completed, the ways out, and who may do which step."""

from typing import Any

import psycopg
import pytest

from commission.settlement import closing, execution
from core.db import execute, scalars, transaction
from core.ids import public_id
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import ApiClient, TestProgram
from tests.commission.settlement.runs import (
    approved,
    ask,
    balances,
    end_payouts,
    office_of,
    prepare,
    progress,
    show,
    skipped,
)
from tests.factories import Earning, add_payout_method, seed_commissions, seed_members, seed_payees, take_back
from tests.jobs import deliver_now, lease_jobs, run_jobs


def step(client: ApiClient, run: dict[str, Any], verb: str, body: dict[str, Any] | None = None) -> Any:
    return client.post(f"/v1/settlements/{run['id']}/{verb}", body)


def queue_all(program: TestProgram) -> None:
    """Queue an executing run without letting workers talk to a rail."""
    while queueing := [one for one in lease_jobs(program.id, "money", most=50) if one.job == "settlement.queue"]:
        deliver_now(queueing[0])


def sweep(program: TestProgram) -> None:
    with transaction(program.id):
        execution.complete_finished(program.id)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing, "PAYOUTS_IN_A_CHUNK", 3)
    monkeypatch.setattr(execution, "PAYOUTS_IN_A_CHUNK", 3)


def test_a_run_from_draft_to_completed(program: TestProgram, small_chunks: None) -> None:
    seed_payees(program, [1000 + n for n in range(7)])
    office = office_of(program)
    run = approved(program, office)
    assert (run["status"], progress(run)) == ("approved", {"approved": 7})
    assert run["approved_by"] not in {None, run["created_by"]}
    executed = step(office.maker, run, "execute")
    assert (executed.status_code, executed.json["status"]) == (202, "executing")
    queue_all(program)
    assert progress(show(program, run["id"])) == {"queued": 7}
    end_payouts(program, "paid")
    sweep(program)
    done = show(program, run["id"])
    assert (done["status"], progress(done)) == ("completed", {"paid": 7})
    assert done["finished_at"] is not None
    assert done["executed_by"] == run["created_by"]


def test_the_books_of_a_run_paid_by_hand(program: TestProgram) -> None:
    members = seed_members(program, 2)
    for member in members:
        add_payout_method(program, member, kind="manual")
    seed_commissions(program, [Earning(member, 4000) for member in members])
    office = office_of(program)
    run = approved(program, office)
    step(office.maker, run, "execute")
    run_jobs(program.id)
    for payout_id in payouts_of(program):
        assert show(program, run["id"])["status"] == "executing"
        paid = office.checker.post(f"/v1/payouts/{payout_id}/mark-paid", {"voucher": f"V-{payout_id}"})
        assert paid.status_code == 200, paid.text
        publish_where_due(program.id, [SCHEDULES["settlement.complete_finished"]])
        run_jobs(program.id)
    assert show(program, run["id"])["status"] == "completed"
    assert balances(program, members) == [(0, 0, 0, 4000)] * 2
    publish_where_due(program.id, [SCHEDULES["settlement.complete_finished"]])
    assert run_jobs(program.id) == []  # nothing executes: the sweep rests


@pytest.mark.parametrize("status", ["processing", "unknown", "awaiting_payee", "submitting", "queued"])
def test_an_open_payout_keeps_the_run_executing(program: TestProgram, status: str) -> None:
    seed_payees(program, [1000, 2000])
    office = office_of(program)
    run = approved(program, office)
    step(office.maker, run, "execute")
    queue_all(program)
    end_payouts(program, status)
    with transaction(program.id):
        execute(
            """UPDATE payouts SET status = 'failed'
               WHERE program_id = %(p)s AND id = (SELECT min(id::text)::uuid FROM payouts WHERE program_id = %(p)s)""",
            p=program.id,
        )
    sweep(program)
    assert show(program, run["id"])["status"] == "executing"
    end_payouts(program, "returned", only=status)
    sweep(program)
    assert show(program, run["id"])["status"] == "completed"


def test_an_empty_run_goes_all_the_way(program: TestProgram) -> None:
    office = office_of(program)
    run = approved(program, office)
    assert step(office.checker, run, "execute").json["status"] == "executing"
    run_jobs(program.id)
    assert show(program, run["id"])["status"] == "completed"


def test_an_empty_run_is_canceled(program: TestProgram) -> None:
    office = office_of(program)
    run = prepare(program, office.maker)
    assert step(office.maker, run, "cancel").json["status"] == "canceled"


@pytest.mark.parametrize("role", ["finance", "owner"])
def test_nobody_approves_what_he_made_himself(program: TestProgram, role: str) -> None:
    seed_payees(program, [1000])
    maker = program.staff(role)
    run = prepare(program, maker)
    refused = step(maker, run, "approve", {"digest": run["digest"]})
    assert (refused.status_code, refused.json["code"]) == (403, "same_person")
    assert progress(show(program, run["id"])) == {"requested": 1}


def test_the_database_too_wants_two_people(program: TestProgram) -> None:
    run = prepare(program, office_of(program).maker)
    assert run["status"] == "draft"
    with pytest.raises(psycopg.errors.CheckViolation), transaction(program.id):
        execute("UPDATE settlements SET approved_by = created_by WHERE program_id = %(p)s", p=program.id)
    with pytest.raises(psycopg.errors.CheckViolation), transaction(program.id):
        execute("UPDATE settlements SET status = 'executing' WHERE program_id = %(p)s", p=program.id)


def test_approval_is_for_the_run_that_was_looked_at(program: TestProgram) -> None:
    members = seed_payees(program, [1000, 2000])
    office = office_of(program)
    run = prepare(program, office.maker)
    payouts = payouts_of(program)
    excluded = step(office.maker, run, "exclusions", {"payout_ids": payouts[:1], "reason": "Disputed."})
    assert excluded.status_code == 200, excluded.text
    assert excluded.json["digest"] != run["digest"]
    refused = step(office.checker, run, "approve", {"digest": run["digest"]})
    assert (refused.status_code, refused.json["code"]) == (409, "digest_mismatch")
    assert step(office.checker, run, "approve", {"digest": excluded.json["digest"]}).json["status"] == "approved"
    assert sum(balance.in_payout for balance in balances(program, members)) == excluded.json["totals"]["gross"]


def payouts_of(program: TestProgram) -> list[str]:
    """Public ids of the program's payouts, oldest first."""
    with transaction(program.id, read_only=True):
        ids = scalars("SELECT id FROM payouts WHERE program_id = %(p)s ORDER BY id", p=program.id)
    return [public_id("pay", payout_id) for payout_id in ids]


def test_excluded_payouts_give_their_money_back(program: TestProgram) -> None:
    members = seed_payees(program, [1000, 2000, 3000])
    office = office_of(program)
    run = prepare(program, office.maker)
    body = {"payout_ids": payouts_of(program)[:2], "reason": "Disputed."}
    after = step(office.checker, run, "exclusions", body).json
    assert (after["totals"]["payout_count"], after["totals"]["gross"]) == (1, 3000)
    assert skipped(after) == {"excluded": (2, 3000)}
    assert progress(after) == {"canceled": 2, "requested": 1}
    assert [balance.available for balance in balances(program, members)] == [1000, 2000, 0]
    again = step(office.checker, run, "exclusions", body)
    assert [error["pointer"] for error in again.json["errors"]] == ["/payout_ids/0", "/payout_ids/1"]


def test_exclusions_are_for_drafts_and_for_the_runs_own_payouts(program: TestProgram) -> None:
    seed_payees(program, [1000])
    office = office_of(program)
    other = prepare(program, office.maker)
    seed_payees(program, [2000], prefix="n")
    run = prepare(program, office.maker)
    theirs, own = payouts_of(program)
    body = {"payout_ids": [theirs], "reason": "No."}
    assert step(office.maker, run, "exclusions", body).json["errors"][0]["pointer"] == "/payout_ids/0"
    step(office.checker, run, "approve", {"digest": run["digest"]})
    refused = step(office.maker, run, "exclusions", body | {"payout_ids": [own]})
    assert (refused.status_code, refused.json["code"]) == (409, "wrong_state")
    assert show(program, other["id"])["totals"]["gross"] == 1000


@pytest.mark.parametrize("state", ["preparing", "draft", "approved"])
def test_cancel_gives_everything_back(program: TestProgram, small_chunks: None, state: str) -> None:
    amounts = [1000 + n for n in range(8)]
    members = seed_payees(program, amounts)
    office = office_of(program)
    run = {"preparing": ask(office.maker)} if state == "preparing" else {}
    made = run.get("preparing") or (prepare(program, office.maker) if state == "draft" else approved(program, office))
    answer = step(office.maker, made, "cancel")
    assert answer.status_code == 200, answer.text
    assert (answer.json["status"], answer.json["closing"]) in {(state, "canceled"), ("canceled", None)}
    run_jobs(program.id)
    done = show(program, made["id"])
    assert (done["status"], done["closing"]) == ("canceled", None)
    assert done["canceled_by"] == made["created_by"]
    assert [balance[:3] for balance in balances(program, members)] == [(0, amount, 0) for amount in amounts]


def test_what_is_being_canceled_takes_no_other_step(program: TestProgram, small_chunks: None) -> None:
    seed_payees(program, [1000 + n for n in range(8)])
    office = office_of(program)
    run = approved(program, office)
    assert step(office.maker, run, "cancel").json["closing"] == "canceled"
    for verb in ("execute", "cancel"):
        assert (step(office.checker, run, verb).status_code) == 409
    run_jobs(program.id)
    assert show(program, run["id"])["status"] == "canceled"


def test_steps_out_of_order_are_refused(program: TestProgram) -> None:
    seed_payees(program, [1000])
    office = office_of(program)
    asked = ask(office.maker)
    digest = {"digest": "0" * 64}
    for verb, body in (("approve", digest), ("execute", None)):
        refused = step(office.checker, asked, verb, body)
        assert (refused.status_code, refused.json["code"]) == (409, "wrong_state")
    run_jobs(program.id)
    assert step(office.checker, asked, "execute").json["code"] == "wrong_state"
    assert step(office.checker, asked, "approve", digest).json["code"] == "digest_mismatch"
    run = show(program, asked["id"])
    step(office.checker, run, "approve", {"digest": run["digest"]})
    assert step(office.checker, run, "approve", {"digest": run["digest"]}).json["code"] == "wrong_state"
    step(office.checker, run, "execute")
    for verb in ("execute", "cancel"):
        assert step(office.checker, run, verb).json["code"] == "wrong_state"


def test_a_refund_between_draft_and_execution_makes_debt(program: TestProgram) -> None:
    (member,) = seed_payees(program, [5000])
    (extra,) = seed_commissions(program, [Earning(member, 1000)])
    office = office_of(program)
    run = prepare(program, office.maker)
    take_back(program, extra, 1000)
    assert balances(program, [member]) == [(0, -1000, 6000, 0)]
    step(office.checker, run, "approve", {"digest": run["digest"]})
    step(office.maker, run, "execute")
    queue_all(program)
    assert progress(show(program, run["id"])) == {"queued": 1}
    later = prepare(program, office.maker)
    assert skipped(later) == {"in_debt": (1, -1000)}
    seed_commissions(program, [Earning(member, 2500)])
    assert prepare(program, office.maker)["totals"]["gross"] == 1500  # the debt was settled first
