"""Every fault of a real rail over HTTP, at every point where a worker can die. The judge is the rail's own book."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson
import psycopg
import pytest

import commission
from commission.payouts import submitting
from commission.payouts.rails.sandbox.client import SandboxRail
from commission.payouts.rules import parse_key
from core.db import db, scalars, transaction
from core.jobs.delivery import deliver
from tests.commission.payouts import desk
from tests.commission.payouts.desk import AMOUNT
from tests.commission.payouts.dying import IMPATIENT, Death, FatalRail
from tests.commission.payouts.rails.conftest import Sandbox
from tests.jobs import deliver_now, lease_jobs
from tests.threads import together

COUNT = 8
PAUSE = 0.06

FAULTS = {
    "none": {},
    "refused before": {"error_before": 0.6},
    "answers 500 after executing": {"error_after": 0.7},
    "answer lost": {"lose_answer": 0.7},
    "slower than the client waits": {"slow": 0.5},
    "processing": {"processing": 0.7},
    "paid, then returned": {"return": 0.6},
    "all of it": {
        "error_before": 0.3, "error_after": 0.3, "lose_answer": 0.3, "slow": 0.2, "processing": 0.4, "return": 0.3,
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    server = Sandbox(tmp_path_factory.mktemp("payouts-sandbox"))
    yield server
    server.kill()


@pytest.fixture
def server(shared_server):
    shared_server.faults()
    return shared_server


@pytest.fixture
def sandbox_rail(server, use_rail):
    rail = SandboxRail(lambda: server.url, IMPATIENT)
    use_rail(rail)
    yield rail
    rail.close()


def judge(program, server, payout_ids):
    """Each payout at most once in the rail's book, exactly where it counts as paid; and the ledger says the same."""
    booked = Counter(
        found[0] for entry in server.book() if (found := parse_key(entry["key"])) and found[0] in payout_ids
    )
    rows = desk.rows(program, payout_ids)
    for row in rows:
        moved = row.status in {"paid", "returned"}
        assert booked[row.id] == int(moved), row
        expected = {"paid": (0, 0, 0, AMOUNT), "returned": (0, AMOUNT, 0, 0), "failed": (0, AMOUNT, 0, 0)}[row.status]
        assert desk.balance(program, row.member_id) == expected, row
    desk.assert_books_agree(program)
    return Counter(row.status for row in rows)


def crash_nothing(_program, _rail, _use_rail, delivery):
    deliver_now(delivery)


def crash_before_the_call(_program, rail, use_rail, delivery):
    use_rail(FatalRail(rail, "before"))
    with pytest.raises(Death):
        deliver_now(delivery)
    use_rail(rail)


def crash_after_the_call(_program, rail, use_rail, delivery):
    use_rail(FatalRail(rail, "after"))
    with pytest.raises(Death):
        deliver_now(delivery)
    use_rail(rail)


def crash_after_the_outcome(program, _rail, _use_rail, delivery):
    """Recorded, but the job is not marked done: it is delivered again."""
    submitting.submit(program.id, [desk.UUID(one) for one in delivery.arguments["payout_ids"]])
    deliver_now(delivery)


def cut_the_database(program, rail, use_rail, delivery):
    """PostgreSQL drops every connection between the call and its record."""

    def cut():
        with program.app.app_context(), psycopg.connect(owner_url(program), autocommit=True) as connection:
            connection.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()"""
            )

    use_rail(FatalRail(rail, "after", cut))
    deliver_now(delivery)
    use_rail(rail)


def two_workers_at_once(program, _rail, _use_rail, delivery):
    together(program.app, lambda: deliver_now(delivery), lambda: deliver_now(delivery))


def the_queue_is_wiped(program, _rail, _use_rail, _delivery):
    """Valkey lost the delivery: it is leased, and nobody works at it. The relay leases it again when the lease ends."""
    assert lease_jobs(program.id, "money") == []


def owner_url(program):
    return program.app.config["SETTINGS"].admin_database_url.replace("postgresql+psycopg", "postgresql")


CRASHES = [
    crash_nothing, crash_before_the_call, crash_after_the_call, crash_after_the_outcome, cut_the_database,
    two_workers_at_once, the_queue_is_wiped,
]  # fmt: skip


@pytest.mark.parametrize("crash", CRASHES, ids=lambda crash: crash.__name__)
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_happens_everything_ends_and_nothing_is_paid_twice(
    program, server, sandbox_rail, use_rail, fault, crash
):
    payout_ids = desk.queued(program, COUNT)
    server.faults(**FAULTS[fault], seed=7)
    (delivery,) = lease_jobs(program.id, "money")
    crash(program, sandbox_rail, use_rail, delivery)
    desk.settle(program, pause=PAUSE)
    ended = judge(program, server, payout_ids)
    assert set(ended) <= {"paid", "returned"}
    assert sum(ended.values()) == COUNT


def test_accounts_that_fail_end_as_failed_and_those_that_bounce_as_returned(program, server, sandbox_rail):
    payout_ids = desk.queued(program, 2)
    for payout_id, account in zip(payout_ids, ("fail-1", "latefail-1"), strict=True):
        replace_account(program, payout_id, account)
    desk.settle(program, pause=0.2)
    assert judge(program, server, payout_ids) == {"failed": 2}


def replace_account(program, payout_id, account):
    """A payout to another account, as if it had been so from the start (no code can do that)."""
    from commission.payouts.approval import SEAL
    from commission.payouts.methods import fingerprint
    from core.db import execute
    from core.encryption import encrypt

    with transaction(program.id):
        (method_id,) = scalars(
            "SELECT method_id FROM payouts WHERE program_id = %(p)s AND id = %(id)s", p=program.id, id=payout_id
        )
        execute(
            """UPDATE payout_methods SET account = %(account)s, fingerprint = %(fingerprint)s
               WHERE program_id = %(p)s AND id = %(id)s""",
            p=program.id, id=method_id, account=encrypt(account, method_id),
            fingerprint=fingerprint("sandbox", account, "A. Payee"),
        )  # fmt: skip
        execute(
            f"""UPDATE payouts p SET seal = {SEAL} FROM payout_methods m
                WHERE p.program_id = %(p)s AND p.id = %(id)s AND m.program_id = %(p)s AND m.id = p.method_id""",
            p=program.id, id=payout_id,
        )  # fmt: skip


@pytest.mark.parametrize("point", ["before", "after"])
def test_a_worker_killed_with_sigkill_in_the_middle_of_its_calls(
    program, server, sandbox_rail, database_environment, point
):
    payout_ids = desk.queued(program, COUNT)
    server.faults(slow=0.2, lose_answer=0.3, seed=3)
    (delivery,) = lease_jobs(program.id, "money")
    worker = subprocess.run(
        [
            sys.executable, "-m", "tests.commission.payouts.dying", point, server.url,
            orjson.dumps([one for one in delivery if one != delivery.queue]).decode(),
        ],
        cwd=Path(commission.__file__).parents[1], env=os.environ | database_environment, timeout=60, check=False,
        capture_output=True,
    )  # fmt: skip
    assert worker.returncode == -9, worker.stderr.decode()
    assert "submitting" in desk.statuses(program, payout_ids)
    desk.settle(program, pause=PAUSE)
    assert judge(program, server, payout_ids) == {"paid": COUNT}


def test_a_rail_that_is_down_the_whole_time_keeps_everything_reserved(program, server, use_rail):
    use_rail(SandboxRail(lambda: "http://127.0.0.1:9", IMPATIENT))
    payout_ids = desk.queued(program, COUNT)
    for _ in range(6):
        with pytest.raises(AssertionError, match="still open"):
            desk.settle(program, rounds=1)
    assert desk.statuses(program, payout_ids) == {"unknown"}
    use_rail(SandboxRail(lambda: server.url, IMPATIENT))
    desk.settle(program)
    assert judge(program, server, payout_ids) == {"paid": COUNT}


def test_the_rail_is_killed_and_comes_back(program, tmp_path, use_rail):
    server = Sandbox(tmp_path)
    use_rail(SandboxRail(lambda: server.url, IMPATIENT))
    payout_ids = desk.queued(program, COUNT)
    server.faults(slow=1)
    (delivery,) = lease_jobs(program.id, "money")

    def kill_soon():
        import time

        time.sleep(0.5)
        server.kill()

    together(program.app, lambda: deliver_now(delivery), kill_soon)
    server.start()
    desk.settle(program, pause=PAUSE)
    assert judge(program, server, payout_ids) == {"paid": COUNT}
    server.kill()


def test_an_attempt_that_cannot_be_written_is_not_sent(program, server, sandbox_rail):
    """No intent, no call: the claim's transaction fails, the rail hears nothing."""
    payout_ids = desk.queued(program, 2)
    with psycopg.connect(owner_url(program), autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON payout_attempts FROM banyan_app")
        try:
            (delivery,) = lease_jobs(program.id, "money")
            deliver(str(delivery.program_id), str(delivery.id), delivery.job, delivery.arguments, delivery.attempt)
        finally:
            owner.execute("GRANT INSERT ON payout_attempts TO banyan_app")
    assert desk.statuses(program, payout_ids) == {"queued"}
    assert not [entry for entry in server.book() if (found := parse_key(entry["key"])) and found[0] in payout_ids]
    db.engine.dispose()
    desk.settle(program)
    assert judge(program, server, payout_ids) == {"paid": 2}
