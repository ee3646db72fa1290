"""Jobs whose effects can be counted, some of them slow, failing or deadly."""

import os
import time
from pathlib import Path
from uuid import UUID, uuid4

from core.clock import now
from core.db import execute, json, scalar, transaction
from core.jobs.registry import job


@job("trial.effect")
def effect(program_id: UUID, name: str) -> None:
    """One row for each time this ran and was committed."""
    _leave(name)


@job("trial.money", queue="money")
def money(program_id: UUID, name: str) -> None:
    _leave(name)


@job("trial.fails")
def fails(program_id: UUID, name: str) -> None:
    _leave(name)
    raise ValueError(f"no luck with {name}")


@job("trial.slow")
def slow(program_id: UUID, name: str, mark: str, seconds: float) -> None:
    """Tells that it has begun, then takes its time inside its transaction; quick the second time."""
    _leave(name)
    _begin(mark, seconds)


@job("trial.alone", own_transactions=True)
def alone(program_id: UUID, name: str, mark: str, seconds: float) -> None:
    """The same with a transaction of its own and the waiting outside of it; its effect is keyed, so it may repeat."""
    _begin(mark, seconds)
    with transaction(program_id):
        execute(
            """INSERT INTO operation_flags (name, detail, set_at) VALUES (%(name)s, '{}', %(at)s)
               ON CONFLICT DO NOTHING""",
            name=f"{name}-", at=now(),
        )  # fmt: skip


def _begin(mark: str, seconds: float) -> None:
    path = Path(mark)
    if not path.exists():
        path.write_text(str(os.getpid()))
        time.sleep(seconds)


def _leave(name: str) -> None:
    execute(
        "INSERT INTO operation_flags (name, detail, set_at) VALUES (%(name)s, %(detail)s, %(at)s)",
        name=f"{name}-{uuid4().hex}", detail=json({}), at=now(),
    )  # fmt: skip


def effects_of(name: str) -> int:
    """How often a job of this name had its effect."""
    with transaction(read_only=True):
        return int(scalar("SELECT count(*) FROM operation_flags WHERE name LIKE %(like)s", like=f"{name}-%"))
