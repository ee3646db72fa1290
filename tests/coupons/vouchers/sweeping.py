"""The sweep of what has run out, as the scheduler and a worker do it."""

from datetime import timedelta

from core.clock import now
from core.db import transaction
from core.jobs.outbox import publish
from coupons.vouchers.expiry import SWEEP
from tests.clients import TestProgram
from tests.jobs import run_jobs


def sweep(program: TestProgram) -> None:
    """At the present time of the clock, also a stopped one."""
    with transaction(program.id):
        publish(program.id, SWEEP, {}, run_at=now() - timedelta(days=1))
    assert SWEEP in run_jobs(program.id)
