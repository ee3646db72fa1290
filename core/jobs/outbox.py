"""The outbox: a job exists when its row is committed. Callers hold the transaction; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from core.clock import now
from core.db import execute, fetch_all, json, scalar, scalars
from core.ids import new_id
from core.jobs.registry import JOBS

MAX_ATTEMPTS = 25  # failed ones; a delivery that was merely lost does not count
_LONGEST_BACK_OFF = timedelta(minutes=10)


class Delivery(NamedTuple):
    """One lease of one job. `attempt` is the fence: an older delivery of the same row has no effect any more."""

    program_id: UUID
    id: UUID
    job: str
    queue: str
    arguments: dict[str, Any]
    attempt: int


def publish(program_id: UUID, job: str, arguments: dict[str, Any], *, run_at: datetime | None = None) -> None:
    """Let a job happen after this transaction commits. Arguments are JSON: ids as text, no personal data."""
    publish_many(program_id, job, [arguments], run_at=run_at)


def publish_many(
    program_id: UUID, job: str, arguments: Sequence[dict[str, Any]], *, run_at: datetime | None = None
) -> None:
    """The same job for several arguments, in one statement."""
    execute(
        """INSERT INTO outbox (program_id, id, job, queue, arguments, status, attempt, run_at, created_at)
           SELECT %(program_id)s, id, %(job)s, %(queue)s, arguments, 'pending', 0, %(run_at)s, %(at)s
           FROM unnest(%(ids)s::uuid[], %(arguments)s::jsonb[]) AS given (id, arguments)""",
        program_id=program_id, job=job, queue=JOBS[job].queue, ids=[new_id() for _ in arguments],
        arguments=[json(one) for one in arguments], run_at=run_at or now(), at=now(),
    )  # fmt: skip


def publish_unless_waiting(program_id: UUID, job: str) -> None:
    """Publish a job without arguments unless one waits already. Only for sweeps that come round again."""
    waiting = scalar(
        """SELECT EXISTS (SELECT 1 FROM outbox
           WHERE program_id = %(program_id)s AND job = %(job)s AND status IN ('pending', 'leased'))""",
        program_id=program_id, job=job,
    )  # fmt: skip
    if not waiting:
        publish(program_id, job, {})


def publish_again(program_id: UUID, jobs: Sequence[str]) -> None:
    """Publish jobs without arguments, each unless one waits that nobody has begun. One statement.

    One that is being worked on does not count: it may have looked before.
    """
    execute(
        """INSERT INTO outbox (program_id, id, job, queue, arguments, status, attempt, run_at, created_at)
           SELECT %(program_id)s, g.id, g.job, g.queue, '{}'::jsonb, 'pending', 0, %(at)s, %(at)s
           FROM unnest(%(ids)s::uuid[], %(jobs)s::text[], %(queues)s::text[]) AS g (id, job, queue)
           WHERE NOT EXISTS (SELECT 1 FROM outbox o
                             WHERE o.program_id = %(program_id)s AND o.job = g.job AND o.status = 'pending')""",
        program_id=program_id, ids=[new_id() for _ in jobs], jobs=list(jobs),
        queues=[JOBS[name].queue for name in jobs], at=now(),
    )  # fmt: skip


def programs_with_due_jobs(queue: str) -> list[UUID]:
    """Programs whose jobs wait or whose leases ended; no locks."""
    return scalars(
        """SELECT DISTINCT program_id FROM outbox
           WHERE status IN ('pending', 'leased') AND run_at <= %(at)s AND queue = %(queue)s""",
        at=now(), queue=queue,
    )  # fmt: skip


def lease(program_id: UUID, queue: str, most: int, default_lease: timedelta) -> list[Delivery]:
    """Lease due rows of one program, oldest first; another relay skips them."""
    due = fetch_all(
        Delivery,
        """WITH due AS MATERIALIZED (
             SELECT id FROM outbox
             WHERE program_id = %(program_id)s AND status IN ('pending', 'leased') AND run_at <= %(at)s
               AND queue = %(queue)s
             ORDER BY run_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)
           UPDATE outbox o SET status = 'leased', attempt = o.attempt + 1, run_at = %(lease_until)s
           FROM due WHERE o.program_id = %(program_id)s AND o.id = due.id
           RETURNING o.program_id, o.id, o.job, o.queue, o.arguments, o.attempt""",
        program_id=program_id, queue=queue, most=most, at=now(), lease_until=now() + default_lease,
    )  # fmt: skip
    _stretch_leases(due)
    return due


def _stretch_leases(deliveries: list[Delivery]) -> None:
    """Give jobs that declare a longer lease theirs."""
    for delivery in deliveries:
        declared = JOBS[delivery.job].lease if delivery.job in JOBS else None
        if declared is not None:
            execute(
                "UPDATE outbox SET run_at = %(until)s WHERE program_id = %(program_id)s AND id = %(id)s",
                program_id=delivery.program_id, id=delivery.id, until=now() + declared,
            )  # fmt: skip


def hold(delivery: Delivery) -> bool:
    """Lock the row of a delivery until the end of the transaction; False when the delivery is stale."""
    held = scalar(
        """SELECT 1 FROM outbox WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'leased'
           AND attempt = %(attempt)s FOR UPDATE""",
        program_id=delivery.program_id, id=delivery.id, attempt=delivery.attempt,
    )  # fmt: skip
    return held is not None


def finish(delivery: Delivery) -> bool:
    """Mark a delivery done; False when a later one has taken over."""
    finished = execute(
        """UPDATE outbox SET status = 'done', finished_at = %(at)s, last_error = NULL
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'leased' AND attempt = %(attempt)s""",
        program_id=delivery.program_id, id=delivery.id, attempt=delivery.attempt, at=now(),
    )  # fmt: skip
    return bool(finished)


def give_back(delivery: Delivery, error: str) -> None:
    """After a failure: try again in 1, 2, 4 … seconds; after the last attempt park the row as failed.

    Failures are counted apart from attempts: while all workers are away leases run out by the dozen, and that must
    not use up the patience with the job itself.
    """
    execute(
        """UPDATE outbox SET failures = failures + 1, last_error = %(error)s,
                  status = CASE WHEN failures + 1 >= %(most)s THEN 'failed' ELSE 'pending' END,
                  run_at = %(at)s::timestamptz + least(%(longest)s, interval '1 second' * power(2, least(failures, 20)))
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'leased' AND attempt = %(attempt)s""",
        program_id=delivery.program_id, id=delivery.id, attempt=delivery.attempt, most=MAX_ATTEMPTS, at=now(),
        longest=_LONGEST_BACK_OFF, error=error[:500],
    )  # fmt: skip


def prune(program_id: UUID, before: datetime) -> int:
    """Forget jobs done before an instant."""
    return execute(
        "DELETE FROM outbox WHERE program_id = %(program_id)s AND status = 'done' AND finished_at < %(before)s",
        program_id=program_id, before=before,
    )  # fmt: skip
