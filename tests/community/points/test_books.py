"""Points in the ledger: no money comes of them, the audit sees whatever is wrong, and any sequence keeps the books."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg.errors
import pytest
from flask import Flask
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from commission.ledger.errors import UnbalancedEntry
from commission.ledger.service import POINTS, Account, Entry, Posting, post
from community.points.errors import NotEnoughPoints
from community.points.expiry import expire_chunk
from community.points.gifts import advance
from community.points.redemptions import redeem
from core.auth.service import program_of
from core.clock import frozen_at
from core.db import execute, transaction
from core.ids import new_id, parse_public_id, public_id
from tests.clients import TestProgram, make_program
from tests.commission.ledger.entries import accrued, moved, owner, post_now, tamper
from tests.community.points.desk import MORNING, an_award, assert_books, give, points_booked, take
from tests.factories import Earning, add_payout_method, seed_commissions, seed_members
from tests.jobs import run_jobs

TODAY = MORNING.date()


@pytest.fixture
def ada(program: TestProgram) -> UUID:
    return seed_members(program)[0]


def audit_of(program: TestProgram) -> list[dict[str, Any]]:
    finance = program.staff("finance")
    audit = finance.post("/v1/ledger/audits").json
    run_jobs(program.id)
    return finance.get(f"/v1/ledger/audits/{audit['id']}").json["problems"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("currency", "source", "target"),
    [
        (POINTS, Account.COMMISSION_EXPENSE, Account.MEMBER_AVAILABLE),
        (POINTS, Account.POINTS_ISSUED, Account.MEMBER_PENDING),
        (POINTS, Account.MEMBER_AVAILABLE, "cash_sandbox"),
        ("GBP", Account.POINTS_ISSUED, Account.MEMBER_AVAILABLE),
    ],
)
def test_points_and_money_do_not_mix(program: TestProgram, ada: UUID, currency: str, source: str, target: str) -> None:
    def owner_of(account: str) -> UUID | None:
        return ada if account.startswith(("member_", "cash_")) else None

    postings = (Posting(source, owner_of(source), -5), Posting(target, owner_of(target), 5))
    with pytest.raises(UnbalancedEntry), transaction(program.id):
        post(program.id, currency, [Entry("test.mixed", f"test:{new_id()}", TODAY, postings)])
    with pytest.raises(psycopg.errors.CheckViolation), transaction(program.id):
        _post_past_the_service(program, currency, postings)


def _post_past_the_service(program: TestProgram, currency: str, postings: tuple[Posting, ...]) -> None:
    transaction_id = new_id()
    execute(
        """INSERT INTO ledger_transactions (program_id, id, kind, source_key, currency, recorded_at, effective_on)
           VALUES (%(p)s, %(id)s, 'test.mixed', %(key)s, %(currency)s, %(at)s, %(day)s)""",
        p=program.id, id=transaction_id, key=str(transaction_id), currency=currency, at=MORNING, day=TODAY,
    )  # fmt: skip
    execute(
        """INSERT INTO ledger_postings (program_id, transaction_id, position, account, member_id, currency, amount)
           SELECT %(p)s, %(id)s, position - 1, account, member_id, %(currency)s, amount
           FROM unnest(%(accounts)s::text[], %(members)s::uuid[], %(amounts)s::bigint[])
             WITH ORDINALITY AS t (account, member_id, amount, position)""",
        p=program.id, id=transaction_id, currency=currency, accounts=[str(one.account) for one in postings],
        members=[one.member_id for one in postings], amounts=[one.amount for one in postings],
    )  # fmt: skip


def test_points_are_never_paid_out(program: TestProgram, ada: UUID) -> None:
    """Beside money of the same member: balance, settlement, finance and erasure see the money only."""
    finance = program.staff("finance")
    give(program, an_award(ada, 100_000, "a"))
    add_payout_method(program, ada)
    seed_commissions(program, [Earning(ada, 700)])
    assert program.client.get("/v1/members/ext:m-0/balance").json["pending"] == 700
    refused = program.client.post("/v1/members/ext:m-0/withdrawals", {"amount": 1000})
    assert refused.status_code == 409, refused.text
    run = finance.post("/v1/settlements", {"as_of": "2026-03-01T00:00:00Z", "min_payout": 0}).json
    run_jobs(program.id)
    assert finance.get(f"/v1/settlements/{run['id']}").json["totals"]["gross"] == 700
    summary = finance.get("/v1/finance/summary").json
    assert (summary["payable"], summary["in_payout"], summary["debt"]["amount"]) == (0, 700, 0)
    assert points_booked(program, ada) == 100_000
    lines = program.client.get("/v1/members/ext:m-0/statement").json["data"]
    assert not [line for line in lines if line["kind"].startswith("points.")]
    assert_books(program)


def test_the_trial_balance_shows_currencies_apart(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 40, "a"))
    post_now(program, [accrued(ada, 7)])
    shown = program.staff("finance").get("/v1/ledger/trial-balance").json
    assert [(one["currency"], one["code"], one["balance"]) for one in shown["accounts"]] == [
        ("GBP", "commission_expense", -7), ("GBP", "member_pending", 7),
        ("PTS", "member_available", 40), ("PTS", "points_issued", -40),
    ]  # fmt: skip
    assert shown["balanced"] is True


def test_points_do_not_fix_the_programs_currency(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 40, "a"))
    staff = program.staff("owner")
    assert staff.patch("/v1/program", {"currency": "EUR"}).status_code == 200
    post_now(program, [accrued(ada, 7)], "EUR")
    assert staff.patch("/v1/program", {"currency": "GBP"}).status_code == 409


@pytest.mark.parametrize(
    ("statement", "subject"),
    [
        ("UPDATE point_lots SET left_points = left_points - 1 WHERE program_id = %(p)s AND source_key = 'a'", "mem"),
        ("DELETE FROM point_lots WHERE program_id = %(p)s AND source_key = 'a'", "mem"),
        ("UPDATE point_lots SET taken_back = 1 WHERE program_id = %(p)s AND source_key = 'b'", "points_issued"),
        ("UPDATE point_uses SET amount = amount + 1 WHERE program_id = %(p)s", "rdm"),
        ("UPDATE reward_redemptions SET status = 'canceled' WHERE program_id = %(p)s", "points_redeemed"),
        ("UPDATE member_balances SET available = available + 1 WHERE program_id = %(p)s AND currency = 'PTS'", "mem"),
    ],
)
def test_an_audit_sees_what_is_wrong_with_points(program: TestProgram, ada: UUID, statement: str, subject: str) -> None:
    give(program, an_award(ada, 40, "a"), an_award(ada, 10, "b", expires_on=date(2099, 1, 1)))
    reward = program.staff("operator").post("/v1/rewards", {"name": "Tin", "kind": "gift", "cost": 10}).json["id"]
    program.client.post(f"/v1/rewards/{reward}/redemptions", {"member_id": public_id("mem", ada)})
    assert audit_of(program) == []
    tamper(program.app, statement, p=program.id)
    found = {(one["check"], str(one["subject"]).partition("_")[0]) for one in audit_of(program)}
    assert ("points", subject.partition("_")[0]) in found


def test_moved_money_and_points_lie_in_one_chain(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 40, "a"))
    post_now(program, [accrued(ada, 7)])
    post_now(program, [moved("commission.matured", Account.MEMBER_PENDING, Account.MEMBER_AVAILABLE, ada, 7)])
    checked = assert_books(program)
    assert checked["chain"] == 3
    assert checked["points"] == 1
    with owner(program.app) as connection:
        rows = connection.execute(
            "SELECT currency, available FROM member_balances WHERE program_id = %s ORDER BY 1", (program.id,)
        ).fetchall()
    assert rows == [("GBP", 7), ("PTS", 40)]


class Oracle:
    """A member's points the slow way: every single point with its end, oldest end first; below zero a debt."""

    def __init__(self) -> None:
        self.points: list[tuple[date, int, str]] = []  # last day, order of the award, award
        self.debt = 0
        self.earned: dict[str, int] = {}
        self.undone: dict[str, int] = {}
        self.lost: dict[str, int] = {}  # expired and not yet counted against a refund
        self.taken: dict[int, list[tuple[date, int, str]]] = {}

    @property
    def balance(self) -> int:
        return len(self.points) - self.debt

    def add(self, found: list[tuple[date, int, str]]) -> None:
        """Points that come in: the earliest settle what is owed."""
        found = sorted(found)
        settled = min(self.debt, len(found))
        self.debt -= settled
        self.points = sorted(self.points + found[settled:])

    def expire(self, today: date) -> None:
        for point in [one for one in self.points if one[0] < today]:
            self.points.remove(point)
            self.lost[point[2]] = self.lost.get(point[2], 0) + 1

    def undo(self, key: str, amount: int) -> None:
        for _ in range(min(amount, self.earned[key] - self.undone[key])):
            self.undone[key] += 1
            own = [one for one in self.points if one[2] == key]
            if own:
                self.points.remove(own[0])
            elif self.lost.get(key, 0):
                self.lost[key] -= 1
            elif self.points:
                self.points.pop(0)
            else:
                self.debt += 1


NEVER = date(2400, 1, 1)


class PointsMachine(RuleBasedStateMachine):
    """Any order of awards, refunds, redemptions, cancels and days, against the oracle; the audit at the end."""

    program: TestProgram

    def __init__(self) -> None:
        super().__init__()
        with self.program.app.app_context():
            self.mine = make_program(self.program.app, strict_contract=False)
            (self.member,) = seed_members(self.mine)
            answer = self.mine.staff("operator").post("/v1/rewards", {"name": "Tin", "kind": "gift", "cost": 7})
            reward = parse_public_id("rwd", answer.json["id"])  # type: ignore[index]
            assert reward is not None
            self.reward = reward
        self.oracle = Oracle()
        self.today = TODAY
        self.number = 0
        self.open: list[tuple[int, UUID]] = []

    @property
    def noon(self) -> datetime:
        return MORNING + (self.today - TODAY)

    def _next(self) -> int:
        self.number += 1
        return self.number

    @rule(amount=st.integers(1, 30), lasts=st.one_of(st.none(), st.integers(0, 6)))
    def earn(self, amount: int, lasts: int | None) -> None:
        number = self._next()
        day = None if lasts is None else self.today + timedelta(days=lasts)
        with self.mine.app.app_context(), frozen_at(self.noon):
            give(self.mine, an_award(self.member, amount, f"a{number}", expires_on=day, at=self.noon))
        self.oracle.earned[f"a{number}"], self.oracle.undone[f"a{number}"] = amount, 0
        self.oracle.add([(day or NEVER, number, f"a{number}")] * amount)

    @precondition(lambda self: self.oracle.earned)
    @rule(data=st.data(), amount=st.integers(1, 35))
    def refund(self, data: st.DataObject, amount: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.oracle.earned)))
        name = f"r{self._next()}"
        with self.mine.app.app_context(), frozen_at(self.noon):
            take(self.mine, (name, key, amount))
            take(self.mine, (name, key, amount))
        self.oracle.expire(self.today)
        self.oracle.undo(key, amount)

    @rule()
    def take_reward(self) -> None:
        self.oracle.expire(self.today)
        number = self._next()
        with self.mine.app.app_context(), frozen_at(self.noon):
            try:
                with transaction(self.mine.id):
                    made, _ = redeem(program_of(self.mine.id), self.reward, self.member)
            except NotEnoughPoints:
                assert self.oracle.balance < 7
                self._expire()  # the refusal rolled back what it had ended
                return
        assert self.oracle.balance >= 7
        self.oracle.taken[number], self.oracle.points = self.oracle.points[:7], self.oracle.points[7:]
        self.open.append((number, made.id))

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number, redemption = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        with self.mine.app.app_context(), frozen_at(self.noon), transaction(self.mine.id):
            advance(program_of(self.mine.id), redemption, "canceled", None)
        self.oracle.add(self.oracle.taken.pop(number))

    @rule(days=st.integers(1, 4))
    def pass_days(self, days: int) -> None:
        self.today += timedelta(days=days)

    @rule()
    def expire(self) -> None:
        self.oracle.expire(self.today)
        with self.mine.app.app_context(), frozen_at(self.noon):
            self._expire()

    def _expire(self) -> None:
        with transaction(self.mine.id):
            expire_chunk(program_of(self.mine.id))

    @invariant()
    def balances_agree(self) -> None:
        with self.mine.app.app_context():
            assert points_booked(self.mine, self.member) == self.oracle.balance

    def teardown(self) -> None:
        with self.mine.app.app_context():
            assert_books(self.mine)


def test_any_sequence_agrees_with_an_oracle_that_counts_every_point(app: Flask, program: TestProgram) -> None:
    machine = type("Machine", (PointsMachine,), {"program": program})
    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))
