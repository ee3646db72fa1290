"""A run reserves every payable balance once and says why it left the others."""

from datetime import timedelta
from uuid import UUID

import pytest

from commission.settlement import preparation
from core.auth.service import program_of
from core.clock import frozen_at, now
from core.db import transaction
from tests.clients import TestProgram
from tests.commission.settlement.runs import ask, balances, office_of, prepare, progress, show, skipped
from tests.factories import (
    Earning,
    add_payout_method,
    member_ref,
    seed_commissions,
    seed_members,
    seed_payees,
    set_member,
    take_back,
)
from tests.jobs import deliver_now, lease_jobs, run_jobs


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "MEMBERS_IN_A_CHUNK", 3)


def test_everything_payable_is_reserved(program: TestProgram, small_chunks: None) -> None:
    amounts = [1000, 2000, 3000, 4000, 5000, 6000, 7000]
    members = seed_payees(program, amounts)
    run = prepare(program, office_of(program).maker)
    assert run["totals"] == {"payout_count": 7, "gross": 28_000, "tax": 0, "fee": 0, "net": 28_000}
    assert run["skipped"] == []
    assert progress(run) == {"requested": 7}
    assert balances(program, members) == [(0, 0, amount, 0) for amount in amounts]
    assert run["closing"] is None
    assert run["prepared_at"] is not None


def test_what_is_not_due_stays_pending(program: TestProgram) -> None:
    (member,) = seed_payees(program, [5000])
    seed_commissions(program, [Earning(member, 700, matures_at=None)])
    run = prepare(program, office_of(program).maker)
    assert run["totals"]["gross"] == 5000
    assert balances(program, [member]) == [(700, 0, 5000, 0)]


def test_every_reason_is_counted(program: TestProgram, small_chunks: None) -> None:
    reasons = ["paid", "suspended", "below_minimum", "no_payout_method", "method_frozen", "rail_not_chosen", "in_debt"]
    member = dict(zip(reasons, seed_members(program, len(reasons)), strict=True))
    for reason in ("paid", "suspended", "below_minimum", "in_debt", "method_frozen"):
        add_payout_method(program, member[reason])
    add_payout_method(program, member["method_frozen"])  # a later one: frozen, and now the default
    add_payout_method(program, member["rail_not_chosen"], kind="manual")
    amounts = [999 if reason == "below_minimum" else 2000 + n for n, reason in enumerate(reasons)]
    earnings = [Earning(member[reason], amount) for reason, amount in zip(reasons, amounts, strict=True)]
    in_debt = seed_commissions(program, earnings)[-1]
    set_member(program, member["suspended"], status="suspended")
    finance = program.staff("finance")
    assert finance.post("/v1/maturations", {"as_of": now().isoformat()}).status_code == 202
    run_jobs(program.id)
    first = prepare(program, finance, member_ids=[member_ref(member["in_debt"])])
    assert first["totals"]["gross"] == 2006
    take_back(program, in_debt, 500)  # after it was reserved: debt
    run = prepare(program, finance, rails=["sandbox"])
    assert run["totals"] == {"payout_count": 1, "gross": 2000, "tax": 0, "fee": 0, "net": 2000}
    assert skipped(run) == {
        "suspended": (1, 2001),
        "below_minimum": (1, 999),
        "no_payout_method": (1, 2003),
        "method_frozen": (1, 2004),
        "rail_not_chosen": (1, 2005),
        "in_debt": (1, -500),
    }
    assert [balance.available for balance in balances(program, list(member.values()))] == [
        0, 2001, 999, 2003, 2004, 2005, -500,
    ]  # fmt: skip


def test_a_method_thaws(program: TestProgram) -> None:
    (member,) = seed_payees(program, [5000])
    add_payout_method(program, member)
    maker = office_of(program).maker
    assert skipped(prepare(program, maker)) == {"method_frozen": (1, 5000)}
    with frozen_at(now() + timedelta(hours=25)):
        assert prepare(program, program.staff("finance"))["totals"]["gross"] == 5000


def test_only_the_enrolled_are_paid_where_enrolment_is_not_open(program: TestProgram) -> None:
    members = seed_payees(program, [5000, 6000])
    set_member(program, members[1], enrolment="enrolled")
    program.staff("owner").patch("/v1/program", {"enrolment": "application"})
    run = prepare(program, office_of(program).maker)
    assert (run["totals"]["gross"], skipped(run)) == (6000, {"not_enrolled": (1, 5000)})


def test_members_grades_and_minimum_narrow_a_run(program: TestProgram) -> None:
    first, second, third = seed_payees(program, [5000, 6000, 70])
    set_member(program, second, grade="gold")
    set_member(program, third, grade="gold")
    maker = office_of(program).maker
    gold = prepare(program, maker, grades=["gold"], min_payout=70)
    assert (gold["totals"]["gross"], gold["skipped"]) == (6070, [])
    assert (gold["grades"], gold["min_payout"]) == (["gold"], 70)
    named = prepare(program, maker, member_ids=[member_ref(first), member_ref(second)])
    assert (named["totals"]["gross"], named["member_ids"]) == (5000, [member_ref(first), member_ref(second)])


def test_a_balance_is_reserved_by_one_run_only(program: TestProgram) -> None:
    members = seed_payees(program, [5000, 6000])
    maker = office_of(program).maker
    assert prepare(program, maker)["totals"]["payout_count"] == 2
    assert prepare(program, maker)["totals"]["payout_count"] == 0
    assert balances(program, members) == [(0, 0, 5000, 0), (0, 0, 6000, 0)]


def test_bad_terms_are_refused_with_pointers(program: TestProgram, other_program: TestProgram) -> None:
    maker = office_of(program).maker
    (stranger,) = seed_members(other_program)
    answers = {
        "/as_of": {"as_of": (now() + timedelta(hours=1)).isoformat()},
        "/min_payout": {"min_payout": -1},
        "/rails/0": {"rails": ["pigeon"]},
        "/member_ids/0": {"member_ids": [member_ref(stranger)]},
        "/grades": {"grades": []},
        "/colour": {"colour": "red"},
    }
    for pointer, terms in answers.items():
        answer = maker.post("/v1/settlements", {"as_of": now().isoformat()} | terms)
        assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, [pointer])
    assert program.client.get("/v1/settlements").json["data"] == []


def test_a_run_without_anything_to_pay_is_an_empty_draft(program: TestProgram) -> None:
    run = prepare(program, office_of(program).maker)
    assert run["totals"] == {"payout_count": 0, "gross": 0, "tax": 0, "fee": 0, "net": 0}
    assert (run["progress"], len(run["digest"])) == ([], 64)


def test_preparing_goes_on_where_a_dead_worker_left_it(program: TestProgram, small_chunks: None) -> None:
    members = seed_payees(program, [1000 + n for n in range(8)])
    asked = ask(office_of(program).maker)
    die_in_the_middle(program, chunks_before=2)
    assert show(program, asked["id"])["totals"]["payout_count"] == 3
    with frozen_at(now() + timedelta(hours=1)):  # the dead worker's lease has run out
        run_jobs(program.id)
    run = show(program, asked["id"])
    assert (run["status"], run["totals"]["payout_count"], run["totals"]["gross"]) == ("draft", 8, 8028)
    assert balances(program, members) == [(0, 0, 1000 + n, 0) for n in range(8)]


def die_in_the_middle(program: TestProgram, *, chunks_before: int) -> None:
    """Deliver some chunks whole, then do one more and die before it is committed."""
    for _ in range(chunks_before):
        deliver_now(lease_jobs(program.id, "money")[0])
    (dying,) = lease_jobs(program.id, "money")
    with pytest.raises(ZeroDivisionError):
        _chunk_and_death(program, dying.arguments["settlement_id"])


def _chunk_and_death(program: TestProgram, run_id: str) -> None:
    with transaction(program.id):
        preparation.prepare_chunk(program_of(program.id), UUID(run_id))
        raise ZeroDivisionError
