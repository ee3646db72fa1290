"""A process that gives coupons to segments, the log's readers behind it, until nothing is left to do; to be killed at
any moment.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from itertools import count
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from signal import SIGKILL
from typing import NamedTuple
from uuid import UUID

from community.boards import grants
from config.features import FEATURES
from config.settings import load
from core.app import create_app, feature_module
from core.clock import frozen_at
from core.jobs.outbox import Delivery
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.jobs import run_jobs, waiting_jobs

SWEEPS = ("events.number", "coupons.follow_claims", "notices.tell")
SWEPT_EVERY = 5  # deliveries

for _feature in FEATURES:  # read once by the server that forks the workers: each begins at once
    for _part in ("models", "tasks", "api", "cli", "upkeep", "health", "front"):
        feature_module(_feature, _part)

_context = get_context("forkserver")
_context.set_forkserver_preload([__name__])


class Work(NamedTuple):
    """What a worker is given: its clock stands at `at`, and a chunk of a grant is so many members."""

    environment: Mapping[str, str]
    program_id: UUID
    at: datetime
    chunk: int


class Worker:
    """One process, and the names of the jobs that it has delivered."""

    def __init__(self, work: Work) -> None:
        self._delivered, theirs = _context.Pipe(duplex=False)
        self._process: BaseProcess = _context.Process(target=_deliver, args=(work, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def wait_for(self, deliveries: int) -> None:
        """Wait until it has made so many more; not when it has ended, or itself waits for what a dead one leased."""
        with suppress(EOFError):
            while deliveries and self._delivered.poll(0.3):
                self._delivered.recv()
                deliveries -= 1

    def kill(self) -> bool:
        """SIGKILL; whether it was at work."""
        self._process.kill()
        self._process.join()
        assert self._process.exitcode in {0, -SIGKILL}, "it went wrong before"
        return self._process.exitcode == -SIGKILL

    def end(self) -> int | None:
        """Wait until it has nothing left to do; its exit code."""
        self._process.join(60)
        return self._process.exitcode


def _deliver(work: Work, told: Connection) -> None:
    grants.grant_chunk.__defaults__ = (work.chunk,)
    app = create_app(load(dict(work.environment)))
    sweeps, delivered = [SCHEDULES[name] for name in SWEEPS], count(1)

    def tell(delivery: Delivery) -> None:
        if next(delivered) % SWEPT_EVERY == 0:  # most of what is killed is a grant
            publish_where_due(work.program_id, sweeps)
        told.send(delivery.job)

    with app.app_context(), frozen_at(work.at):
        while waiting_jobs(work.program_id):
            if not run_jobs(work.program_id, after_each=tell):
                time.sleep(0.01)  # another worker is at the last of them
            publish_where_due(work.program_id, sweeps)
