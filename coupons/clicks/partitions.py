"""Partitions of clicks by month, made ahead and dropped when past their time. Only the two SQL functions touch them."""

from collections.abc import Iterable
from datetime import date, timedelta

from core.clock import now
from core.db import scalar

AHEAD = timedelta(days=62)  # so that a month of nobody looking does no harm


def ensure_months(months: Iterable[date]) -> int:
    """Make the partitions of the months that these days lie in, where they are missing; how many months were."""
    return sum(
        scalar("SELECT ensure_click_partitions(%(day)s::date, %(day)s::date)", day=day) for day in sorted(months)
    )


def make_ahead() -> int:
    """Make what the next two months need."""
    today = now().date()
    return int(
        scalar("SELECT ensure_click_partitions(%(first)s::date, %(last)s::date)", first=today, last=today + AHEAD)
    )


def drop_old(retention_days: int) -> int:
    """Drop the partitions whose every click is older than that; how many tables it were.

    Each drop takes the table's strongest lock for a moment and gives up when it cannot have it at once.
    """
    return int(scalar("SELECT drop_click_partitions(%(before)s::date)", before=_oldest(retention_days)))


def is_work_waiting(retention_days: int) -> bool:
    """Whether a partition is missing or past its time; a look at the catalogue, without locks."""
    found = scalar(
        """WITH present AS (
             SELECT right(c.relname, 7) AS month FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'click_partitions' AND c.relkind = 'r')
           SELECT NOT EXISTS (SELECT FROM present WHERE month = to_char(%(last)s::date, 'YYYY_MM'))
               OR EXISTS (SELECT FROM present
                          WHERE to_date(month, 'YYYY_MM') + interval '1 month' <= %(before)s::date)""",
        last=now().date() + AHEAD, before=_oldest(retention_days),
    )  # fmt: skip
    return bool(found)


def _oldest(retention_days: int) -> date:
    return now().date() - timedelta(days=retention_days)
