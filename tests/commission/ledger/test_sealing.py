"""Sealing: every transaction gets one place in the chain, whoever seals and however often."""

from datetime import date
from uuid import UUID

from commission.ledger import queries
from commission.ledger.chain import GENESIS, link
from commission.ledger.rules import Account
from commission.ledger.sealing import postings_by_transaction, seal_chunk
from commission.ledger.service import post
from core.db import connection, transaction
from core.jobs.outbox import publish
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import TestProgram, make_program
from tests.commission.ledger.entries import accrued, moved, post_now
from tests.factories import seed_members
from tests.jobs import deliver_now, lease_jobs, run_jobs, waiting_jobs
from tests.threads import together


def seals_of(program: TestProgram) -> list[tuple[int, UUID, bytes]]:
    with transaction(program.id, read_only=True):
        return (
            connection()
            .execute(
                "SELECT seq, transaction_id, hash FROM ledger_seals WHERE program_id = %s ORDER BY seq", (program.id,)
            )
            .fetchall()
        )


def seal_all(program: TestProgram, most: int = 2000) -> None:
    sealed = most
    while sealed == most:
        with transaction(program.id):
            sealed = seal_chunk(program.id, most)


def assert_chain_holds(program: TestProgram, count: int) -> None:
    seals = seals_of(program)
    assert [seq for seq, _, _ in seals] == list(range(1, count + 1))
    ids = [transaction_id for _, transaction_id, _ in seals]
    assert len(set(ids)) == count
    last = GENESIS
    with transaction(program.id, read_only=True):
        found = {one.id: one for one in queries.transactions_of(program.id, ids)}
        postings = postings_by_transaction(queries.postings_of(program.id, ids))
        assert not queries.is_anything_unsealed(program.id)
        assert queries.head_of(program.id) == ((count, seals[-1][2]) if seals else (0, GENESIS))
    for _, transaction_id, kept in seals:
        last = link(last, program.id, found[transaction_id], postings[transaction_id])
        assert last == kept


def test_chunks_make_one_chain_in_the_order_of_recording(program: TestProgram) -> None:
    (member,) = seed_members(program)
    ids = [post_now(program, [accrued(member, 1 + n, note={"n": n})])[0] for n in range(7)]
    seal_all(program, 3)
    assert [transaction_id for _, transaction_id, _ in seals_of(program)] == ids
    assert_chain_holds(program, 7)
    post_now(program, [accrued(member, 9)])
    seal_all(program, 3)
    assert_chain_holds(program, 8)


def test_two_sealers_at_once_seal_everything_once(program: TestProgram) -> None:
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 1) for _ in range(60)])
    together(program.app, *[lambda: seal_all(program, 7)] * 4)
    assert_chain_holds(program, 60)


def test_sealing_beside_posting_loses_nothing(program: TestProgram) -> None:
    members = seed_members(program, 3)

    def post_some(seed: int) -> None:
        for _ in range(12):
            post_now(program, [accrued(members[seed], 1), accrued(members[seed], 2)])

    together(
        program.app, *[lambda seed=seed: post_some(seed) for seed in range(3)], *[lambda: seal_all(program, 5)] * 2
    )  # type: ignore[misc]
    seal_all(program)
    assert_chain_holds(program, 72)


def test_programs_have_chains_of_their_own(program: TestProgram) -> None:
    other = make_program(program.app)
    for one in (program, other):
        (member,) = seed_members(one)
        post_now(one, [accrued(member, 5, key="order:1")])
        seal_all(one)
        assert_chain_holds(one, 1)
    assert seals_of(program)[0][2] != seals_of(other)[0][2]


def test_snapshots_are_the_totals_of_what_is_sealed(program: TestProgram) -> None:
    (member,) = seed_members(program)
    matured = moved("commission.matured", Account.MEMBER_PENDING, Account.MEMBER_AVAILABLE, member, 30)
    post_now(program, [accrued(member, 50), accrued(member, 7), matured])
    seal_all(program, 2)
    post_now(program, [accrued(member, 1000)])  # not sealed: not in the snapshots
    with transaction(program.id, read_only=True):
        rows = connection().execute(
            """SELECT account, currency, debit, credit FROM ledger_snapshots WHERE program_id = %s ORDER BY account""",
            (program.id,),
        )
        assert rows.fetchall() == [
            ("commission_expense", "GBP", 57, 0),
            ("member_available", "GBP", 0, 30),
            ("member_pending", "GBP", 30, 57),
        ]


def test_the_scheduler_has_sealed_what_was_posted(program: TestProgram) -> None:
    (member,) = seed_members(program)
    publish_where_due(program.id, [SCHEDULES["ledger.seal"]])
    assert waiting_jobs(program.id) == []
    post_now(program, [accrued(member, 5)])
    publish_where_due(program.id, [SCHEDULES["ledger.seal"]])
    assert run_jobs(program.id) == ["ledger.seal"]
    assert_chain_holds(program, 1)


def test_a_sealing_job_delivered_twice_seals_once(program: TestProgram) -> None:
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 5), accrued(member, 6)])
    with transaction(program.id):
        publish(program.id, "ledger.seal", {})
    [delivery] = lease_jobs(program.id, "default")
    together(program.app, *[lambda: deliver_now(delivery)] * 2)
    assert_chain_holds(program, 2)


def test_sealing_does_not_wait_for_those_who_post_into_old_months(program: TestProgram) -> None:
    """They hold the head row too, but only against closing."""
    (member,) = seed_members(program)
    old = date(2020, 1, 31)
    post_now(program, [accrued(member, 5, on=old)])
    with transaction(program.id):
        post(program.id, "GBP", [accrued(member, 6, on=old)])
        together(program.app, lambda: seal_all(program))
    assert len(seals_of(program)) == 1
