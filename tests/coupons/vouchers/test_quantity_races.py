"""Everything that takes or returns units at the same moment as others: real threads, a connection each."""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from threading import Event, Timer
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from psycopg.errors import DeadlockDetected

from core.clock import frozen_at, now
from core.db import connection, execute, transaction
from coupons.vouchers import expiry
from coupons.vouchers.claims import claim
from coupons.vouchers.errors import LimitReached, SoldOut
from tests.clients import ApiClient, TestProgram
from tests.coupons.vouchers.offering import make_code, make_coupon
from tests.coupons.vouchers.quantities import assert_quantities
from tests.coupons.vouchers.test_reservations import ended, reserved
from tests.coupons.vouchers.using import cancel, id_of, outcome, place, refund
from tests.factories import seed_members
from tests.threads import together

CLIENTS = 12


class _GivesUpError(Exception):
    """Whoever took a unit rolls back."""


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


def claiming(program: TestProgram, coupon: dict[str, Any], customers: list[UUID]) -> Callable[[], Counter[str]]:
    """One client's claims, one after the other, each a transaction."""
    coupon_id = id_of(coupon)

    def run() -> Counter[str]:
        outcomes: Counter[str] = Counter()
        for customer in customers:
            outcomes[_claimed(program.id, coupon_id, customer)] += 1
        return outcomes

    return run


def _claimed(program_id: UUID, coupon_id: UUID, customer_id: UUID) -> str:
    """What became of a claim. A shard emptied while it was being locked can close a ring: the edge runs that again."""
    while True:
        try:
            with transaction(program_id):
                claim(program_id, coupon_id, customer_id)
        except (SoldOut, LimitReached) as refused:
            return refused.code
        except DeadlockDetected:
            continue
        return "claimed"


@pytest.mark.parametrize("total", [1, 3, 200])
def test_as_many_claims_succeed_as_there_are_units(
    app: Flask, program: TestProgram, operator: ApiClient, total: int
) -> None:
    coupon = make_coupon(operator, total_quantity=total, per_customer_limit=1)
    each = total // CLIENTS + 5
    members = seed_members(program, CLIENTS * each)
    outcomes = sum(
        together(app, *[claiming(program, coupon, members[n * each : (n + 1) * each]) for n in range(CLIENTS)]),
        Counter[str](),
    )
    assert outcomes == {"claimed": total, "sold_out": CLIENTS * each - total}
    assert assert_quantities(program, coupon)[1:] == (0, total, 0)


@pytest.mark.slow
def test_64_clients_claim_a_coupon_of_1000_exactly(wide_app: Flask, program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1000, per_customer_limit=1)
    members = seed_members(program, 64 * 20)
    jobs = [claiming(program, coupon, members[n * 20 : (n + 1) * 20]) for n in range(64)]
    assert sum(together(wide_app, *jobs), Counter[str]()) == {"claimed": 1000, "sold_out": 280}
    assert assert_quantities(program, coupon)[1:] == (0, 1000, 0)


def test_a_customer_who_claims_everywhere_at_once_gets_what_he_may(
    app: Flask, program: TestProgram, operator: ApiClient
) -> None:
    coupon = make_coupon(operator, total_quantity=50, per_customer_limit=3)
    (member,) = seed_members(program)
    outcomes = sum(together(app, *[claiming(program, coupon, [member] * 4)] * CLIENTS), Counter[str]())
    assert outcomes == {"claimed": 3, "limit_reached": CLIENTS * 4 - 3}
    assert assert_quantities(program, coupon)[1:] == (47, 3, 0)


def test_a_unit_whose_taker_rolls_back_is_taken_by_who_waits_for_it(
    app: Flask, program: TestProgram, operator: ApiClient
) -> None:
    """`sold_out` is not said while the last unit may still come back from a transaction under way."""
    coupon = make_coupon(operator, total_quantity=1)
    first, second = seed_members(program, 2)

    held, rolls_back = Event(), Event()

    def gives_up() -> str:
        with suppress(_GivesUpError), transaction(program.id):
            claim(program.id, id_of(coupon), first)
            held.set()
            rolls_back.wait(10)
            raise _GivesUpError
        return "rolled back"

    def waiter() -> str:
        held.wait(10)
        with transaction(program.id):
            Timer(0.3, rolls_back.set).start()
            claim(program.id, id_of(coupon), second)
        return "claimed"

    assert together(app, gives_up, waiter) == ["rolled back", "claimed"]
    assert assert_quantities(program, coupon)[1:] == (0, 1, 0)


@pytest.mark.parametrize("kind", ["shared", "unique"])
def test_orders_at_once_use_what_there_is(app: Flask, program: TestProgram, operator: ApiClient, kind: str) -> None:
    coupon = make_coupon(operator, total_quantity=5, per_customer_limit=2)
    made = make_code(operator, coupon, **({"code": "SALE"} if kind == "shared" else {"quantity": 1}))
    code = made["code"] if kind == "shared" else made["codes"][0]
    outcomes = together(
        app, *[lambda n=n: outcome(app, program, f"o-{n}", [code], f"c-{n % 4}") for n in range(CLIENTS)]
    )  # type: ignore[misc]
    assert Counter(outcomes)["placed"] == (5 if kind == "shared" else 1), outcomes
    assert_quantities(program, coupon)


def test_codes_of_two_coupons_named_in_either_order_do_not_deadlock(
    app: Flask, program: TestProgram, operator: ApiClient
) -> None:
    coupons = [make_coupon(operator, total_quantity=1 + n, per_customer_limit=9, stackable=True) for n in range(2)]
    codes = [make_code(operator, coupon, code=f"C-{n}")["code"] for n, coupon in enumerate(coupons)]

    def client(number: int) -> list[str]:
        chosen = codes if number % 2 else codes[::-1]
        found = []
        for turn in range(4):
            name = f"o-{number}-{turn}"
            try:
                order = place(program, name, chosen, "ann")
                found.append("placed")
                cancel(program, order)
            except Exception as error:  # noqa: BLE001 -- which it is is asserted
                found.append(type(error).__name__)
        return found

    outcomes = Counter(one for found in together(app, *[partial(client, n) for n in range(6)]) for one in found)
    assert set(outcomes) <= {"placed", "CouponRefused", "Collision"}, outcomes
    assert outcomes["placed"]
    for coupon in coupons:
        assert assert_quantities(program, coupon)[2:] == (0, 0)


def test_expiry_and_redemption_of_a_claim_exclude_each_other(
    app: Flask, program: TestProgram, operator: ApiClient
) -> None:
    coupon = make_coupon(operator, total_quantity=8, per_customer_limit=8, claim_valid_seconds=60)
    path, body = f"/v1/coupons/{coupon['id']}/claims", {"customer_external_id": "ann"}
    codes = [program.client.post(path, body).json["code"] for _ in range(6)]  # type: ignore[index]
    orders = [partial(outcome, app, program, f"o-{n}", [code]) for n, code in enumerate(codes)]
    with frozen_at(now() + timedelta(seconds=59)):
        jobs = [*orders, partial(_runs_out, program), partial(_swept, program)]
        random.shuffle(jobs)
        outcomes = Counter(together(app, *jobs))
        _swept(program)  # those at once passed over what an order was at
    assert outcomes["placed"] + outcomes["expired"] == 6
    assert assert_quantities(program, coupon).claims == outcomes["placed"]


def _runs_out(program: TestProgram) -> str:
    """The same moment for everybody, but two seconds later for the claims: some orders are judged before it."""
    with transaction(program.id):
        execute(
            """UPDATE coupon_codes SET expires_at = expires_at - interval '2 seconds'
               WHERE program_id = %(program_id)s AND status = 'active'""",
            program_id=program.id,
        )
    return _swept(program)


@pytest.mark.parametrize("turn", range(4))
def test_a_reservation_ends_in_one_way(app: Flask, program: TestProgram, operator: ApiClient, turn: int) -> None:
    coupon = make_coupon(operator, total_quantity=3, per_customer_limit=3, stackable=True)
    codes = [make_code(operator, coupon, code="SALE")["code"], *make_code(operator, coupon, quantity=1)["codes"]]
    made = reserved(program.client, codes, expires_in=60)
    if turn % 2:
        with frozen_at(now() + timedelta(seconds=61)):
            answers = together(app, *_ends(app, program, made), lambda: _swept(program))
            _swept(program)  # it passes over what somebody is at
    else:
        answers = together(app, *_ends(app, program, made), lambda: outcome(app, program, "o-1", codes[:1]))
    found = assert_quantities(program, coupon)
    status = program.client.get(f"/v1/coupon-reservations/{made['id']}").json["status"]  # type: ignore[index]
    if turn % 2:
        assert (status, found.left) == ("expired", 3), answers
    else:
        assert status in {"confirmed", "released"}, answers
        assert found.left in {1, 2, 3}, answers


def _ends(app: Flask, program: TestProgram, made: dict[str, Any]) -> list[Callable[[], str]]:
    def end(how: str) -> str:
        return ended(program.client_with(program.api_key), made, how)[1]

    return [lambda: end("confirm"), lambda: end("release"), lambda: end("confirm"), lambda: end("release")]


def _swept(program: TestProgram) -> str:
    with transaction(program.id):
        expiry.sweep(program.id)
    return "swept"


def test_cancel_and_refund_at_once_give_back_once(app: Flask, program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=5, per_customer_limit=5, stackable=True)
    codes = [make_code(operator, coupon, code="SALE")["code"], *make_code(operator, coupon, quantity=1)["codes"]]
    orders = [place(program, "o-1", codes), place(program, "o-2", codes[:1])]
    together(app, *[lambda: cancel(program, *orders), lambda: refund(program, *reversed(orders))] * 4)
    assert assert_quantities(program, coupon)[1:] == (5, 0, 0)


def test_quantity_changed_while_it_is_claimed_stays_exact(
    app: Flask, program: TestProgram, operator: ApiClient
) -> None:
    coupon = make_coupon(operator, total_quantity=40)
    (member,) = seed_members(program)

    def changes() -> Counter[str]:
        done: Counter[str] = Counter()
        for total in (80, 60, 90, 50, 70):
            done[str(operator.patch(f"/v1/coupons/{coupon['id']}", {"total_quantity": total}).status_code)] += 1
        return done

    together(app, changes, *[claiming(program, coupon, [member] * 10)] * 6)
    found = assert_quantities(program, coupon)
    assert found.claims <= (found.total or 0)


def test_a_taker_killed_between_two_statements_leaves_nothing(
    app: Flask, program: TestProgram, operator: ApiClient
) -> None:
    coupon = make_coupon(operator, total_quantity=2, per_customer_limit=1)
    (member,) = seed_members(program)

    def is_killed() -> None:
        with transaction(program.id):
            claim(program.id, id_of(coupon), member)
            connection().execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(psycopg.OperationalError):
        is_killed()
    assert assert_quantities(program, coupon)[1:] == (2, 0, 0)
    with transaction(program.id):
        claim(program.id, id_of(coupon), member)
    assert assert_quantities(program, coupon)[1:] == (1, 1, 0)


def test_customers_that_nobody_knows_yet_claim_over_http_exactly(
    app: Flask, program: TestProgram, operator: ApiClient
) -> None:
    coupon = make_coupon(operator, total_quantity=20, per_customer_limit=1)

    def client(number: int) -> list[int]:
        mine = program.client_with(program.api_key)
        path = f"/v1/coupons/{coupon['id']}/claims"
        return [mine.post(path, {"customer_external_id": f"n-{number}-{turn}"}).status_code for turn in range(5)]

    statuses = Counter(one for found in together(app, *[partial(client, n) for n in range(8)]) for one in found)
    assert statuses == {201: 20, 409: 20}
    assert assert_quantities(program, coupon)[1:] == (0, 20, 0)
