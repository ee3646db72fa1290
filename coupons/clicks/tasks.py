"""The daily look after the partitions of clicks: work of the installation, carried by its oldest program."""

from datetime import timedelta
from uuid import UUID

from flask import current_app

from core.db import scalar, transaction
from core.jobs.registry import job, schedule
from coupons.clicks.partitions import drop_old, is_work_waiting, make_ahead


@job("clicks.partition", own_transactions=True)
def partition(program_id: UUID) -> None:
    """Make partitions ahead, then drop those past their time. Repeated it finds nothing to do.

    Whose job it is does not matter: the partitions are everybody's.
    """
    with transaction():
        make_ahead()
    with transaction():  # apart: a drop that may not have its lock undoes nothing
        drop_old(_retention_days())


def is_partitioning_due(program_id: UUID) -> bool:
    """Whether there is something to do, and this is the program that carries it."""
    oldest = scalar("SELECT id FROM programs ORDER BY id LIMIT 1")
    return oldest == program_id and is_work_waiting(_retention_days())


def _retention_days() -> int:
    return int(current_app.config["SETTINGS"].click_retention_days)


schedule("clicks.partition", every=timedelta(days=1), has_work=is_partitioning_due)
