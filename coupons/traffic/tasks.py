"""The fold of sales into traffic. Safe to run twice; a second one finds nothing."""

from datetime import timedelta
from uuid import UUID

from core.auth.service import program_of
from core.jobs.outbox import publish
from core.jobs.registry import job, schedule
from coupons.traffic.folding import MOST, fold_deltas, has_deltas


@job("traffic.fold")
def fold(program_id: UUID) -> None:
    """Add one turn's deltas; where more wait, the next turn is published in the same transaction."""
    if fold_deltas(program_of(program_id)) == MOST:
        publish(program_id, "traffic.fold", {})


# stats are promised within 5 s of the write
schedule("traffic.fold", every=timedelta(seconds=2), has_work=has_deltas)
