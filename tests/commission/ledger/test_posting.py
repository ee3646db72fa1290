"""Posting: entries become transactions, balances follow their postings, at any concurrency."""

import time
from datetime import timedelta
from functools import partial
from threading import Event
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commission.ledger.errors import DuplicateEntry, UnbalancedEntry
from commission.ledger.rules import Account, Balance, Entry, Posting
from commission.ledger.service import balances_of, post
from core.db import connection, scalar, transaction
from core.ids import new_id
from tests.clients import TestProgram, make_program
from tests.commission.ledger.entries import CASH, accrued, balance_of, moved, owner, post_now, today
from tests.factories import seed_members
from tests.threads import together

PENDING, AVAILABLE, IN_PAYOUT = Account.MEMBER_PENDING, Account.MEMBER_AVAILABLE, Account.MEMBER_IN_PAYOUT


def test_the_life_of_a_commission_moves_through_the_buckets(program: TestProgram) -> None:
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 500)])
    assert balance_of(program, member) == Balance(500, 0, 0, 0)
    post_now(program, [moved("commission.matured", PENDING, AVAILABLE, member, 500)])
    post_now(program, [moved("payout.reserved", AVAILABLE, IN_PAYOUT, member, 300)])
    assert balance_of(program, member) == Balance(0, 200, 300, 0)
    post_now(program, [moved("payout.paid", IN_PAYOUT, CASH, member, 300)])
    assert balance_of(program, member) == Balance(0, 200, 0, 300)
    post_now(program, [moved("payout.returned", CASH, AVAILABLE, member, 300)])
    assert balance_of(program, member) == Balance(0, 500, 0, 0)


def test_ids_come_back_in_the_order_of_the_entries(program: TestProgram) -> None:
    (member,) = seed_members(program)
    keys = ["z", "a", "m"]
    ids = post_now(program, [accrued(member, 1, key=key) for key in keys])
    with transaction(program.id, read_only=True):
        found = [
            scalar(
                "SELECT source_key FROM ledger_transactions WHERE program_id = %(p)s AND id = %(id)s",
                p=program.id,
                id=id_,
            )
            for id_ in ids
        ]
    assert found == keys


def test_nothing_to_post_is_nothing(program: TestProgram) -> None:
    assert post_now(program, []) == []


def test_a_clawback_below_zero_is_debt(program: TestProgram) -> None:
    (member,) = seed_members(program)
    post_now(program, [moved("commission.reversed", AVAILABLE, Account.COMMISSION_EXPENSE, member, 70)])
    assert (balance_of(program, member).available, balance_of(program, member).debt) == (-70, 70)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (PENDING, AVAILABLE),
        (IN_PAYOUT, AVAILABLE),
        (CASH, AVAILABLE),
    ],
)
def test_no_bucket_gives_back_more_than_it_was_given(program: TestProgram, source: str, target: str) -> None:
    (member,) = seed_members(program)
    with pytest.raises(psycopg.errors.CheckViolation):
        post_now(program, [moved("test.moved", source, target, member, 1)])
    post_now(program, [accrued(member, 5)])
    post_now(program, [moved("test.filled", PENDING, source, member, 5)] if source != PENDING else [])
    with pytest.raises(psycopg.errors.CheckViolation):
        post_now(program, [moved("test.moved", source, target, member, 6)])
    post_now(program, [moved("test.moved", source, target, member, 5)])
    assert balance_of(program, member) == Balance(0, 5, 0, 0)


def _postings(*postings: tuple[str, UUID | None, int]) -> Entry:
    return Entry("test.wrong", f"test:{new_id()}", today(), tuple(Posting(*posting) for posting in postings))


def test_what_cannot_be_an_entry_is_refused(program: TestProgram) -> None:
    (member,) = seed_members(program)
    wrong = [
        _postings(),
        _postings((Account.COMMISSION_EXPENSE, None, -5), (PENDING, member, 4)),
        _postings((Account.COMMISSION_EXPENSE, None, -5), (PENDING, None, 5)),
        _postings((Account.COMMISSION_EXPENSE, member, -5), (PENDING, member, 5)),
        _postings((Account.COMMISSION_EXPENSE, None, 0), (PENDING, member, 0)),
        _postings(("slush_fund", None, -5), (PENDING, member, 5)),
    ]
    for entry in wrong:
        with pytest.raises(UnbalancedEntry):
            post_now(program, [accrued(member, 1), entry])
    assert balance_of(program, member) == Balance(0, 0, 0, 0)


def test_an_event_is_posted_once(program: TestProgram) -> None:
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 10, key="order:1")])
    with pytest.raises(DuplicateEntry):
        post_now(program, [accrued(member, 10, key="order:2"), accrued(member, 10, key="order:1")])
    with pytest.raises(DuplicateEntry):
        post_now(program, [accrued(member, 10, key="order:3"), accrued(member, 10, key="order:3")])
    assert balance_of(program, member) == Balance(10, 0, 0, 0)
    other = make_program(program.app)
    (stranger,) = seed_members(other)
    post_now(other, [accrued(stranger, 10, key="order:1")])  # keys are a program's own


def test_the_same_event_from_many_threads_is_posted_once(program: TestProgram) -> None:
    (member,) = seed_members(program)

    def attempt() -> bool:
        try:
            post_now(program, [accrued(member, 10, key="order:1")])
        except DuplicateEntry:
            return False
        return True

    assert sum(together(program.app, *[attempt] * 6)) == 1
    assert balance_of(program, member) == Balance(10, 0, 0, 0)


def test_a_hot_member_keeps_his_balance_under_many_hands(program: TestProgram) -> None:
    hot, *others = seed_members(program, 5)

    def work(seed: int) -> None:
        for turn in range(10):
            batch = [accrued(hot, 1 + seed), accrued(others[(seed + turn) % 4], 7), accrued(hot, 2)]
            post_now(program, batch)

    together(program.app, *[partial(work, seed) for seed in range(6)])
    assert balance_of(program, hot).pending == 10 * sum(3 + seed for seed in range(6))
    assert_balances_follow_postings(program)


def test_batches_that_meet_in_opposite_order_do_not_deadlock(program: TestProgram) -> None:
    members = seed_members(program, 40)

    def work(order: list[UUID]) -> None:
        for _ in range(15):
            post_now(program, [accrued(member, 1) for member in order])

    together(program.app, *[lambda: work(members), lambda: work(members[::-1])] * 2)
    assert [balance_of(program, member).pending for member in members[:3]] == [60] * 3


LOCK = "SELECT FROM member_balances WHERE program_id = %s AND member_id = %s FOR UPDATE"


def test_balances_are_locked_in_the_order_of_ids(program: TestProgram) -> None:
    """Who waits for the lowest does not hold the highest yet."""
    low, high = sorted(seed_members(program, 2))
    post_now(program, [accrued(low, 1), accrued(high, 1)])
    locked = Event()

    def hold_the_lowest() -> None:
        with owner(program.app) as books, books.transaction():
            books.execute(LOCK, (program.id, low))
            locked.set()
            wait_until_somebody_waits(books.info.backend_pid)
            with owner(program.app) as others:
                others.execute(LOCK + " NOWAIT", (program.id, high))

    def post_the_highest_first() -> None:
        assert locked.wait(10)
        post_now(program, [accrued(high, 1), accrued(low, 1)])

    def wait_until_somebody_waits(for_pid: int) -> None:
        with owner(program.app) as watch:
            for _ in range(200):
                blocked = "SELECT 1 FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
                if watch.execute(blocked, (for_pid,)).fetchone():
                    return
                time.sleep(0.05)
        raise AssertionError("nobody came to wait")

    together(program.app, hold_the_lowest, post_the_highest_first)
    assert [balance_of(program, member).pending for member in (low, high)] == [2, 2]


def test_five_hundred_entries_take_as_many_statements_as_one(
    program: TestProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = seed_members(program, 20)
    sent: list[object] = []
    execute = psycopg.Connection.execute

    def counting(self: psycopg.Connection, query: object, *values: object, **options: object) -> object:
        sent.append(query)
        return execute(self, query, *values, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(psycopg.Connection, "execute", counting)
    counts = []
    for size in (1, 500):
        with transaction(program.id):
            sent.clear()
            post(
                program.id,
                "GBP",
                [accrued(members[n % 20], 1 + n, on=today() + timedelta(days=40)) for n in range(size)],
            )
            counts.append(len(sent))
    assert counts == [3, 3]


def assert_balances_follow_postings(program: TestProgram) -> None:
    with transaction(program.id, read_only=True):
        rows = connection().execute(
            """SELECT b.pending, b.available, b.in_payout, b.paid,
                      coalesce(sum(p.amount) FILTER (WHERE p.account = 'member_pending'), 0),
                      coalesce(sum(p.amount) FILTER (WHERE p.account = 'member_available'), 0),
                      coalesce(sum(p.amount) FILTER (WHERE p.account = 'member_in_payout'), 0),
                      coalesce(sum(p.amount) FILTER (WHERE p.account LIKE 'cash%%'), 0)
               FROM member_balances b LEFT JOIN ledger_postings p
                 ON p.program_id = b.program_id AND p.member_id = b.member_id AND p.currency = b.currency
               WHERE b.program_id = %s GROUP BY b.program_id, b.member_id, b.currency""",
            (program.id,),
        )
        for row in rows.fetchall():
            assert row[:4] == row[4:]


_ACCOUNTS = st.sampled_from([AVAILABLE, Account.ADJUSTMENT_EXPENSE, Account.COMMISSION_EXPENSE])
_LEGS = st.lists(st.tuples(_ACCOUNTS, st.integers(0, 3), st.integers(-(10**12), 10**12).filter(bool)), max_size=5)
_ENTRIES = st.lists(_LEGS, min_size=1, max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=_ENTRIES, size=st.integers(1, 12))
def test_any_entries_in_any_batches_leave_balances_that_are_the_sums(
    program: TestProgram, drawn: list[list[tuple[str, int, int]]], size: int
) -> None:
    mine = make_program(program.app)
    members = seed_members(mine, 4)
    entries, expected = [], [0, 0, 0, 0]
    for legs in drawn:
        rest = sum(amount for _, _, amount in legs)
        postings = [
            Posting(account, members[who] if account == AVAILABLE else None, amount) for account, who, amount in legs
        ]
        if rest or not postings:  # one more leg brings it to zero
            postings += [Posting(Account.COMMISSION_EXPENSE, None, -rest - 1), Posting(AVAILABLE, members[0], 1)]
            expected[0] += 1
            postings = [posting for posting in postings if posting.amount]
        for account, who, amount in legs:
            expected[who] += amount if account == AVAILABLE else 0
        entries.append(Entry("test.random", f"test:{new_id()}", today(), tuple(postings)))
    for start in range(0, len(entries), size):
        post_now(mine, entries[start : start + size])
    with transaction(mine.id, read_only=True):
        balances = balances_of(mine.id, members)
        whole = scalar("SELECT coalesce(sum(amount), 0) FROM ledger_postings WHERE program_id = %(p)s", p=mine.id)
    assert [balances[member].available for member in members] == expected
    assert whole == 0
    assert_balances_follow_postings(mine)
