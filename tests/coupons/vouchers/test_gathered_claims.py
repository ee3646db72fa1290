"""Claims that share a transaction: exact, each thread its own customer's code, and no success without a row."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask

from core.db import execute, scalar, transaction
from core.ids import ExternalRef, Ref
from coupons.vouchers import gathered_claims
from coupons.vouchers.errors import CouponNotFound, LimitReached, SoldOut
from coupons.vouchers.gathered_claims import claim_for
from coupons.vouchers.queries import CodeRecord
from tests.clients import ApiClient, TestProgram
from tests.coupons.vouchers.offering import make_coupon
from tests.coupons.vouchers.quantities import assert_quantities
from tests.coupons.vouchers.using import id_of
from tests.factories import seed_members
from tests.threads import together

CLIENTS = 64


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


def outcome_of(program: TestProgram, coupon: UUID, customer: Ref) -> CodeRecord | str:
    """One claim as the endpoint without a key makes it, but for the repeat after a collision."""
    try:
        return claim_for(program.id, coupon, customer)
    except (SoldOut, LimitReached) as refused:
        return refused.code
    except Exception as error:  # noqa: BLE001 -- which it is is asserted
        return type(error).__name__


def claiming(program: TestProgram, coupon: UUID, customers: list[UUID]) -> list[tuple[UUID, CodeRecord | str]]:
    return [(customer, outcome_of(program, coupon, customer)) for customer in customers]


def stored_owner(program: TestProgram, code: CodeRecord) -> UUID | None:
    with transaction(program.id, read_only=True):
        owner = scalar(
            """SELECT customer_id FROM coupon_codes
               WHERE program_id = %(program_id)s AND id = %(id)s AND code = %(code)s""",
            program_id=program.id, id=code.id, code=code.code,
        )  # fmt: skip
    assert owner is None or isinstance(owner, UUID)
    return owner


@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize("total", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_64_threads_get_exactly_what_there_is_and_each_its_own(
    wide_app: Flask, program: TestProgram, operator: ApiClient, total: int, limit: int | None
) -> None:
    coupon = make_coupon(operator, total_quantity=total, per_customer_limit=limit)
    each = total // CLIENTS + 4
    members = seed_members(program, CLIENTS * each)
    jobs = [partial(claiming, program, id_of(coupon), members[n * each : (n + 1) * each]) for n in range(CLIENTS)]
    outcomes = [one for found in together(wide_app, *jobs) for one in found]
    codes = [(customer, one) for customer, one in outcomes if isinstance(one, CodeRecord)]
    assert Counter(one for _, one in outcomes if isinstance(one, str)) == {"sold_out": CLIENTS * each - total}
    assert len({code.code for _, code in codes}) == total
    assert all(code.customer_id == customer for customer, code in codes)
    assert all(stored_owner(program, code) == customer for customer, code in codes[:20])
    assert assert_quantities(program, coupon)[1:] == (0, total, 0)


def test_a_set_is_served_in_its_order_and_each_customer_once(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=3, per_customer_limit=1)
    members = seed_members(program, 3)
    assert isinstance(outcome_of(program, id_of(coupon), members[1]), CodeRecord)
    asked: list[Ref] = [ExternalRef("new"), members[1], members[0], ExternalRef("m-0"), members[2]]
    outcomes = gathered_claims._claim_together((program.id, id_of(coupon)), asked)
    assert [type(one) for one in outcomes] == [CodeRecord, LimitReached, CodeRecord, type(None), SoldOut]
    assert assert_quantities(program, coupon)[1:] == (0, 3, 0)


def test_who_is_refused_alone_leaves_nothing(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1)
    assert isinstance(outcome_of(program, id_of(coupon), ExternalRef("first")), CodeRecord)
    assert outcome_of(program, id_of(coupon), ExternalRef("nobody")) == "sold_out"
    assert program.client.get("/v1/members/ext:nobody").status_code == 404


def test_a_coupon_that_is_not_there_is_everybodys_refusal(app: Flask, program: TestProgram) -> None:
    members = seed_members(program, 8)
    outcomes = together(app, *[partial(outcome_of, program, members[0], member) for member in members])
    assert outcomes == [CouponNotFound.__name__] * 8


def claims_over_http(program: TestProgram, coupon: dict[str, Any], customer: str) -> int:
    path = f"/v1/coupons/{coupon['id']}/claims"
    client = program.client_with(program.api_key)
    return client.post(path, {"customer_external_id": customer}).status_code


def test_one_customer_in_many_threads_gets_what_he_may(app: Flask, program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=50, per_customer_limit=3)
    answers = together(app, *[lambda: [claims_over_http(program, coupon, "ann") for _ in range(3)]] * 8)
    assert Counter(one for found in answers for one in found) == {201: 3, 409: 21}
    assert assert_quantities(program, coupon)[1:] == (47, 3, 0)


def test_a_customer_whose_row_is_held_keeps_nobody_else_waiting(
    app: Flask, program: TestProgram, operator: ApiClient
) -> None:
    coupon = make_coupon(operator, total_quantity=50, per_customer_limit=9)
    assert claims_over_http(program, coupon, "slow") == 201
    held, let_go = Event(), Event()

    def holder() -> list[int]:
        with transaction(program.id):
            execute(
                "UPDATE coupon_customers SET taken = taken WHERE program_id = %(program_id)s AND coupon_id = %(id)s",
                program_id=program.id, id=id_of(coupon),
            )  # fmt: skip
            held.set()
            assert let_go.wait(10)
        return []

    def client(number: int) -> list[int]:
        held.wait(10)
        return [claims_over_http(program, coupon, f"quick-{number}-{turn}") for turn in range(4)]

    def slow() -> list[int]:
        held.wait(10)
        return [claims_over_http(program, coupon, "slow")]

    def quick() -> list[int]:
        answers = [one for found in together(app, *[partial(client, n) for n in range(6)]) for one in found]
        let_go.set()
        return answers

    assert together(app, holder, slow, quick) == [[], [201], [201] * 24]
    assert assert_quantities(program, coupon)[1:] == (24, 26, 0)


@pytest.fixture
def at_commit(program: TestProgram, database_environment: dict[str, str]) -> Iterator[Callable[[str], None]]:
    """Have something happen when a transaction that made codes of the program commits."""
    url = database_environment["DATABASE_ADMIN_URL"].replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as owner:

        def happens(what: str) -> None:
            owner.execute(
                f"""CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
                    AS $$ BEGIN {what}; RETURN NULL; END $$;
                    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON coupon_codes DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW WHEN (NEW.program_id = '{program.id}') EXECUTE FUNCTION at_commit()"""
            )

        yield happens
        owner.execute("DROP TRIGGER IF EXISTS at_commit ON coupon_codes; DROP FUNCTION IF EXISTS at_commit()")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("PERFORM pg_terminate_backend(pg_backend_pid())", {"OperationalError", "AdminShutdown"}),
        ("RAISE EXCEPTION 'no'", {"RaiseException"}),
    ],
)
def test_a_commit_that_fails_is_nobodys_success(
    app: Flask, program: TestProgram, operator: ApiClient, at_commit: Callable[[str], None], what: str, said: set[str]
) -> None:
    coupon = make_coupon(operator, total_quantity=50, per_customer_limit=1)
    at_commit(what)
    members = seed_members(program, 24)
    jobs = [partial(claiming, program, id_of(coupon), members[n * 3 : n * 3 + 3]) for n in range(8)]
    outcomes = {one for found in together(app, *jobs) for _, one in found}
    assert outcomes <= said
    assert assert_quantities(program, coupon)[1:] == (50, 0, 0)


def test_sets_that_are_killed_now_and_then_answer_as_many_as_there_are_rows(
    app: Flask, program: TestProgram, operator: ApiClient, at_commit: Callable[[str], None]
) -> None:
    coupon = make_coupon(operator, total_quantity=500, per_customer_limit=1)
    at_commit("IF random() < 0.03 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF")
    members = seed_members(program, 160)
    jobs = [partial(claiming, program, id_of(coupon), members[n * 20 : (n + 1) * 20]) for n in range(8)]
    outcomes = [one for found in together(app, *jobs) for one in found]
    codes = [(customer, one) for customer, one in outcomes if isinstance(one, CodeRecord)]
    assert len(outcomes) == 160
    assert all(stored_owner(program, code) == customer for customer, code in codes)
    assert assert_quantities(program, coupon)[1:] == (500 - len(codes), len(codes), 0)


def test_claims_of_staff_and_under_a_key_take_the_edges_transaction(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=5)
    path = f"/v1/coupons/{coupon['id']}/claims"
    assert operator.post(path, {"customer_external_id": "ann"}).status_code == 201
    events = program.staff("owner").get("/v1/audit-events").json["data"]
    assert [event for event in events if "claim_coupon" in event["action"]]
    headers = {"Idempotency-Key": "k"}
    first, again = (program.client.post(path, {"customer_external_id": "b"}, headers=headers) for _ in range(2))
    assert again.json == first.json
    assert assert_quantities(program, coupon)[1:] == (3, 2, 0)
