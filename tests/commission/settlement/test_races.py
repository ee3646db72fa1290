"""Settlement beside itself and beside refunds and withdrawals of its money, with real threads and connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Thread
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from flask import Flask

from commission.settlement import closing, preparation
from core.clock import frozen_at, now
from core.db import execute, scalar, transaction
from tests.clients import ApiClient, TestProgram
from tests.commission.settlement.runs import approved, ask, balances, office_of, prepare, progress, show
from tests.factories import Earning, member_ref, seed_commissions, seed_payees, take_back
from tests.jobs import deliver_now, lease_jobs, run_jobs
from tests.threads import together


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "MEMBERS_IN_A_CHUNK", 4)
    monkeypatch.setattr(closing, "PAYOUTS_IN_A_CHUNK", 4)


def test_two_runs_at_once_reserve_each_balance_once(program: TestProgram) -> None:
    amounts = [1000 + n for n in range(30)]
    members = seed_payees(program, amounts)
    office = office_of(program)
    runs = [ask(office.maker), ask(office.checker), ask(office.maker)]
    together(program.app, *[lambda: run_jobs(program.id)] * 3)
    run_jobs(program.id)
    shown = [show(program, run["id"]) for run in runs]
    assert [run["status"] for run in shown] == ["draft"] * 3
    assert sum(run["totals"]["payout_count"] for run in shown) == 30
    assert sum(run["totals"]["gross"] for run in shown) == sum(amounts)
    assert balances(program, members) == [(0, 0, amount, 0) for amount in amounts]


def test_of_approve_and_cancel_at_once_exactly_one_wins(program: TestProgram) -> None:
    for attempt in range(4):
        members = seed_payees(program, [1000, 2000], prefix=f"race-{attempt}")
        office = office_of(program)
        run = prepare(program, office.maker, member_ids=[member_ref(member) for member in members])
        answers = race_for_the_row(
            program,
            Call(office.checker, f"/v1/settlements/{run['id']}/approve", {"digest": run["digest"]}),
            Call(office.maker, f"/v1/settlements/{run['id']}/cancel", None),
        )
        status = show(program, run["id"])["status"]
        assert (answers, status) in [([200, 409], "approved"), ([409, 200], "canceled")]
        in_payout = sum(balance.in_payout for balance in balances(program, members))
        assert in_payout == (3000 if status == "approved" else 0)


class Call(NamedTuple):
    """A POST to be made from a thread."""

    client: ApiClient
    path: str
    body: dict[str, Any] | None

    def answer(self, app: Flask) -> int:
        """The status. With a test client of its own: they are not made for several threads."""
        return ApiClient(app, self.client.credential).post(self.path, self.body).status_code


def race_for_the_row(program: TestProgram, *calls: Call) -> list[int]:
    """Make the calls wait for the rows of the program's runs, all of them, and only then let them go."""
    with ThreadPoolExecutor(len(calls)) as pool:
        with transaction(program.id):
            execute("SELECT 1 FROM settlements WHERE program_id = %(p)s FOR UPDATE", p=program.id)
            waiting = [pool.submit(call.answer, program.app) for call in calls]
            while scalar(_WAITING) < len(calls):
                assert not any(call.done() for call in waiting)
        return [call.result() for call in waiting]


# the second waits behind the first, which waits for me
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def test_of_execute_and_cancel_at_once_exactly_one_wins(program: TestProgram) -> None:
    for attempt in range(4):
        members = seed_payees(program, [1000, 2000], prefix=f"race-{attempt}")
        office = office_of(program)
        run = approved(program, office, member_ids=[member_ref(member) for member in members])
        answers = race_for_the_row(
            program,
            Call(office.checker, f"/v1/settlements/{run['id']}/execute", None),
            Call(office.maker, f"/v1/settlements/{run['id']}/cancel", None),
        )
        status = show(program, run["id"])["status"]
        assert (answers, status) in [([202, 409], "executing"), ([409, 200], "canceled")]
        in_payout = sum(balance.in_payout for balance in balances(program, members))
        assert in_payout == (3000 if status == "executing" else 0)


def test_a_run_and_withdrawals_at_once_reserve_each_balance_once(program: TestProgram) -> None:
    members = seed_payees(program, [2000] * 12)
    assert program.staff("finance").post("/v1/maturations", {"as_of": now().isoformat()}).status_code == 202
    run_jobs(program.id)
    asked = ask(office_of(program).maker)

    def withdraw_all() -> int:
        client = ApiClient(program.app, program.api_key)
        answers = [client.post(f"/v1/members/{member_ref(one)}/withdrawals", {"amount": 2000}) for one in members]
        assert {answer.status_code for answer in answers} <= {201, 409}
        return sum(answer.status_code == 201 for answer in answers)

    withdrawn, _ = together(program.app, withdraw_all, lambda: len(run_jobs(program.id)))
    run_jobs(program.id)
    assert show(program, asked["id"])["totals"]["payout_count"] == 12 - withdrawn
    assert balances(program, members) == [(0, 0, 2000, 0)] * 12


def test_refunds_while_a_run_is_prepared_make_debt_not_chaos(program: TestProgram) -> None:
    members = seed_payees(program, [2000] * 12)
    extra = seed_commissions(program, [Earning(member, 500) for member in members])
    asked = ask(office_of(program).maker)

    def refund_all() -> None:
        for commission in extra:
            take_back(program, commission, 500)

    together(program.app, lambda: run_jobs(program.id) and None, refund_all)
    run_jobs(program.id)
    run = show(program, asked["id"])
    assert (run["status"], run["totals"]["payout_count"]) == ("draft", 12)
    for balance in balances(program, members):
        assert (balance.available, balance.in_payout) in {(0, 2000), (-500, 2500)}


def test_a_worker_killed_inside_a_chunk_is_followed_by_another(program: TestProgram) -> None:
    amounts = [1000 + n for n in range(10)]
    members = seed_payees(program, amounts)
    asked = ask(office_of(program).maker)
    deliver_now(lease_jobs(program.id, "money")[0])  # matures
    deliver_now(lease_jobs(program.id, "money")[0])  # reserves the first four
    kill_backend_inside_next_chunk(program, members)
    with frozen_at(now() + timedelta(minutes=10)):
        run_jobs(program.id)
    run = show(program, asked["id"])
    assert (run["status"], run["totals"]["payout_count"], run["totals"]["gross"]) == ("draft", 10, sum(amounts))
    assert balances(program, members) == [(0, 0, amount, 0) for amount in amounts]


def kill_backend_inside_next_chunk(program: TestProgram, members: list[UUID]) -> None:
    """Deliver a chunk that waits for a balance held elsewhere, and kill its connection while it waits."""
    (dying,) = lease_jobs(program.id, "money")

    def deliver() -> None:
        with program.app.app_context():
            deliver_now(dying)

    with transaction(program.id):
        execute("SELECT 1 FROM member_balances WHERE program_id = %(p)s FOR UPDATE", p=program.id)
        worker = Thread(target=deliver)
        worker.start()
        _terminate_whoever_waits_for_me()
        worker.join()
    assert [balance.in_payout > 0 for balance in balances(program, sorted(members))] == [True] * 4 + [False] * 6


def _terminate_whoever_waits_for_me() -> None:
    terminated = None
    while not terminated:
        terminated = scalar(
            """SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"""
        )


@pytest.fixture
def no_payouts_for(app: Any, servers: Any, database_environment: dict[str, str]) -> Any:
    """Let the database refuse the payouts of a program, as a full disk or a broken index would."""
    made: list[str] = []
    admin = psycopg.connect(database_environment["DATABASE_ADMIN_URL"].replace("+psycopg", ""), autocommit=True)
    admin.execute(
        """CREATE OR REPLACE FUNCTION tests_refuse() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$"""
    )

    def refuse(program_id: UUID) -> Callable[[], None]:
        name = f"tests_refuse_{program_id.hex}"
        admin.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT ON payouts FOR EACH ROW "
            f"WHEN (NEW.program_id = '{program_id}' AND NEW.amount > 1004) EXECUTE FUNCTION tests_refuse()"
        )
        made.append(name)
        return lambda: admin.execute(f"DROP TRIGGER {name} ON payouts") and made.remove(name)

    yield refuse
    for name in made:
        admin.execute(f"DROP TRIGGER {name} ON payouts")
    admin.close()


def _later(program: TestProgram, times: int) -> None:
    for minute in range(1, times + 1):
        with frozen_at(now() + timedelta(minutes=minute)):
            run_jobs(program.id)


def test_a_run_that_cannot_be_prepared_fails_and_gives_everything_back(
    program: TestProgram, no_payouts_for: Callable[[UUID], Callable[[], None]]
) -> None:
    amounts = [1000 + n for n in range(7)]
    members = seed_payees(program, amounts)
    no_payouts_for(program.id)
    asked = ask(office_of(program).maker)
    run_jobs(program.id)
    stuck = show(program, asked["id"])
    assert (stuck["status"], stuck["failure"], stuck["totals"]["payout_count"]) == ("preparing", "RaiseException", 4)
    _later(program, 10)
    failed = show(program, asked["id"])
    assert (failed["status"], failed["closing"], progress(failed)) == ("failed", None, {"canceled": 4})
    assert [balance[:3] for balance in balances(program, members)] == [(0, amount, 0) for amount in amounts]
    events = program.staff("owner").get("/v1/audit-events").json["data"]
    assert "settlement.failed" in [event["action"] for event in events]


def test_a_trouble_that_passes_does_not_end_the_run(
    program: TestProgram, no_payouts_for: Callable[[UUID], Callable[[], None]]
) -> None:
    seed_payees(program, [1000 + n for n in range(7)])
    heal = no_payouts_for(program.id)
    asked = ask(office_of(program).maker)
    run_jobs(program.id)
    _later(program, 3)
    assert show(program, asked["id"])["status"] == "preparing"
    heal()
    _later(program, 5)
    run = show(program, asked["id"])
    assert (run["status"], run["failure"], run["totals"]["payout_count"]) == ("draft", None, 7)
