"""`flask jobs`: what is stuck, seen and put back to work. For the engineer on call."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import click
from flask.cli import with_appcontext

from core.audit import service as audit
from core.auth.actor import ActorKind
from core.cli import Command, as_json, show_json, show_table
from core.clock import now
from core.db import execute, fetch_all, fetch_one, lookup, transaction
from core.ids import parse_public_id, public_id

_LATE = timedelta(minutes=2)


class StuckJob(NamedTuple):
    """A job that failed for good, fails again and again, or is overdue."""

    id: UUID
    program_id: UUID
    job: str
    queue: str
    status: str
    attempt: int
    failures: int
    created_at: datetime
    run_at: datetime
    last_error: str | None


@click.command("jobs", cls=Command)
@click.option("--retry", "ids", multiple=True, metavar="ID", help="put a failed or waiting job back to work now")
@as_json
@with_appcontext
def jobs(ids: tuple[str, ...], as_json: bool) -> None:
    """List the jobs that are stuck: failed for good, failing, or overdue."""
    if ids:
        for text in ids:
            retry(text)
            click.echo(f"{text} runs again.")
        return
    with lookup():
        found = stuck_jobs()
    if as_json:
        show_json([_shown(job) for job in found])
    elif found:
        show_table(
            ("id", "status", "failures", "attempt", "since", "job", "last error"),
            [
                (public_id("job", one.id), one.status, one.failures, one.attempt, f"{one.created_at:%Y-%m-%d %H:%M}",
                 one.job, one.last_error)
                for one in found
            ],
        )  # fmt: skip
    else:
        click.echo("No job is stuck.")


def stuck_jobs() -> list[StuckJob]:
    """Jobs of all programs that somebody should look at, oldest first."""
    return fetch_all(
        StuckJob,
        """SELECT id, program_id, job, queue, status, attempt, failures, created_at, run_at, last_error FROM outbox
           WHERE status = 'failed' OR (status IN ('pending', 'leased') AND (failures > 0 OR run_at < %(late)s))
           ORDER BY created_at LIMIT 1000""",
        late=now() - _LATE,
    )


def retry(text: str) -> None:
    """Let a job run now, with all its attempts before it.

    Raises:
        click.BadParameter: no such job, or it is done or just running.
    """
    with lookup():
        found = _job_named(text)
    if found is None:
        raise click.BadParameter(f"there is no job {text}", param_hint="--retry")
    with transaction(found.program_id):
        restarted = execute(
            """UPDATE outbox SET status = 'pending', run_at = %(at)s, failures = 0
               WHERE program_id = %(program_id)s AND id = %(id)s AND status IN ('failed', 'pending')""",
            program_id=found.program_id, id=found.id, at=now(),
        )  # fmt: skip
        audit.record(found.program_id, ActorKind.SYSTEM, None, "jobs.retry", text, {})
        if not restarted:
            raise click.BadParameter(f"{text} is {found.status}", param_hint="--retry")


def _job_named(text: str) -> StuckJob | None:
    job_id = parse_public_id("job", text)
    return fetch_one(
        StuckJob,
        """SELECT id, program_id, job, queue, status, attempt, failures, created_at, run_at, last_error FROM outbox
           WHERE id = %(id)s""",
        id=job_id,
    )


def _shown(job: StuckJob) -> dict[str, object]:
    return job._asdict() | {"id": public_id("job", job.id), "program_id": public_id("prg", job.program_id)}


commands = (jobs,)
