"""Accounting periods: months that finance closes one after the other. A closed month never gets another transaction."""

from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID

from commission.ledger import queries
from commission.ledger.rules import month_after
from core.clock import now

# UTC's day, the furthest time zone's, and longer than any transaction lives
_SURELY_OPEN = timedelta(days=2)


def first_open_day(program_id: UUID, days: Iterable[date]) -> date:
    """The first day of the open period, for a transaction that is about to post on these days.

    Where one of their months may be closed already, or while this transaction lives, the program's head is locked
    (shared by all who post) until it ends, so that a close waits for it. Months that go on need no lock.
    """
    earliest = min(days)
    if month_after(earliest) > now().date() + _SURELY_OPEN:
        return earliest
    queries.ensure_head(program_id)
    closed_through = queries.closed_through_shared(program_id)
    return earliest if closed_through is None else closed_through + timedelta(days=1)
