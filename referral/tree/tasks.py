"""The tree's scheduled work: counting what waits. Safe to run twice; a second fold finds nothing."""

from datetime import timedelta
from uuid import UUID

from core.jobs.registry import job, schedule
from referral.tree.counters import fold_deltas, has_deltas


@job("tree.fold")
def fold(program_id: UUID) -> None:
    """Count joins, moves and orders into the teams above."""
    fold_deltas(program_id)


# team counts are promised within 5 s of the write
schedule("tree.fold", every=timedelta(seconds=2), has_work=has_deltas)
