"""Binds at the same moment: the tree stays a forest, and whatever was acknowledged has happened."""

import random
from collections.abc import Callable
from threading import Event, Thread
from uuid import UUID

import psycopg
import pytest

from core.db import execute, fetch_all, transaction
from core.ids import public_id
from referral.tree import service as tree
from referral.tree.service import BindRequest
from tests.clients import ApiClient, TestProgram
from tests.referral.growing import Standing, assert_forest, grow, join_all, operator_of, standings
from tests.threads import together

THREADS, BINDS = 6, 40


def put(client: ApiClient, member: UUID, inviter: UUID | None) -> int:
    """The status of a bind, which may only be refused for the ring it would close."""
    body = {"inviter_id": inviter and public_id("mem", inviter), "reason": "race"}
    answer = client.put(f"/v1/members/{public_id('mem', member)}/inviter", body)
    if answer.status_code == 200:
        assert answer.json["inviter_id"] == body["inviter_id"]
    else:
        assert answer.json["code"] == "referral_cycle", answer.text
    return answer.status_code


def clients_of(program: TestProgram, count: int) -> list[ApiClient]:
    operator = program.staff("operator")
    return [program.client_with(operator.credential) for _ in range(count)]


def test_a_bound_to_b_and_b_to_a_at_once_closes_no_ring(program: TestProgram) -> None:
    one, other = clients_of(program, 2)
    for _ in range(15):
        a, b = grow_pair(program)
        statuses = together(program.app, lambda a=a, b=b: put(one, a, b), lambda a=a, b=b: put(other, b, a))
        assert sorted(statuses) == [200, 409]
    assert_forest(standings(program))


def grow_pair(program: TestProgram) -> list[UUID]:
    number = len(standings(program))
    return list(join_all(program.client, {f"p-{number}": None, f"q-{number}": None}).values())


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param([None] * 8, id="strangers"),
        pytest.param([None, 0, 1, 2, 3, 4, 5, 6], id="a chain"),
        pytest.param([None, 0, 0, None, 3, 3, None, 6, 6, None, 9, 9], id="small teams"),
    ],
)
def test_random_binds_at_once_leave_a_forest(program: TestProgram, shape: list[int | None]) -> None:
    members = grow(program, shape)
    before = standings(program)
    acknowledged: list[tuple[UUID, UUID | None]] = []

    def bind_at_random(client: ApiClient, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 -- a test's dice
        for _ in range(BINDS):
            member, inviter = dice.choice(members), dice.choice([None, *members, *members])
            if put(client, member, inviter) == 200:
                acknowledged.append((member, inviter))

    clients = clients_of(program, THREADS)
    jobs: list[Callable[[], None]] = [
        lambda client=client, seed=seed: bind_at_random(client, seed) for seed, client in enumerate(clients)
    ]
    together(program.app, *jobs)
    final = standings(program)
    assert_forest(final)
    assert len(acknowledged) > BINDS
    recorded = bindings_of(program)
    assert set(acknowledged) <= set(recorded) | set(before.items())
    assert (before | dict(recorded)) == final  # the last one of each member stands


def bindings_of(program: TestProgram) -> list[tuple[UUID, UUID | None]]:
    """The history of all members, oldest first."""
    with transaction(program.id, read_only=True):
        rows = fetch_all(
            Standing,
            "SELECT member_id, inviter_id FROM member_bindings WHERE program_id = %(p)s ORDER BY id",
            p=program.id,
        )
    return [(row.id, row.inviter_id) for row in rows]


def test_nobody_is_bound_under_a_member_while_he_is_being_bound(program: TestProgram) -> None:
    """Else: m, without downline, is being bound to i, whose root is r. Before that commits, n joins under m and r is
    bound to n: neither sees the other, and together they close a ring.
    """
    ids = join_all(program.client, {"r": None, "i": "r", "m": None})
    actor, bound, joined = operator_of(program), Event(), Event()

    def join_under_m() -> None:
        bound.wait(10)
        program.client_with(program.api_key).post("/v1/members", {"external_id": "n", "inviter_external_id": "m"})
        joined.set()

    thread = Thread(target=join_under_m)
    thread.start()
    with transaction(program.id):
        tree.bind(actor, BindRequest(ids["m"], ids["i"], "staff", "race"), forced=True)
        bound.set()
        assert not joined.wait(0.5)
    thread.join(10)
    assert joined.is_set()
    assert put(program.staff("operator"), ids["r"], ids["m"]) == 409
    assert_forest(standings(program))


def test_a_popular_inviter_does_not_queue_his_followers(program: TestProgram) -> None:
    ids = join_all(program.client, {"star": None, "a": None, "b": None})
    actor = operator_of(program)

    def bind_the_other() -> None:
        with transaction(program.id):
            execute("SET LOCAL lock_timeout = '2s'")
            tree.bind(actor, BindRequest(ids["b"], ids["star"], "api"))

    with transaction(program.id):
        tree.bind(actor, BindRequest(ids["a"], ids["star"], "api"))
        together(program.app, bind_the_other)
    assert standings(program)[ids["b"]] == ids["star"]


def test_moves_of_teams_wait_for_each_other(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "a1": "a", "b": None, "b1": "b", "c": None})
    actor = operator_of(program)

    def move_the_other() -> None:
        with transaction(program.id):
            execute("SET LOCAL lock_timeout = '300ms'")
            tree.bind(actor, BindRequest(ids["b"], ids["c"], "api"))

    with transaction(program.id):
        tree.bind(actor, BindRequest(ids["a"], ids["c"], "api"))
        with pytest.raises(psycopg.errors.LockNotAvailable):
            together(program.app, move_the_other)
