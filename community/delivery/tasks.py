"""The job edge of delivery: the sender, what is stale, and what is forgotten."""

from datetime import timedelta
from uuid import UUID

from community.delivery import queries, upkeep
from community.delivery.sending import send_ready
from community.delivery.waking import wake
from core.clock import now
from core.jobs.registry import job, schedule
from referral.members.service import register_erasure_step

_LEASE = timedelta(seconds=40)  # claiming, the longest calls, and some patience with the database


@job("delivery.send", queue="notices", own_transactions=True, lease=_LEASE)
def send(program_id: UUID) -> None:
    """Claim, send, record: short transactions with the network between them."""
    send_ready(program_id)


@job("delivery.wake")
def wake_sender(program_id: UUID) -> None:
    """A sender for lanes that have become free, or whose sender died; in another queue than the one it works in."""
    wake(program_id)


@job("delivery.expire")
def expire(program_id: UUID) -> None:
    """What waited too long in groups that are paused."""
    upkeep.expire(program_id)


@job("delivery.prune")
def prune(program_id: UUID) -> None:
    """Forget what was said long ago."""
    upkeep.prune(program_id)


def _has_ready(program_id: UUID) -> bool:
    return queries.has_ready(program_id, now())


schedule("delivery.wake", every=timedelta(seconds=1), has_work=_has_ready)
schedule("delivery.expire", every=timedelta(seconds=30), has_work=upkeep.has_stale)
schedule("delivery.prune", every=timedelta(hours=6))
register_erasure_step(upkeep.forget_names)
