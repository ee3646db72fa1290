"""Accounting periods: months that finance closes one after the other. A closed month never gets another transaction."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from commission.ledger import queries
from commission.ledger.errors import PeriodClosed, PeriodNotOver, PeriodOutOfOrder
from commission.ledger.rules import month_after, month_of
from core.auth.actor import Actor
from core.clock import day_of, now
from core.db import execute, fetch_all

_DAY = timedelta(days=1)
# UTC's day, the furthest time zone's, and longer than any transaction lives
_SURELY_OPEN = timedelta(days=2)


class Period(NamedTuple):
    """A closed month, named by its first day."""

    month: date
    closed_at: datetime
    closed_by: UUID


def first_open_day(program_id: UUID, days: Iterable[date]) -> date:
    """The earliest day that a transaction about to post on these days may take effect on.

    Where one of their months may be closed already, or while this transaction lives, the program's head is locked
    (shared by all who post) until it ends, so that a close waits for it. Months that go on need no lock.
    """
    earliest = min(days)
    if month_after(earliest) > now().date() + _SURELY_OPEN:
        return earliest
    closed_through = queries.closed_through_shared(program_id)
    return earliest if closed_through is None else closed_through + _DAY


def close_period(actor: Actor, month: date) -> Period:
    """Close a month (its first day): what counts for it and comes later takes effect in the open period.

    The first month ever closed takes all months before it along. Waits for transactions that are posting into old
    months.

    Raises:
        PeriodNotOver: the month has not ended in the program's time zone.
        PeriodClosed: it was closed before.
        PeriodOutOfOrder: the month before it is still open.
    """
    if month_after(month) > day_of(now(), actor.program.settings.timezone):
        raise PeriodNotOver()
    queries.ensure_head(actor.program_id)
    closed_through = queries.closed_through_locked(actor.program_id)
    if closed_through is not None:
        _check_turn(month, closed_through + _DAY)
    period = Period(month, now(), actor.id)
    _record(actor.program_id, period)
    return period


def _check_turn(month: date, open_month: date) -> None:
    if month < open_month:
        raise PeriodClosed()
    if month > open_month:
        raise PeriodOutOfOrder(f"{open_month:%Y-%m} is the next month to close.")


def _record(program_id: UUID, period: Period) -> None:
    execute(
        """INSERT INTO ledger_periods (program_id, month, closed_at, closed_by)
           VALUES (%(program_id)s, %(month)s, %(closed_at)s, %(closed_by)s)""",
        program_id=program_id, month=period.month, closed_at=period.closed_at, closed_by=period.closed_by,
    )  # fmt: skip
    execute(
        "UPDATE ledger_heads SET closed_through = %(last_day)s WHERE program_id = %(program_id)s",
        program_id=program_id, last_day=month_after(period.month) - _DAY,
    )  # fmt: skip


def closed_periods(program_id: UUID, before: date | None, most: int) -> list[Period]:
    """Closed months, latest first, `before` a month excluded."""
    return fetch_all(
        Period,
        """SELECT month, closed_at, closed_by FROM ledger_periods WHERE program_id = %(program_id)s
             AND (%(before)s::date IS NULL OR month < %(before)s) ORDER BY month DESC LIMIT %(most)s""",
        program_id=program_id, before=before, most=most,
    )  # fmt: skip


__all__ = ["Period", "close_period", "closed_periods", "first_open_day", "month_of"]
