"""The scheduler: publishes what comes round by itself. Any number may run; a database row makes every tick unique."""

from uuid import UUID

import structlog

from core.clock import now
from core.db import execute, lookup, scalars, transaction
from core.jobs import outbox
from core.jobs.process import OUTAGES, process_app, run_loop
from core.jobs.registry import SCHEDULES, Schedule

_log = structlog.get_logger(__name__)
_TICK_SECONDS = 0.5


def ensure_schedules() -> None:
    """A row for each schedule, due at once when it is new."""
    with lookup():
        known = set(scalars("SELECT name FROM schedules"))
    with transaction():
        for name in sorted(SCHEDULES.keys() - known):
            execute(
                "INSERT INTO schedules (name, next_run_at) VALUES (%(name)s, %(at)s) ON CONFLICT DO NOTHING",
                name=name, at=now(),
            )  # fmt: skip


def tick() -> bool:
    """Take every schedule that is due and publish its job where there is work; whether any was due."""
    with lookup():
        due = scalars("SELECT name FROM schedules WHERE next_run_at <= %(at)s", at=now())
    taken = [SCHEDULES[name] for name in due if name in SCHEDULES and _take(SCHEDULES[name])]
    if taken:
        with lookup():
            programs = scalars("SELECT id FROM programs ORDER BY id")
        for program_id in programs:
            _publish_for(program_id, taken)
    return bool(taken)


def _take(schedule: Schedule) -> bool:
    with transaction():
        taken = execute(
            "UPDATE schedules SET next_run_at = %(next)s WHERE name = %(name)s AND next_run_at <= %(at)s",
            name=schedule.job, at=now(), next=now() + schedule.every,
        )  # fmt: skip
    return taken == 1


def _publish_for(program_id: UUID, schedules: list[Schedule]) -> None:
    try:
        publish_where_due(program_id, schedules)
    except OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001 -- one program's trouble must not stop the sweeps of the others
        _log.error("a sweep was not published", program=str(program_id), exc_info=error)


def publish_where_due(program_id: UUID, schedules: list[Schedule]) -> None:
    """A crash here only makes a sweep late: it comes round again."""
    with transaction(program_id):
        for schedule in schedules:
            if schedule.has_work(program_id):
                outbox.publish_unless_waiting(program_id, schedule.job)


def main() -> None:
    app = process_app("scheduler")
    with app.app_context():
        run_loop("scheduler", _turn, pause_seconds=_TICK_SECONDS)


def _turn() -> bool:
    ensure_schedules()
    tick()
    return False  # always pause: schedules are counted in seconds


if __name__ == "__main__":
    main()
