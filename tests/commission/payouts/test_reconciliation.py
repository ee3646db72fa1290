"""After a restore: the rail's book beside ours. What was paid in the lost time is found before anything is sent."""

from collections import Counter
from itertools import product

import orjson
import pytest

from commission.payouts import reconciliation
from commission.payouts.book_rules import BookEntry, OurPayout, Sight, sight_of
from commission.payouts.lock import FLAG, lock_payouts
from commission.payouts.rails.sandbox.client import SandboxRail
from commission.payouts.rules import Status, key_of, parse_key
from commission.payouts.unlocking import acknowledge, unlock
from core.db import execute, scalar, transaction
from core.errors import NotFound, Unavailable, WrongState
from core.ids import new_id, public_id
from tests.commission.payouts import desk
from tests.commission.payouts.desk import AMOUNT
from tests.commission.payouts.dying import IMPATIENT
from tests.commission.payouts.rails.conftest import Sandbox
from tests.jobs import run_jobs

PAYOUT = new_id()


def entry(number=1, status="paid", amount=AMOUNT, key=None):
    return BookEntry(key or key_of(PAYOUT, number), "a", "n", amount, "GBP", status)


def ours(status="queued", attempt=1, attempt_status=None):
    return OurPayout(PAYOUT, new_id(), status, attempt, AMOUNT, "GBP", attempt_status)


@pytest.mark.parametrize(
    ("theirs", "mine", "sight"),
    [
        (entry(key="SOMEBODYELSE"), None, Sight.FOREIGN),
        (entry(), None, Sight.THEIRS_ONLY),
        (entry(amount=1), ours(), Sight.AMOUNT_DIFFERS),
        (entry(), ours("paid", 1, "paid"), Sight.AGREES),
        (entry(status="returned"), ours("returned", 1, "returned"), Sight.AGREES),
        (entry(status="returned"), ours("paid", 1, "paid"), Sight.ASK),
        (entry(), ours("unknown", 1, "open"), Sight.ASK),
        (entry(status="processing"), ours("processing", 1, "open"), Sight.ASK),
        (entry(), ours("failed", 1, "failed"), Sight.STATUS_DIFFERS),
        (entry(), ours("canceled", 1, "canceled"), Sight.STATUS_DIFFERS),
        (entry(), ours("requested"), Sight.ADOPT),
        (entry(), ours("approved"), Sight.ADOPT),
        (entry(), ours("queued"), Sight.ADOPT),
        (entry(number=2), ours("queued"), Sight.ADOPT),
        (entry(number=2), ours("failed"), Sight.ADOPT),
        (entry(), ours("failed"), Sight.STATUS_DIFFERS),
        (entry(), ours("canceled"), Sight.STATUS_DIFFERS),
        (entry(), ours("rejected"), Sight.STATUS_DIFFERS),
        (entry(number=2), ours("paid", 1, None), Sight.STATUS_DIFFERS),
    ],
)
def test_what_a_transfer_means(theirs, mine, sight):
    assert sight_of(theirs, mine) is sight


def test_money_that_moved_is_never_overlooked():
    """Whatever our books say, a transfer of ours either agrees, is asked about, is adopted, or is shown to a person."""
    for status, attempt_status in product(Status, [None, "open", "paid", "failed", "returned", "canceled"]):
        sight = sight_of(entry(), ours(status.value, 1, attempt_status))
        assert sight is not Sight.FOREIGN
        if attempt_status in {"failed", "canceled"}:
            assert sight is Sight.STATUS_DIFFERS


@pytest.fixture
def server(tmp_path, app, monkeypatch):
    """A sandbox of the test's own, as SANDBOX_URL names it: its book has nothing of other tests."""
    from dataclasses import replace

    sandbox = Sandbox(tmp_path)
    monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], sandbox_url=sandbox.url))
    yield sandbox
    sandbox.kill()


@pytest.fixture
def sandbox_rail(server, use_rail):
    rail = use_rail(SandboxRail(lambda: server.url, IMPATIENT))
    yield rail
    rail.close()


@pytest.fixture
def lock_later(app):
    """Sets the lock when called; gone afterwards."""

    def now_lock():
        with transaction():
            lock_payouts({"reason": "restored", "backup_at": "2026-03-01T00:00:00+00:00"})

    yield now_lock
    with app.app_context(), transaction():
        execute("DELETE FROM operation_flags WHERE name = %(name)s", name=FLAG)


@pytest.fixture
def lock(lock_later):
    """The lock that a restore sets."""
    lock_later()


class Backup:
    """The rows of a program's money, to be put back as a restore does: everything after it is forgotten."""

    TABLES = ("payouts", "payout_attempts", "member_balances", "outbox")

    def __init__(self, program):
        self._program = program
        self._rows = {table: self._read(table) for table in self.TABLES}
        self._events, self._entries = self._count("payout_events"), self._count("ledger_transactions")

    def _read(self, table):
        with transaction(self._program.id, read_only=True):
            return scalar(
                f"SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') FROM {table} t WHERE program_id = %(p)s",
                p=self._program.id,
            )

    def _count(self, table):
        with transaction(self._program.id, read_only=True):
            return scalar(f"SELECT count(*) FROM {table} WHERE program_id = %(p)s", p=self._program.id)

    def restore(self):
        """As the owner: the application itself could not."""
        import psycopg

        url = self._program.app.config["SETTINGS"].admin_database_url.replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(url) as owner:
            owner.execute("SET session_replication_role = replica")  # no triggers, no foreign keys: this is a restore
            program_id = self._program.id
            for table in ("payout_attempts", "payout_resolutions", "payouts", "member_balances", "outbox"):
                owner.execute(f"DELETE FROM {table} WHERE program_id = %s", (program_id,))
            self._cut(owner, "payout_events", "payout_id, number")
            owner.execute(
                """DELETE FROM ledger_postings WHERE program_id = %s AND transaction_id NOT IN (
                     SELECT id FROM ledger_transactions WHERE program_id = %s ORDER BY id LIMIT %s)""",
                (program_id, program_id, self._entries),
            )
            self._cut(owner, "ledger_transactions", "id", self._entries)
            owner.execute("DELETE FROM ledger_unsealed WHERE program_id = %s", (program_id,))
            for table, rows in self._rows.items():
                owner.execute(
                    f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(null::{table}, %s)",
                    (orjson.dumps(rows).decode(),),
                )

    def _cut(self, owner, table, key, keep=None):
        if keep is None:  # events: those beyond the restored version of their payout
            versions = {row["id"]: row["version"] for row in self._rows["payouts"]}
            for (payout_id,) in owner.execute(
                "SELECT DISTINCT payout_id FROM payout_events WHERE program_id = %s", (self._program.id,)
            ).fetchall():
                owner.execute(
                    "DELETE FROM payout_events WHERE program_id = %s AND payout_id = %s AND number > %s",
                    (self._program.id, payout_id, versions.get(str(payout_id), 0)),
                )
            return
        owner.execute(
            f"""DELETE FROM {table} WHERE program_id = %s AND {key} NOT IN (
                  SELECT {key} FROM {table} WHERE program_id = %s ORDER BY {key} LIMIT %s)""",
            (self._program.id, self._program.id, keep),
        )


def reconciled(program):
    """What concerns this program: transfers by sight, and findings. Other tests' payouts are in no book of ours."""
    report = reconciliation.reconcile()
    others = [one for one in report.findings if one["program"] not in {None, str(program.id)}]
    assert {one["class"] for one in others} <= {"ours_only"}
    counts = Counter(report.counts) - Counter(one["class"] for one in others)
    return dict(counts), [one for one in report.findings if one not in others]


def answer_for_other_tests(program):
    """Leave nothing open but what is this program's."""
    findings = reconciliation.reconcile().findings
    keys = [one["key"] for one in findings if one["program"] not in {None, str(program.id)}]
    if keys:
        acknowledge(keys, "another test", "nobody")


def booked(server, payout_ids):
    return Counter(parse_key(one["key"])[0] for one in server.book() if parse_key(one["key"])[0] in payout_ids)


def test_without_the_lock_there_is_nothing_to_reconcile_after(program):
    with pytest.raises(WrongState, match="not locked"):
        reconciliation.reconcile()
    with pytest.raises(WrongState, match="not locked"):
        unlock()


def test_a_rail_that_does_not_answer_is_said_so(program, lock, app, monkeypatch):
    from dataclasses import replace

    monkeypatch.setitem(app.config, "SETTINGS", replace(app.config["SETTINGS"], sandbox_url="http://127.0.0.1:9"))
    with pytest.raises(Unavailable, match="cannot be read"):
        reconciliation.reconcile()
    with pytest.raises(WrongState, match="Reconcile first"):
        unlock()


def test_what_was_sent_after_the_backup_is_adopted_and_never_paid_twice(program, server, sandbox_rail, lock_later):
    """queued in the backup, paid in the lost time: the restored books would send, cancel or release it again."""
    waiting = desk.requested(program, desk.payees(program))
    queued = desk.queued(program, 3)
    backup = Backup(program)
    desk.approve(program, waiting)
    desk.settle(program)
    assert desk.statuses(program, queued + waiting) == {"paid"}
    backup.restore()
    lock_later()
    assert (desk.statuses(program, queued), desk.statuses(program, waiting)) == ({"queued"}, {"requested"})
    assert reconciled(program) == ({"adopt": 4}, [])
    assert desk.statuses(program, queued + waiting) == {"unknown"}
    desk.settle(program)
    assert desk.statuses(program, queued + waiting) == {"paid"}
    assert set(booked(server, set(queued + waiting)).values()) == {1}
    desk.assert_books_agree(program)
    assert reconciled(program) == ({"agrees": 4}, [])
    answer_for_other_tests(program)
    unlock()
    desk.settle(program)
    assert set(booked(server, set(queued + waiting)).values()) == {1}


def test_a_retry_of_the_lost_time_is_adopted_with_its_money_reserved_again(
    program, server, use_rail, sandbox_rail, lock_later
):
    from commission.payouts.rails.protocol import Failed
    from tests.commission.payouts.fake_rail import FakeRail

    fake = FakeRail(before=lambda _request, _number: Failed("closed"))
    use_rail(fake)
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    assert desk.row(program, payout_id).status == "failed"
    use_rail(sandbox_rail)
    backup = Backup(program)
    program.staff("finance").post(f"/v1/payouts/{public_id('pay', payout_id)}/retry")
    desk.settle(program)
    backup.restore()
    lock_later()
    assert desk.balance_of_payout(program, payout_id) == (0, AMOUNT, 0, 0)
    assert reconciled(program) == ({"adopt": 1}, [])
    desk.settle(program)
    row = desk.row(program, payout_id)
    assert (row.status, row.attempt, row.attempts) == ("paid", 2, ["failed", "paid"])
    assert desk.balance_of_payout(program, payout_id) == (0, 0, 0, AMOUNT)
    desk.assert_books_agree(program)


def test_a_payout_that_the_backup_does_not_know_blocks_until_somebody_answers_for_it(
    program, server, sandbox_rail, lock_later
):
    (member,) = desk.payees(program)
    backup = Backup(program)
    (payout_id,) = desk.requested(program, [member])
    desk.approve(program, [payout_id])
    desk.settle(program)
    backup.restore()
    lock_later()
    assert desk.balance(program, member) == (0, AMOUNT, 0, 0)  # the danger: it looks as if it were still owed
    answer_for_other_tests(program)
    counts, (finding,) = reconciled(program)
    assert counts == {"theirs_only": 1}
    assert (finding["class"], finding["amount"], finding["member"]) == ("theirs_only", AMOUNT, public_id("mem", member))
    with pytest.raises(WrongState, match="1 findings are not acknowledged"):
        unlock()
    with pytest.raises(NotFound):
        acknowledge(["bn-other"], "x", "y")
    acknowledge([finding["key"]], "adjustment of -5000 posted", "Ann of finance")
    assert reconciliation.reconcile().open_findings == []  # again: the answer stays
    unlock()
    with transaction():
        assert not scalar("SELECT count(*) FROM operation_flags WHERE name = %(name)s", name=FLAG)


def test_what_we_gave_up_and_the_rail_moved_blocks_too(program, server, sandbox_rail, lock_later):
    (payout_id,) = desk.queued(program)
    backup = Backup(program)
    desk.settle(program)
    backup.restore()
    lock_later()
    assert program.staff("finance").post(f"/v1/payouts/{public_id('pay', payout_id)}/cancel").status_code == 200
    answer_for_other_tests(program)
    _, findings = reconciled(program)
    assert [(one["class"], one["payout"]) for one in findings] == [("status_differs", public_id("pay", payout_id))]
    with pytest.raises(WrongState):
        unlock()


def test_what_we_believe_paid_and_the_rail_does_not_know_blocks_too(program, server, rail, lock_later):
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    assert desk.row(program, payout_id).status == "paid"
    lock_later()
    counts, findings = reconciled(program)
    assert (counts, [one["class"] for one in findings]) == ({"ours_only": 1}, ["ours_only"])


def test_transfers_of_somebody_else_through_the_same_account_block_nothing(program, server, sandbox_rail, lock):
    body = {"key": "SHOP1", "account": "x", "account_name": "y", "amount": 1, "currency": "GBP"}
    assert server.post(body).status_code == 201
    assert reconciled(program) == ({"foreign": 1}, [])
    answer_for_other_tests(program)
    unlock()


def test_unlocking_sends_what_waited(program, server, sandbox_rail, lock):
    payout_ids = desk.queued(program, 2)
    run_jobs(program.id)
    assert desk.statuses(program, payout_ids) == {"queued"}
    answer_for_other_tests(program)
    assert unlock() >= 2
    run_jobs(program.id)
    assert desk.statuses(program, payout_ids) == {"paid"}
    assert set(booked(server, set(payout_ids)).values()) == {1}
    events = program.staff("owner").get("/v1/audit-events").json["data"]
    assert "payouts.unlock" in {event["action"] for event in events}


@pytest.fixture
def command(app):
    """Runs `flask payouts …`: the exit code, and what it prints as JSON or says went wrong."""
    runner = app.test_cli_runner()

    def run(*arguments):
        result = runner.invoke(args=["payouts", *arguments])
        return result.exit_code, orjson.loads(result.stdout) if result.stdout else result.stderr

    return run


def test_the_command_line_without_a_lock(program, command):
    assert command("status") == (0, {"locked": False})
    for verb in ("reconcile", "unlock"):
        code, said = command(verb)
        assert (code, "not locked" in said) == (1, True)


def test_the_command_line_after_a_restore(program, server, sandbox_rail, command, lock_later):
    (member,) = desk.payees(program)
    backup = Backup(program)
    desk.approve(program, desk.requested(program, [member]))
    desk.settle(program)
    backup.restore()
    assert command("lock", "--reason", "restored by hand")[0] == 0
    lock_later()  # again: the lock in place stays
    assert command("status")[1]["reason"] == "restored by hand"
    code, said = command("reconcile")
    assert (code, said["counts"]["theirs_only"], said["open"]) == (1, 1, len(said["findings"]))
    code, message = command("unlock")
    assert (code, "not acknowledged" in message) == (1, True)
    (key,) = (one["key"] for one in said["findings"] if one["class"] == "theirs_only")
    assert command("acknowledge", key, "--evidence", "adjusted", "--by", "Ann") == (0, {"acknowledged": 1})
    if said["open"] > 1:  # payouts of other tests, which this rail never saw
        answer = command("acknowledge", "ours_only", "--evidence", "other tests", "--by", "Ann")
        assert answer == (0, {"acknowledged": said["open"] - 1})
    assert command("reconcile")[0] == 0
    code, said = command("unlock")
    assert (code, said["locked"], command("status")) == (0, False, (0, {"locked": False}))
