"""Everything that moves a member's points or a reward's stock at the same moment: real threads, a connection each."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from uuid import UUID

import psycopg.errors
import pytest
from flask import Flask

from community.points import expiry
from community.points.errors import NotEnoughPoints, RewardLimitReached, RewardSoldOut
from community.points.gifts import advance
from community.points.redemptions import redeem
from core.auth.service import program_of
from core.clock import frozen_at
from core.db import Collision, transaction
from core.errors import Conflict
from core.ids import parse_public_id
from tests.clients import TestProgram
from tests.community.points.desk import an_award, assert_books, give, lots_of, points_booked, take
from tests.coupons.vouchers.offering import make_coupon
from tests.factories import seed_members
from tests.threads import together

CLIENTS = 8
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def offer(program: TestProgram, **terms: Any) -> UUID:
    body = {"name": "Tin", "kind": "gift", "cost": 10} | terms
    found = parse_public_id("rwd", program.staff("operator").post("/v1/rewards", body).json["id"])
    assert found is not None
    return found


def again(call: Callable[[], str]) -> str:
    """What became of it; a collision had no effect and is repeated, as the edge does."""
    while True:
        try:
            return call()
        except (Collision, psycopg.errors.DeadlockDetected):
            continue


def redeeming(program: TestProgram, reward: UUID, members: list[UUID]) -> Callable[[], Counter[str]]:
    """One client's redemptions, one after the other, each a transaction."""

    def one(member: UUID) -> str:
        try:
            with transaction(program.id):
                redeem(program_of(program.id), reward, member)
        except Conflict as refused:
            return refused.code
        return "redeemed"

    def run() -> Counter[str]:
        return Counter(again(partial(one, member)) for member in members)

    return run


def spread(members: list[UUID]) -> list[list[UUID]]:
    return [members[n::CLIENTS] for n in range(CLIENTS)]


@pytest.mark.parametrize("stock", [1, 5, 60])
def test_as_many_have_the_reward_as_there_are(app: Flask, program: TestProgram, stock: int) -> None:
    members = seed_members(program, CLIENTS * 10)
    give(program, *[an_award(member, 10, f"a{n}") for n, member in enumerate(members)])
    reward = offer(program, stock=stock)
    outcomes = sum(together(app, *[redeeming(program, reward, some) for some in spread(members)]), Counter[str]())
    assert outcomes == {"redeemed": stock, RewardSoldOut.code: len(members) - stock}
    assert sum(points_booked(program, member) for member in members) == 10 * (len(members) - stock)
    assert_books(program)


def test_a_coupon_of_few_is_had_as_often_as_there_are(app: Flask, program: TestProgram) -> None:
    members = seed_members(program, CLIENTS * 3)
    give(program, *[an_award(member, 10, f"a{n}") for n, member in enumerate(members)])
    coupon = make_coupon(program.staff("operator"), total_quantity=5)
    reward = offer(program, kind="coupon", coupon_id=coupon["id"])
    outcomes = sum(together(app, *[redeeming(program, reward, some) for some in spread(members)]), Counter[str]())
    assert outcomes == {"redeemed": 5, "sold_out": len(members) - 5}
    assert_books(program)


def test_a_balance_is_spent_once_by_whoever_is_first(app: Flask, program: TestProgram) -> None:
    (member,) = seed_members(program)
    give(program, an_award(member, 19, "a"), an_award(member, 20, "b", expires_on=date(2099, 1, 1)))
    reward = offer(program)
    outcomes = sum(together(app, *[redeeming(program, reward, [member] * 2)] * CLIENTS), Counter[str]())
    assert outcomes == {"redeemed": 3, NotEnoughPoints.code: CLIENTS * 2 - 3}
    assert points_booked(program, member) == 9
    assert_books(program)


def test_a_limit_for_each_member_holds(app: Flask, program: TestProgram) -> None:
    (member,) = seed_members(program)
    give(program, an_award(member, 1000, "a"))
    reward = offer(program, per_member_limit=3)
    outcomes = sum(together(app, *[redeeming(program, reward, [member] * 2)] * CLIENTS), Counter[str]())
    assert outcomes == {"redeemed": 3, RewardLimitReached.code: CLIENTS * 2 - 3}
    assert points_booked(program, member) == 970


def test_points_expire_while_they_are_spent(app: Flask, program: TestProgram) -> None:
    """What is due is nobody's any more: the job and those who redeem agree, whoever comes first."""
    members = seed_members(program, 40)
    give(
        program,
        *[an_award(member, 15, f"due{n}", expires_on=date(2026, 3, 9)) for n, member in enumerate(members)],
        *[an_award(member, 15, f"good{n}") for n, member in enumerate(members)],
    )
    reward = offer(program)

    def chunk() -> str:
        with transaction(program.id):
            expiry.expire_chunk(program_of(program.id), 7)
        return "expired"

    def expiring() -> Counter[str]:
        return Counter(again(chunk) for _ in range(10))

    with frozen_at(NOON):
        sides = [redeeming(program, reward, members), redeeming(program, reward, members[::-1]), expiring, expiring]
        outcomes = sum(together(app, *sides), Counter[str]())
        while outcomes["done"] == 0:
            with transaction(program.id):
                outcomes["done"] = not expiry.expire_chunk(program_of(program.id))
    assert outcomes["redeemed"] == 40
    assert outcomes[NotEnoughPoints.code] == 40
    assert {points_booked(program, member) for member in members} == {5}
    assert_books(program)


def test_awards_are_undone_while_they_are_spent(app: Flask, program: TestProgram) -> None:
    members = seed_members(program, 20)
    give(program, *[an_award(member, 10, f"a{n}") for n, member in enumerate(members)])
    reward = offer(program)

    def take_all(turn: int) -> str:
        take(program, *[(f"r{turn}:{n}", f"a{n}", 2) for n in range(20)])
        return "taken"

    def undo(turns: range) -> Counter[str]:
        for turn in turns:
            again(partial(take_all, turn))
        return Counter()

    outcomes = sum(
        together(
            app, redeeming(program, reward, members), redeeming(program, reward, members[::-1]),
            partial(undo, range(3)), partial(undo, range(2, 5)),
        ),
        Counter[str](),
    )  # fmt: skip
    left = [points_booked(program, member) for member in members]
    assert sum(left) == -10 * outcomes["redeemed"]
    assert set(left) <= {0, -10}
    assert_books(program)


def test_the_same_award_from_everywhere_is_one(app: Flask, program: TestProgram) -> None:
    members = seed_members(program, 10)
    awards = [an_award(member, 10, f"a{n}") for n, member in enumerate(members)]

    def award_all(order: list[Any]) -> set[str]:
        while True:
            try:
                return give(program, *order)
            except Collision:
                continue

    given = together(app, *[partial(award_all, awards[n:] + awards[:n]) for n in range(CLIENTS)])
    assert sum(len(keys) for keys in given) == 10
    assert {points_booked(program, member) for member in members} == {10}
    assert_books(program)


def test_a_gift_is_canceled_once(app: Flask, program: TestProgram) -> None:
    (member,) = seed_members(program)
    give(program, an_award(member, 10, "a"))
    reward = offer(program, stock=1)
    with transaction(program.id):
        made, _ = redeem(program_of(program.id), reward, member)

    def cancel(status: str) -> str:
        try:
            with transaction(program.id):
                advance(program_of(program.id), made.id, status, None)
        except Conflict as refused:
            return refused.code
        return status

    outcomes = together(app, *[partial(cancel, status) for status in ["canceled"] * 4 + ["fulfilled"] * 2])
    assert len(set(outcomes) - {"wrong_state"}) == 1
    assert lots_of(program, member) == {"a": 10 if "canceled" in outcomes else 0}
    assert_books(program)


@pytest.mark.slow
def test_64_clients_take_1000_of_a_reward(wide_app: Flask, program: TestProgram) -> None:
    members = seed_members(program, 64 * 20)
    give(program, *[an_award(member, 10, f"a{n}") for n, member in enumerate(members)])
    reward = offer(program, stock=1000, per_member_limit=1)
    jobs = [redeeming(program, reward, members[n * 20 : (n + 1) * 20]) for n in range(64)]
    assert sum(together(wide_app, *jobs), Counter[str]()) == {"redeemed": 1000, "sold_out": 280}
    assert_books(program)
