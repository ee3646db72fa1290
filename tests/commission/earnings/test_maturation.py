"""Maturation moves what is due from pending to available, once, whatever crashes or runs beside it."""

from datetime import timedelta
from uuid import UUID

import pytest

from commission.earnings import maturation
from commission.ledger.service import balances_of
from core.auth.service import program_of
from core.clock import frozen_at, now
from core.db import scalar, transaction
from tests.clients import TestProgram
from tests.factories import LONG_AGO, Earning, seed_commissions, seed_members, take_back
from tests.jobs import deliver_now, lease_jobs, run_jobs

DUE = LONG_AGO + timedelta(days=30)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three commissions a chunk, so that a handful of them spans several."""
    monkeypatch.setattr(maturation, "COMMISSIONS_IN_A_CHUNK", 3)


def mature(program: TestProgram, as_of: str = DUE.isoformat()) -> dict[str, object]:
    asked = program.staff("finance").post("/v1/maturations", {"as_of": as_of})
    assert (asked.status_code, asked.json["status"]) == (202, "running"), asked.text
    run_jobs(program.id)
    shown: dict[str, object] = program.client.get(f"/v1/maturations/{asked.json['id']}").json
    return shown


def money(program: TestProgram, member_ids: list[UUID]) -> list[tuple[int, int]]:
    """(pending, available) of each member."""
    with transaction(program.id, read_only=True):
        balances = balances_of(program.id, member_ids)
    return [balances[member_id][:2] for member_id in member_ids]


def test_due_commissions_become_available(program: TestProgram, small_chunks: None) -> None:
    members = seed_members(program, 3)
    seed_commissions(program, [Earning(members[n % 3], 100 + n) for n in range(10)])
    assert money(program, members) == [(418, 0), (312, 0), (315, 0)]
    done = mature(program)
    assert (done["status"], done["commission_count"], done["amount"]) == ("completed", 10, 1045)
    assert done["completed_at"] is not None
    assert money(program, members) == [(0, 418), (0, 312), (0, 315)]


def test_only_holds_that_have_ended_by_then(program: TestProgram) -> None:
    (member,) = seed_members(program)
    ends = LONG_AGO + timedelta(days=7)
    seed_commissions(
        program,
        [
            Earning(member, 1, matures_at=ends),
            Earning(member, 20, matures_at=ends + timedelta(microseconds=1)),
            Earning(member, 300, matures_at=None),
            Earning(member, 4000, matures_at=ends, held_reason="after_sale"),
        ],
    )
    assert mature(program, ends.isoformat())["commission_count"] == 1
    assert money(program, [member]) == [(4320, 1)]


def test_a_reversed_part_does_not_mature(program: TestProgram) -> None:
    members = seed_members(program, 2)
    partly, wholly = seed_commissions(program, [Earning(members[0], 100), Earning(members[1], 50)])
    take_back(program, partly, 30)
    take_back(program, wholly, 50)
    assert mature(program)["amount"] == 70
    assert money(program, members) == [(0, 70), (0, 0)]


def test_maturing_twice_changes_nothing(program: TestProgram) -> None:
    (member,) = seed_members(program)
    seed_commissions(program, [Earning(member, 100)])
    assert mature(program)["commission_count"] == 1
    assert mature(program)["commission_count"] == 0
    assert money(program, [member]) == [(0, 100)]


def test_a_chunk_delivered_twice_has_the_effect_of_once(program: TestProgram, small_chunks: None) -> None:
    members = seed_members(program, 4)
    seed_commissions(program, [Earning(member, 100) for member in members])
    program.staff("finance").post("/v1/maturations", {"as_of": DUE.isoformat()})
    (first,) = lease_jobs(program.id, "money")
    deliver_now(first)
    deliver_now(first)
    assert run_jobs(program.id) == ["earnings.mature"]
    assert money(program, members) == [(0, 100)] * 4


def test_a_worker_that_dies_in_a_chunk_leaves_no_trace(program: TestProgram, small_chunks: None) -> None:
    members = seed_members(program, 7)
    seed_commissions(program, [Earning(member, 100) for member in members])
    program.staff("finance").post("/v1/maturations", {"as_of": DUE.isoformat()})
    deliver_now(lease_jobs(program.id, "money")[0])
    (second,) = lease_jobs(program.id, "money")
    with pytest.raises(ZeroDivisionError):
        die_after_chunk(program, UUID(second.arguments["maturation_id"]))
    assert money(program, members) == [(0, 100)] * 3 + [(100, 0)] * 4
    with frozen_at(now() + timedelta(hours=1)):  # the lease has run out
        assert run_jobs(program.id) == ["earnings.mature"] * 2
    assert money(program, members) == [(0, 100)] * 7


def die_after_chunk(program: TestProgram, maturation_id: UUID) -> None:
    """Do a chunk and die before it is committed."""
    with transaction(program.id):
        maturation.mature_chunk(program_of(program.id), maturation_id)
        raise ZeroDivisionError


def test_one_member_may_span_chunks(program: TestProgram, small_chunks: None) -> None:
    (member,) = seed_members(program)
    seed_commissions(program, [Earning(member, 10) for _ in range(8)])
    assert mature(program)["commission_count"] == 8
    assert money(program, [member]) == [(0, 80)]
    with transaction(program.id, read_only=True):
        entries = scalar(
            "SELECT count(*) FROM ledger_transactions WHERE program_id = %(p)s AND kind = 'commission.matured'",
            p=program.id,
        )
    assert entries == 3


def test_the_future_is_refused(program: TestProgram) -> None:
    later = (now() + timedelta(minutes=5)).isoformat()
    answer = program.staff("finance").post("/v1/maturations", {"as_of": later})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/as_of")


def test_who_may_ask_for_maturation(program: TestProgram, other_program: TestProgram) -> None:
    body = {"as_of": DUE.isoformat()}
    assert program.anonymous.post("/v1/maturations", body).status_code == 401
    assert program.client.post("/v1/maturations", body).status_code == 403  # a key never moves money on
    assert program.staff("operator").post("/v1/maturations", body).status_code == 403
    asked = program.staff("owner").post("/v1/maturations", body)
    assert asked.status_code == 202
    path = f"/v1/maturations/{asked.json['id']}"
    assert program.staff("viewer").get(path).json["status"] == "running"
    assert other_program.client.get(path).status_code == 404
    assert other_program.client.get("/v1/maturations").json["data"] == []
    assert [one["id"] for one in program.client.get("/v1/maturations").json["data"]] == [asked.json["id"]]


def test_another_programs_commissions_stay(program: TestProgram, other_program: TestProgram) -> None:
    (theirs,) = seed_members(other_program)
    seed_commissions(other_program, [Earning(theirs, 100)])
    assert mature(program)["commission_count"] == 0
    assert money(other_program, [theirs]) == [(100, 0)]
