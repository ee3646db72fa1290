"""Jobs of one program delivered in this process, as relay and worker would. For tests; time does not pass by itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from core.db import fetch_all, transaction
from core.jobs import outbox
from core.jobs.delivery import deliver
from core.jobs.outbox import Delivery
from core.jobs.registry import QUEUES

_LEASE = timedelta(minutes=5)
_MOST = 20_000


class JobError(AssertionError):
    """A job raised; the outbox has put it off, as it does in production."""


class _Trouble(NamedTuple):
    job: str
    status: str
    error: str


def run_jobs(
    program_id: UUID,
    *,
    queues: tuple[str, ...] = QUEUES,
    may_fail: bool = False,
    after_each: Callable[[Delivery], None] | None = None,
) -> list[str]:
    """Lease and deliver due jobs of a program until none is due; the names of the jobs, in the order of delivery.

    A job that raises is an error of the test unless `may_fail`. Jobs put off into the future stay where they are:
    stop the clock later (`core.clock.frozen_at`) to reach them. `after_each` sees every delivery after its end.

    Raises:
        JobError: a handler raised.
    """
    delivered: list[str] = []
    while batch := [one for queue in queues for one in lease_jobs(program_id, queue)]:
        for one in batch:
            deliver_now(one)
            delivered.append(one.job)
            if after_each is not None:
                after_each(one)
            if not may_fail:
                _refuse_failure(one)
        assert len(delivered) < _MOST, f"the jobs do not come to an end: {delivered[-10:]}"
    return delivered


def lease_jobs(program_id: UUID, queue: str, *, most: int = 1) -> list[Delivery]:
    """What the relay would hand to the worker of a queue now."""
    with transaction(program_id):
        return outbox.lease(program_id, queue, most, _LEASE)


def deliver_now(one: Delivery) -> None:
    """One delivery as the worker makes it; may be repeated, which must have no effect."""
    deliver(str(one.program_id), str(one.id), one.job, one.arguments, one.attempt)


def waiting_jobs(program_id: UUID) -> list[str]:
    """Names of the jobs that are not finished, due or not."""
    with transaction(program_id, read_only=True):
        rows = fetch_all(
            _Trouble,
            """SELECT job, status, coalesce(last_error, '') FROM outbox
               WHERE program_id = %(program_id)s AND status <> 'done' ORDER BY run_at, id""",
            program_id=program_id,
        )
    return [row.job for row in rows]


def _refuse_failure(one: Delivery) -> None:
    with transaction(one.program_id, read_only=True):
        rows = fetch_all(
            _Trouble,
            """SELECT job, status, coalesce(last_error, '') FROM outbox
               WHERE program_id = %(program_id)s AND id = %(id)s AND status IN ('pending', 'failed')""",
            program_id=one.program_id, id=one.id,
        )  # fmt: skip
    if rows:
        raise JobError(f"{rows[0].job}: {rows[0].error}")
