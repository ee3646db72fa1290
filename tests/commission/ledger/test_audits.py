"""Audits: clean books pass, and whatever is wrong with the rows is found and named."""

from functools import partial
from uuid import UUID

import pytest

from commission.ledger import audit_steps, audits
from commission.ledger.audits import Checked, Finding
from commission.ledger.rules import Account
from commission.ledger.sealing import seal_chunk
from core.auth.actor import Actor, ActorKind
from core.db import connection, transaction
from core.ids import new_id, public_id
from tests.clients import TestProgram
from tests.commission.ledger.entries import accrued, moved, post_now, tamper
from tests.factories import seed_members
from tests.jobs import deliver_now, lease_jobs, run_jobs
from tests.threads import together


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that books of a few rows already take several pieces of every step."""
    for name in ("SEALS", "TRANSACTIONS", "MEMBERS"):
        monkeypatch.setattr(audit_steps, name, 3)


@pytest.fixture
def members(program: TestProgram) -> list[UUID]:
    """Five members with two transactions each, all sealed; and one that is not sealed yet."""
    made = seed_members(program, 5)
    post_now(program, [accrued(member, 10 + n) for n, member in enumerate(made)])
    post_now(
        program, [moved("commission.matured", Account.MEMBER_PENDING, Account.MEMBER_AVAILABLE, m, 4) for m in made]
    )
    with transaction(program.id):
        seal_chunk(program.id)
    post_now(program, [accrued(made[0], 1000)])
    return made


def request(program: TestProgram) -> UUID:
    actor = Actor(program.now(), ActorKind.STAFF, new_id())
    with transaction(program.id):
        return audits.request_audit(actor).id


def audited(program: TestProgram) -> audits.Progress:
    """An audit from beginning to end."""
    audit_id = request(program)
    run_jobs(program.id)
    with transaction(program.id, read_only=True):
        audit = audits.audit_of(program.id, audit_id)
    assert audit.status == "completed"
    return audit.progress


def found(program: TestProgram) -> set[tuple[str | None, str | None]]:
    """What an audit complains of: check and subject."""
    progress = audited(program)
    assert progress.problem_count == len(progress.problems)
    return {(problem["check"], problem["subject"]) for problem in progress.problems}


def seals(program: TestProgram) -> list[tuple[int, UUID]]:
    with transaction(program.id, read_only=True):
        rows = connection().execute(
            "SELECT seq, transaction_id FROM ledger_seals WHERE program_id = %s ORDER BY seq", (program.id,)
        )
        return rows.fetchall()


def test_clean_books_pass_and_an_unsealed_tail_is_no_problem(program: TestProgram, members: list[UUID]) -> None:
    progress = audited(program)
    assert progress.problems == []
    own = {name: progress.checked[name] for name in ("chain", "transactions", "balances", "accounts")}
    assert own == {"chain": 10, "transactions": 11, "balances": 5, "accounts": 3}
    assert progress.seq == 10


def test_empty_books_pass(program: TestProgram) -> None:
    progress = audited(program)
    assert (progress.problem_count, progress.seq, progress.hash) == (0, 0, "00" * 32)


def test_a_member_whose_money_is_gone_passes(program: TestProgram) -> None:
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 5), moved("x.y", Account.MEMBER_PENDING, Account.COMMISSION_EXPENSE, member, 5)])
    assert found(program) == set()


@pytest.mark.parametrize(
    "change",
    [
        "amount = amount * 2",
        "account = account || 'x'",
        "member_id = transaction_id",
        "currency = 'USD'",
        "position = 5 - position",
    ],
)
def test_a_changed_posting_breaks_its_link(program: TestProgram, members: list[UUID], change: str) -> None:
    _, victim = seals(program)[4]
    tamper(
        program.app,
        f"UPDATE ledger_postings SET {change} WHERE program_id = %(p)s AND transaction_id = %(id)s",
        p=program.id, id=victim,
    )  # fmt: skip
    assert ("chain", public_id("ltx", victim)) in found(program)


@pytest.mark.parametrize(
    "change",
    ["kind = 'x'", "source_key = 'x'", "recorded_at = recorded_at - interval '1 day'", "effective_on = '2020-01-01'",
     "order_id = payout_id, payout_id = id", "note = '{}'"],
)  # fmt: skip
def test_a_changed_transaction_breaks_its_link_and_no_other(
    program: TestProgram, members: list[UUID], change: str
) -> None:
    _, victim = seals(program)[4]
    tamper(
        program.app,
        f"UPDATE ledger_transactions SET {change} WHERE program_id = %(p)s AND id = %(id)s",
        p=program.id, id=victim,
    )  # fmt: skip
    assert found(program) == {("chain", public_id("ltx", victim))}


def test_money_moved_from_one_member_to_another_is_found(program: TestProgram, members: list[UUID]) -> None:
    """Sums still hold; the link and both balances tell."""
    _, victim = seals(program)[0]
    tamper(
        program.app,
        """UPDATE ledger_postings SET member_id = %(thief)s
           WHERE program_id = %(p)s AND transaction_id = %(id)s AND member_id IS NOT NULL""",
        p=program.id, id=victim, thief=members[4],
    )  # fmt: skip
    problems = found(program)
    assert ("chain", public_id("ltx", victim)) in problems
    assert ("balances", public_id("mem", members[4])) in problems
    assert len(problems) == 3


def test_a_deleted_transaction_is_found(program: TestProgram, members: list[UUID]) -> None:
    _, victim = seals(program)[7]
    for table, column in (("ledger_transactions", "id"), ("ledger_postings", "transaction_id")):
        tamper(
            program.app, f"DELETE FROM {table} WHERE program_id = %(p)s AND {column} = %(id)s", p=program.id, id=victim
        )
    problems = found(program)
    assert ("chain", public_id("ltx", victim)) in problems
    assert ("accounts", Account.MEMBER_AVAILABLE) in problems


def test_deleted_postings_are_found_even_unsealed(program: TestProgram, members: list[UUID]) -> None:
    [victim] = post_now(program, [accrued(members[1], 6)])
    tamper(
        program.app, "DELETE FROM ledger_postings WHERE program_id = %(p)s AND transaction_id = %(id)s",
        p=program.id, id=victim,
    )  # fmt: skip
    assert found(program) == {("transactions", public_id("ltx", victim)), ("balances", public_id("mem", members[1]))}


def test_half_a_posting_taken_before_it_was_sealed_is_found(program: TestProgram, members: list[UUID]) -> None:
    [victim] = post_now(program, [accrued(members[1], 6)])
    tamper(
        program.app,
        "UPDATE ledger_postings SET amount = 7 WHERE program_id = %(p)s AND transaction_id = %(id)s AND amount = 6",
        p=program.id, id=victim,
    )  # fmt: skip
    with transaction(program.id):
        seal_chunk(program.id)  # the chain now vouches for it: the sum and the balance do not
    assert found(program) == {("transactions", public_id("ltx", victim)), ("balances", public_id("mem", members[1]))}


@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_gap_in_the_chain_is_found(program: TestProgram, members: list[UUID], place: int) -> None:
    seq, victim = seals(program)[place]
    tamper(program.app, "DELETE FROM ledger_seals WHERE program_id = %(p)s AND seq = %(seq)s", p=program.id, seq=seq)
    assert ("transactions", public_id("ltx", victim)) in found(program)
    assert {check for check, _ in found(program)} == {"chain", "transactions"}


def test_two_swapped_seals_are_found(program: TestProgram, members: list[UUID]) -> None:
    (one, first), (two, second) = seals(program)[2:4]
    for seq, transaction_id in ((-1, first), (one, second), (two, first)):
        tamper(
            program.app,
            """UPDATE ledger_seals SET seq = %(seq)s WHERE program_id = %(p)s AND transaction_id = %(id)s""",
            p=program.id, seq=seq, id=transaction_id,
        )  # fmt: skip
    assert {("chain", public_id("ltx", first)), ("chain", public_id("ltx", second))} <= found(program)


def test_a_rewritten_head_is_found(program: TestProgram, members: list[UUID]) -> None:
    tamper(program.app, "UPDATE ledger_heads SET seq = seq + 5 WHERE program_id = %(p)s", p=program.id)
    assert found(program) == {("chain", None)}
    tamper(program.app, "UPDATE ledger_heads SET seq = seq - 6 WHERE program_id = %(p)s", p=program.id)
    assert found(program) == {("chain", None)}


def test_a_forgotten_transaction_is_found(program: TestProgram, members: list[UUID]) -> None:
    [victim] = post_now(program, [accrued(members[1], 6)])
    tamper(
        program.app, "DELETE FROM ledger_unsealed WHERE program_id = %(p)s AND transaction_id = %(id)s",
        p=program.id, id=victim,
    )  # fmt: skip
    problems = found(program)
    assert ("transactions", public_id("ltx", victim)) in problems
    assert ("accounts", Account.MEMBER_PENDING) in problems


@pytest.mark.parametrize("bucket", ["pending", "available", "in_payout", "paid"])
def test_a_wrong_balance_is_found(program: TestProgram, members: list[UUID], bucket: str) -> None:
    tamper(
        program.app,
        f"UPDATE member_balances SET {bucket} = {bucket} + 1 WHERE program_id = %(p)s AND member_id = %(member)s",
        p=program.id, member=members[4],
    )  # fmt: skip
    # features above, such as payouts, may have something to say as well
    assert {one for one in found(program) if one[0] == "balances"} == {("balances", public_id("mem", members[4]))}


def test_a_lost_balance_is_found(program: TestProgram, members: list[UUID]) -> None:
    victim = max(members)  # of the last piece
    tamper(
        program.app, "DELETE FROM member_balances WHERE program_id = %(p)s AND member_id = %(member)s",
        p=program.id, member=victim,
    )  # fmt: skip
    assert found(program) == {("balances", public_id("mem", victim))}


def test_a_wrong_snapshot_is_found(program: TestProgram, members: list[UUID]) -> None:
    tamper(
        program.app, "UPDATE ledger_snapshots SET debit = debit + 1 WHERE program_id = %(p)s AND account = %(account)s",
        p=program.id, account=Account.COMMISSION_EXPENSE.value,
    )  # fmt: skip
    assert found(program) == {("accounts", Account.COMMISSION_EXPENSE)}


def test_a_hundred_problems_are_kept_and_all_counted(program: TestProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [Finding(None, "Not good.")] * 130
    monkeypatch.setitem(audits._STEPS, "books", lambda *_: Checked(130, findings))
    progress = audited(program)
    assert (len(progress.problems), progress.problem_count) == (100, 130)


def test_features_above_have_their_books_compared(program: TestProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "_STEPS", dict(audits._STEPS))
    audits.register_audit_check("loans", lambda program_id: Checked(7, [Finding("loan_1", f"Not of {program_id}.")]))
    progress = audited(program)
    assert progress.checked["loans"] == 7
    assert progress.problems == [{"check": "loans", "subject": "loan_1", "detail": f"Not of {program.id}."}]


def test_an_audit_beside_posting_and_sealing_finds_nothing(program: TestProgram, members: list[UUID]) -> None:
    def post_some(member: UUID) -> None:
        for _ in range(15):
            post_now(program, [accrued(member, 3), accrued(members[0], 2)])
            with transaction(program.id):
                seal_chunk(program.id, 4)

    def audit_some() -> None:
        audit_id = request(program)
        done = False
        while not done:
            with transaction(program.id):
                done = audits.audit_chunk(program.id, audit_id, 1)
        with transaction(program.id, read_only=True):
            assert audits.audit_of(program.id, audit_id).progress.problems == []

    together(program.app, *[partial(post_some, member) for member in members[1:3]], *[audit_some] * 2)


def test_an_audit_delivered_twice_counts_once(program: TestProgram, members: list[UUID]) -> None:
    request(program)
    [delivery] = lease_jobs(program.id, "default")
    together(program.app, *[lambda: deliver_now(delivery)] * 2)
    run_jobs(program.id)
    with transaction(program.id, read_only=True):
        [(audit_id,)] = (
            connection().execute("SELECT id FROM ledger_audits WHERE program_id = %s", (program.id,)).fetchall()
        )
        assert audits.audit_of(program.id, audit_id).progress.checked["transactions"] == 11


def test_an_audit_goes_on_where_a_crash_left_it(program: TestProgram, members: list[UUID]) -> None:
    audit_id = request(program)
    with transaction(program.id):
        assert not audits.audit_chunk(program.id, audit_id, 2)

    def crash() -> None:
        with transaction(program.id):
            audits.audit_chunk(program.id, audit_id, 2)
            raise SystemExit

    with pytest.raises(SystemExit):
        crash()
    with transaction(program.id):
        assert audits.audit_chunk(program.id, audit_id, 100)
    with transaction(program.id, read_only=True):
        assert audits.audit_of(program.id, audit_id).progress.checked["chain"] == 10


def test_an_audit_over_http(program: TestProgram, members: list[UUID]) -> None:
    finance = program.staff("finance")
    asked = finance.post("/v1/ledger/audits")
    assert (asked.status_code, asked.json["status"], asked.json["ok"]) == (202, "running", None)
    run_jobs(program.id)
    answer = finance.get(f"/v1/ledger/audits/{asked.json['id']}").json
    assert (answer["status"], answer["ok"], answer["problems"]) == ("completed", True, [])
    last = seals(program)[-1][1]
    [transaction_] = [
        one for one in finance.get("/v1/ledger/transactions").json["data"] if one["id"] == public_id("ltx", last)
    ]
    assert answer["head"] == transaction_["seal"]
    assert answer["head"]["seq"] == 10
