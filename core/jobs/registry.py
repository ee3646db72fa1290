"""The jobs there are, named `feature.verb`. The name is a contract: it sits in the database and in Valkey."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

QUEUES = ("money", "notices", "default")

Handler = Callable[..., None]
HasWork = Callable[[UUID], bool]


@dataclass(frozen=True, slots=True)
class Job:
    """A handler and how it is delivered."""

    name: str
    queue: str
    handler: Handler
    own_transactions: bool
    lease: timedelta | None  # how long a delivery may run before it counts as lost; None: the setting's default


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that comes round by itself in every program that has work for it."""

    job: str
    every: timedelta
    has_work: HasWork


JOBS: dict[str, Job] = {}
SCHEDULES: dict[str, Schedule] = {}


def job(
    name: str, *, queue: str = "default", own_transactions: bool = False, lease: timedelta | None = None
) -> Callable[[Handler], Handler]:
    """Register `handler(program_id, **arguments)`.

    Usually it runs inside one transaction, in which the delivery is also marked done: effects and mark are one.
    With `own_transactions` it opens its own, must be safe to repeat, and is marked done after it returned.
    """
    if queue not in QUEUES:
        raise ValueError(f"{name}: there is no queue {queue}")

    def register(handler: Handler) -> Handler:
        if name in JOBS:
            raise ValueError(f"two jobs named {name}")
        JOBS[name] = Job(name, queue, handler, own_transactions, lease)
        return handler

    return register


def schedule(job_name: str, *, every: timedelta, has_work: HasWork = lambda _program_id: True) -> None:
    """Publish a job for each program every so often, where `has_work` says so and none is waiting already."""
    if job_name in SCHEDULES:
        raise ValueError(f"{job_name} is scheduled twice")
    SCHEDULES[job_name] = Schedule(job_name, every, has_work)


Arguments = dict[str, Any]
