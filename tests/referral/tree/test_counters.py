"""Team counters in the database: joins, moves, orders and folds in any mixture count as one by one."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Lock, local
from typing import NamedTuple
from uuid import UUID

import psycopg

from core.clock import frozen_at, now
from core.db import Collision, fetch_all, transaction
from core.errors import DomainError
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from referral.members.service import customers_for
from referral.tree.counters import fold_deltas, has_deltas
from referral.tree.service import BindRequest, OrderDelta, bind, count_orders
from tests.clients import TestProgram
from tests.jobs import deliver_now, lease_jobs, run_jobs
from tests.referral.growing import chain_of, fold, grow, join_all, operator_of, standings
from tests.referral.statements import counted_statements
from tests.referral.tree.test_folding import naive
from tests.threads import together

THREADS, STEPS = 5, 60


class Totals(NamedTuple):
    """A row of the counters."""

    member_id: UUID
    members: int
    orders: int
    sales: int
    own_orders: int
    own_sales: int


def totals(program: TestProgram) -> dict[UUID, tuple[int, ...]]:
    with transaction(program.id, read_only=True):
        rows = fetch_all(
            Totals,
            """SELECT member_id, members, orders, sales, own_orders, own_sales FROM team_totals
               WHERE program_id = %(p)s""",
            p=program.id,
        )
    return {row.member_id: tuple(row[1:]) for row in rows}


def team(program: TestProgram, member: str) -> dict[str, object]:
    return dict(program.client.get(f"/v1/members/ext:{member}/team").json)


def test_a_team_is_counted_with_its_orders(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a", "c": "b", "d": "b", "e": None})
    with transaction(program.id):
        count_orders(program.id, [(ids["a"], 1, 100), (ids["c"], 2, 500), (ids["c"], -1, -200), (ids["d"], 1, 70)])
    assert fold(program) == 5
    assert team(program, "a") == {
        "direct_count": 1, "total_count": 3, "max_depth": 2, "order_count": 2, "sales": 370, "active_30d": 2,
        "by_level": [{"level": 1, "count": 1}, {"level": 2, "count": 2}],
    }  # fmt: skip
    assert team(program, "e") == {
        "direct_count": 0, "total_count": 0, "max_depth": 0, "order_count": 0, "sales": 0, "active_30d": 0,
        "by_level": [],
    }  # fmt: skip


def test_a_second_fold_finds_nothing(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a"})
    with transaction(program.id):
        count_orders(program.id, [(ids["b"], 1, 100)])
    fold(program)
    before = totals(program)
    assert fold(program) == 0
    assert totals(program) == before


def test_a_move_takes_the_whole_team_along(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a", "c": "b", "x": None})
    with transaction(program.id):
        count_orders(program.id, [(ids["c"], 1, 100)])
    fold(program)
    operator = operator_of(program)
    with transaction(program.id):
        bind(operator, BindRequest(ids["b"], ids["x"], "staff", "moved"), forced=True)
    fold(program)
    assert (team(program, "a")["total_count"], team(program, "a")["sales"]) == (0, 0)
    assert (team(program, "x")["total_count"], team(program, "x")["sales"]) == (2, 100)


def test_the_active_bought_within_thirty_days(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a", "c": "a"})
    bought_at = now()
    with transaction(program.id):
        count_orders(
            program.id, [OrderDelta(ids["b"], 1, 5, bought_at), OrderDelta(ids["c"], 1, 5, bought_at - timedelta(31))]
        )
    fold(program)
    assert team(program, "a")["active_30d"] == 1
    with frozen_at(bought_at + timedelta(days=30, seconds=1)):
        assert team(program, "a")["active_30d"] == 0


def test_the_schedule_counts_where_something_waits(program: TestProgram) -> None:
    schedule = SCHEDULES["tree.fold"]
    assert schedule.every <= timedelta(seconds=2)
    publish_where_due(program.id, [schedule])
    assert run_jobs(program.id) == []
    join_all(program.client, {"a": None, "b": "a"})
    publish_where_due(program.id, [schedule])
    assert run_jobs(program.id) == ["tree.fold"]
    assert team(program, "a")["total_count"] == 1
    with transaction(program.id, read_only=True):
        assert not has_deltas(program.id)


def test_a_fold_that_breaks_off_loses_nothing(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a"})
    with transaction(program.id):
        count_orders(program.id, [(ids["b"], 1, 100)])
    with suppress(ZeroDivisionError), transaction(program.id):
        fold_deltas(program.id)
        raise ZeroDivisionError
    publish_where_due(program.id, [SCHEDULES["tree.fold"]])
    (delivery,) = lease_jobs(program.id, "default")
    deliver_now(delivery)
    deliver_now(delivery)
    assert (team(program, "a")["total_count"], team(program, "a")["sales"]) == (1, 100)


def test_orders_are_noted_in_one_statement(program: TestProgram) -> None:
    ids = grow(program, [None] * 50)
    with transaction(program.id), counted_statements() as statements:
        count_orders(program.id, [(member, 1, 10) for member in ids])
    assert len(statements) == 1


def test_a_fold_takes_four_statements(program: TestProgram) -> None:
    chain_of(program, 200)
    with transaction(program.id), counted_statements() as statements:
        assert fold_deltas(program.id) == 200
    assert len(statements) == 4


class Shop:
    """What several threads do to one program at once, and what they know they sold."""

    def __init__(self, program: TestProgram, members: list[UUID]) -> None:
        self.program, self.members = program, members
        self.sold: dict[UUID, tuple[int, int]] = {}
        self.lock, self.joined = Lock(), local()
        self.operator = operator_of(program)

    def run(self, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 -- a test's dice
        doings: list[Callable[[random.Random], None]] = [self.join, self.move, self.move, self.buy, self.buy, self.fold]
        for _ in range(STEPS):
            self.joined.member = None
            with suppress(DomainError, Collision, psycopg.errors.DeadlockDetected):
                with transaction(self.program.id):
                    dice.choice(doings)(dice)
                if self.joined.member:  # the others may name him once he is committed
                    self.members.append(self.joined.member)

    def join(self, dice: random.Random) -> None:
        """A customer who registers at once with an inviter."""
        (member,) = customers_for(self.program.id, [f"j-{dice.random()}"]).values()
        bind(self.operator, BindRequest(member, dice.choice(self.members), "api"))
        self.joined.member = member

    def move(self, dice: random.Random) -> None:
        member, inviter = dice.choice(self.members), dice.choice([None, *self.members])
        bind(self.operator, BindRequest(member, inviter, "staff", "moved"), forced=True)

    def buy(self, dice: random.Random) -> None:
        member, orders, sales = dice.choice(self.members), dice.choice([1, 1, -1]), dice.randrange(-50, 200)
        count_orders(self.program.id, [(member, orders, sales)])
        with self.lock:  # nothing after this can fail
            before = self.sold.get(member, (0, 0))
            self.sold[member] = (before[0] + orders, before[1] + sales)

    def fold(self, _: random.Random) -> None:
        fold_deltas(self.program.id)


def test_joins_moves_orders_and_folds_at_once_count_as_one_by_one(program: TestProgram) -> None:
    shop = Shop(program, grow(program, [None, 0, 1, 2, 1, 4, None, 6, 6, 8, None, None]))
    together(program.app, *[lambda seed=seed: shop.run(seed) for seed in range(THREADS)])
    fold(program)
    inviter_of = standings(program)
    assert len(inviter_of) > 12
    assert totals(program) == naive(inviter_of, shop.sold)
