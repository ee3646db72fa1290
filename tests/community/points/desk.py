"""Points for tests: given, taken back, spent and looked at through the services that do it in production."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import UUID

from commission.ledger import audits
from commission.ledger.sealing import seal_chunk
from commission.ledger.service import POINTS, balances_of
from community.points.service import Award, award, take_back
from core.auth.actor import Actor, ActorKind
from core.auth.service import program_of
from core.db import fetch_all, transaction
from core.ids import new_id
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import TestProgram
from tests.jobs import run_jobs

MORNING = datetime(2026, 3, 10, 9, tzinfo=UTC)

RULES = {"purchase": {"points": 1, "per_amount": 100, "base": "commission_base", "earn_on": "paid"}}


def an_award(
    member_id: UUID, amount: int, key: str, *, expires_on: date | None = None, at: datetime = MORNING
) -> Award:
    return Award(member_id, amount, "a test", key, at, expires_on, "test")


def give(program: TestProgram, *awards: Award) -> set[str]:
    with transaction(program.id):
        return award(program_of(program.id), awards)


def take(program: TestProgram, *wanted: tuple[str, str, int]) -> None:
    with transaction(program.id):
        take_back(program_of(program.id), wanted)


def points_booked(program: TestProgram, member_id: UUID) -> int:
    """What the ledger says the member has; below zero he owes."""
    with transaction(program.id, read_only=True):
        return balances_of(program.id, [member_id], POINTS)[member_id].available


class LotNow(NamedTuple):
    """A lot as it stands."""

    key: str
    left: int


def lots_of(program: TestProgram, member_id: UUID) -> dict[str, int]:
    """What is left of each of the member's lots, by the key of its award; also those with nothing left."""
    with transaction(program.id, read_only=True):
        rows = fetch_all(
            LotNow,
            "SELECT source_key, left_points FROM point_lots WHERE program_id = %(p)s AND member_id = %(m)s",
            p=program.id, m=member_id,
        )  # fmt: skip
    return dict(rows)


def assert_books(program: TestProgram) -> dict[str, int]:
    """An audit of the whole ledger finds nothing; how much of each it checked."""
    with transaction(program.id):
        seal_chunk(program.id)
        audit_id = audits.request_audit(Actor(program_of(program.id), ActorKind.STAFF, new_id())).id
    done = False
    while not done:
        with transaction(program.id):
            done = audits.audit_chunk(program.id, audit_id, 8)
    with transaction(program.id, read_only=True):
        progress = audits.audit_of(program.id, audit_id).progress
    assert progress.problems == []
    return progress.checked


def digest(program: TestProgram) -> None:
    """Let what was told reach the points: number the events, then consume them."""
    for name in ("events.number", "points.earn"):
        publish_where_due(program.id, [SCHEDULES[name]])
        run_jobs(program.id)


def come_to_rest(program: TestProgram) -> None:
    """Let everything that points consume come round until there is nothing to do."""
    for _ in range(20):
        publish_where_due(program.id, [SCHEDULES[name] for name in ("events.number", "points.earn", "points.grade")])
        if not run_jobs(program.id):
            return
    raise AssertionError("it does not come to rest")


def expire(program: TestProgram) -> None:
    """Let the expiry come round once."""
    publish_where_due(program.id, [SCHEDULES["points.expire"]])
    run_jobs(program.id)


class Told(NamedTuple):
    kind: str
    facts: dict[str, object]


def told(program: TestProgram, kinds: Iterable[str]) -> list[Told]:
    """What points told the log, in order."""
    with transaction(program.id, read_only=True):
        return fetch_all(
            Told, "SELECT kind, facts FROM events WHERE program_id = %(p)s AND kind = ANY(%(kinds)s) ORDER BY id",
            p=program.id, kinds=list(kinds),
        )  # fmt: skip
