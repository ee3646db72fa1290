"""What the tests of settlement share: making runs, and looking at balances."""

from typing import Any, NamedTuple
from uuid import UUID

from commission.ledger.service import Balance, balances_of
from core.db import execute, transaction
from tests.clients import ApiClient, TestProgram
from tests.factories import LONG_AGO
from tests.jobs import run_jobs

AS_OF = LONG_AGO.replace(month=3).isoformat()


class Office(NamedTuple):
    """Two people of finance, of whom one makes and the other approves."""

    maker: ApiClient
    checker: ApiClient


def office_of(program: TestProgram) -> Office:
    return Office(program.staff("finance"), program.staff("finance"))


def ask(client: ApiClient, **terms: Any) -> dict[str, Any]:
    """A run that was asked for and whose jobs have not run yet."""
    answer = client.post("/v1/settlements", {"as_of": AS_OF} | terms)
    assert (answer.status_code, answer.json["status"]) == (202, "preparing"), answer.text
    return dict(answer.json)


def prepare(program: TestProgram, client: ApiClient, **terms: Any) -> dict[str, Any]:
    """A run that its jobs have brought to draft."""
    asked = ask(client, **terms)
    run_jobs(program.id)
    run = show(program, asked["id"])
    assert run["status"] == "draft", run
    return run


def approved(program: TestProgram, office: Office, **terms: Any) -> dict[str, Any]:
    run = prepare(program, office.maker, **terms)
    answer = office.checker.post(f"/v1/settlements/{run['id']}/approve", {"digest": run["digest"]})
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def show(program: TestProgram, run_id: str) -> dict[str, Any]:
    answer = program.client.get(f"/v1/settlements/{run_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def skipped(run: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Reason → (members, amount)."""
    return {one["reason"]: (one["count"], one["amount"]) for one in run["skipped"]}


def progress(run: dict[str, Any]) -> dict[str, int]:
    """Payouts by status."""
    return {one["status"]: one["count"] for one in run["progress"]}


def balances(program: TestProgram, member_ids: list[UUID]) -> list[Balance]:
    with transaction(program.id, read_only=True):
        found = balances_of(program.id, member_ids)
    return [found[member_id] for member_id in member_ids]


def end_payouts(program: TestProgram, status: str, *, only: str = "queued") -> int:
    """Let payouts end as a rail would have it, without the books: for tests of the run's own life."""
    with transaction(program.id):
        return execute(
            "UPDATE payouts SET status = %(status)s WHERE program_id = %(program_id)s AND status = %(only)s",
            program_id=program.id, status=status, only=only,
        )  # fmt: skip
