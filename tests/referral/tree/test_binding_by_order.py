"""Orders bind customers who have nobody to the member they were attributed to, where the program wants it."""

from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import frozen_at, now
from core.db import transaction
from core.ids import public_id
from referral.tree import service as tree
from tests.clients import TestProgram
from tests.factories import seed_members
from tests.referral.growing import assert_forest, join_all, standings
from tests.referral.statements import counted_statements
from tests.threads import together


@pytest.fixture
def binding_program(program: TestProgram) -> TestProgram:
    return set_binding(program, bind_on_order=True)


def set_binding(program: TestProgram, **terms: object) -> TestProgram:
    answer = program.staff("owner").patch("/v1/program", {"binding": terms})
    assert answer.status_code == 200, answer.text
    return program


def bind(program: TestProgram, *pairs: tuple[UUID, UUID]) -> list[UUID]:
    settled = program.now()
    with transaction(program.id):
        return tree.bind_attributed(settled, pairs)


def test_a_customer_is_bound_to_whom_his_order_is_owed(binding_program: TestProgram) -> None:
    seller, customer = seed_members(binding_program, 2)
    assert bind(binding_program, (customer, seller)) == [customer]
    shown = binding_program.client.get("/v1/members/ext:m-1").json
    assert (shown["inviter_id"], shown["binding"]["source"], shown["depth"]) == (public_id("mem", seller), "order", 1)
    (row,) = binding_program.client.get("/v1/members/ext:m-1/inviter-history").json["data"]
    assert (row["source"], row["reason"], row["actor"]) == ("order", None, {"kind": "system", "id": None})


def test_nothing_happens_unless_the_program_wants_it(program: TestProgram) -> None:
    seller, customer = seed_members(program, 2)
    settled = program.now()
    with transaction(program.id), counted_statements() as statements:
        assert tree.bind_attributed(settled, [(customer, seller)]) == []
    assert statements == []
    assert standings(program)[customer] is None


@pytest.mark.parametrize("mode", ["permanent", "open", "expiring"])
def test_a_living_binding_stays_in_every_mode(program: TestProgram, mode: str) -> None:
    days = {"expires_after_days": 10} if mode == "expiring" else {}
    set_binding(program, mode=mode, bind_on_order=True, **days)
    ids = join_all(program.client, {"a": None, "b": None, "c": "a"})
    settled = program.now()
    with transaction(program.id), counted_statements() as statements:
        assert tree.bind_attributed(settled, [(ids["c"], ids["b"]), (ids["c"], ids["a"])]) == []
    assert len(statements) == 1, statements
    assert standings(program)[ids["c"]] == ids["a"]
    with frozen_at(now() + timedelta(days=11)):
        assert bind(program, (ids["c"], ids["b"])) == ([ids["c"]] if mode == "expiring" else [])


def test_an_ended_binding_to_the_same_member_begins_anew(program: TestProgram) -> None:
    set_binding(program, mode="expiring", expires_after_days=10, protected_days=2, bind_on_order=True)
    ids = join_all(program.client, {"a": None, "c": "a"})
    with frozen_at(now() + timedelta(days=11)):
        assert bind(program, (ids["c"], ids["a"])) == [ids["c"]]
        binding = program.client.get("/v1/members/ext:c").json["binding"]
    assert binding["source"] == "order"
    assert binding["bound_at"] < binding["protected_until"] < binding["expires_at"]


def test_rings_and_oneself_are_passed_over_and_harm_nobody(binding_program: TestProgram) -> None:
    ids = join_all(binding_program.client, {"top": None, "low": "top", "free": None, "other": None})
    pairs = [("top", "low"), ("free", "free"), ("other", "top")]
    assert bind(binding_program, *((ids[one], ids[to]) for one, to in pairs)) == [ids["other"]]
    final = standings(binding_program)
    assert (final[ids["top"]], final[ids["free"]], final[ids["other"]]) == (None, None, ids["top"])


def test_pairs_of_one_batch_close_no_ring_among_themselves(binding_program: TestProgram) -> None:
    a, b = seed_members(binding_program, 2)
    assert len(bind(binding_program, (a, b), (b, a))) == 1
    assert_forest(standings(binding_program))


def test_the_first_order_of_a_batch_counts(binding_program: TestProgram) -> None:
    one, other, customer = seed_members(binding_program, 3)
    assert bind(binding_program, (customer, other), (customer, one)) == [customer]
    assert standings(binding_program)[customer] == other


def test_many_customers_take_a_handful_of_statements(binding_program: TestProgram) -> None:
    seller, *customers = seed_members(binding_program, 201)
    settled = binding_program.now()
    with transaction(binding_program.id), counted_statements() as statements:
        bound = tree.bind_attributed(settled, [(customer, seller) for customer in customers])
    assert set(bound) == set(customers)
    # look, tree, members, upline, write, history, marks, what is told
    assert len(statements) <= 8, statements


def test_orders_of_one_customer_at_once_bind_him_once(program: TestProgram) -> None:
    """In open mode too, where a later bind would win: an order takes nobody away."""
    set_binding(program, mode="open", bind_on_order=True)
    settled = program.now()
    for n in range(8):
        one, other, customer = seed_members(program, 3, prefix=f"r{n}")

        def order(seller: UUID, customer: UUID = customer) -> list[UUID]:
            with transaction(program.id):
                return tree.bind_attributed(settled, [(customer, seller)])

        bound = together(program.app, lambda o=one, order=order: order(o), lambda o=other, order=order: order(o))
        assert sorted(map(len, bound)) == [0, 1]
        assert standings(program)[customer] == (one if bound[0] else other)
    assert_forest(standings(program))


def test_who_was_bound_is_told_to_one_order_only(binding_program: TestProgram) -> None:
    settled = binding_program.now()
    for n in range(8):
        seller, customer = seed_members(binding_program, 2, prefix=f"s{n}")

        def order(seller: UUID = seller, customer: UUID = customer) -> list[UUID]:
            with transaction(binding_program.id):
                return tree.bind_attributed(settled, [(customer, seller)])

        assert sorted(together(binding_program.app, order, order)) == [[], [customer]]


def test_an_order_and_a_key_at_once_leave_one_inviter(binding_program: TestProgram) -> None:
    settled = binding_program.now()
    for n in range(8):
        seller, inviter, customer = seed_members(binding_program, 3, prefix=f"k{n}")

        def order(seller: UUID = seller, customer: UUID = customer) -> bool:
            with transaction(binding_program.id):
                return bool(tree.bind_attributed(settled, [(customer, seller)]))

        def key(inviter: UUID = inviter, customer: UUID = customer) -> bool:
            client = binding_program.client_with(binding_program.api_key)
            body = {"inviter_id": public_id("mem", inviter)}
            return bool(client.put(f"/v1/members/{public_id('mem', customer)}/inviter", body).status_code == 200)

        by_order, by_key = together(binding_program.app, order, key)
        assert by_order != by_key
        assert standings(binding_program)[customer] == (seller if by_order else inviter)
