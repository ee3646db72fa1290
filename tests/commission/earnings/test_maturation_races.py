"""Maturation beside itself and beside refunds, with real threads and connections."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from commission.earnings import maturation
from commission.ledger.service import balances_of
from core.auth.service import program_of
from core.db import transaction
from tests.clients import TestProgram
from tests.factories import LONG_AGO, Earning, seed_commissions, seed_members, take_back
from tests.threads import together

DUE = LONG_AGO + timedelta(days=30)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maturation, "COMMISSIONS_IN_A_CHUNK", 5)


def mature_all(program: TestProgram) -> None:
    with transaction(program.id):
        maturation_id = maturation.begin_maturation(program.id, DUE, source="request", created_by=None)
    done = False
    while not done:
        with transaction(program.id):
            done = maturation.mature_chunk(program_of(program.id), maturation_id)


def test_two_maturations_at_once_move_each_commission_once(program: TestProgram) -> None:
    members = seed_members(program, 4)
    seed_commissions(program, [Earning(members[n % 4], 1 + n) for n in range(60)])
    together(program.app, *[lambda: mature_all(program)] * 4)
    with transaction(program.id, read_only=True):
        balances = balances_of(program.id, members)
    assert [balance.pending for balance in balances.values()] == [0] * 4
    assert sum(balance.available for balance in balances.values()) == sum(range(1, 61))


def test_maturation_and_refunds_at_once_lose_nothing(program: TestProgram) -> None:
    members = seed_members(program, 3)
    commissions = seed_commissions(program, [Earning(members[n % 3], 100) for n in range(45)])

    def refund(share: int) -> Callable[[], None]:
        def run() -> None:
            for commission in commissions[share::3]:
                take_back(program, commission, 40)  # a deadlock would fail the test: the lock orders agree

        return run

    together(program.app, lambda: mature_all(program), *[refund(share) for share in range(3)])
    mature_all(program)
    with transaction(program.id, read_only=True):
        balances = balances_of(program.id, members)
    assert [balance[:2] for balance in balances.values()] == [(0, 15 * 60)] * 3
