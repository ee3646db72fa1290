"""What one member earned by day or month, in the program's time zone. SELECTs only.

Every column is net of what refunds have taken back since, so that over all time
estimated = matured + still pending, to the cent.
"""

from datetime import date
from typing import LiteralString, NamedTuple
from uuid import UUID

from core.db import fetch_all, fetch_one


class Period(NamedTuple):
    """One day, or one month by its first day; minor units."""

    day: date
    estimated: int  # of orders paid in it
    matured: int  # whose hold was recorded as ended in it
    paid: int  # payouts the rail confirmed in it and that have not come back


class Expected(NamedTuple):
    """What becomes available on a day, if nothing is refunded until then."""

    day: date
    amount: int


class Waiting(NamedTuple):
    """Pending without a date: its hold has not begun, or it is held for a reason."""

    undated: int
    held: int


def earnings_by_period(
    program_id: UUID, member_id: UUID, timezone: str, *, by_month: bool, since: date | None, until: date | None
) -> list[Period]:
    """Periods in which something happened, oldest first; `since` and `until` are days, both included."""
    return fetch_all(
        Period,
        _EARNED + _IN_MONTHS if by_month else _EARNED + _IN_DAYS,
        program_id=program_id, member_id=member_id, timezone=timezone, since=since, until=until,
    )  # fmt: skip


_EARNED: LiteralString = """
    WITH moves (day, estimated, matured, paid) AS (
      SELECT (earned_at AT TIME ZONE %(timezone)s)::date, amount - reversed, 0, 0 FROM commissions
      WHERE program_id = %(program_id)s AND member_id = %(member_id)s
      UNION ALL
      SELECT (matured_at AT TIME ZONE %(timezone)s)::date, 0, amount - reversed, 0 FROM commissions
      WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND matured_at IS NOT NULL
      UNION ALL
      SELECT (paid_at AT TIME ZONE %(timezone)s)::date, 0, 0, amount FROM payouts
      WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND status = 'paid'),
    wanted AS (
      SELECT * FROM moves
      WHERE day >= coalesce(%(since)s::date, '-infinity') AND day <= coalesce(%(until)s::date, 'infinity'))"""
_IN_DAYS: LiteralString = """
    SELECT day, sum(estimated)::bigint, sum(matured)::bigint, sum(paid)::bigint FROM wanted GROUP BY 1
    HAVING sum(estimated) <> 0 OR sum(matured) <> 0 OR sum(paid) <> 0 ORDER BY 1"""
_IN_MONTHS: LiteralString = """
    SELECT date_trunc('month', day)::date, sum(estimated)::bigint, sum(matured)::bigint, sum(paid)::bigint
    FROM wanted GROUP BY 1
    HAVING sum(estimated) <> 0 OR sum(matured) <> 0 OR sum(paid) <> 0 ORDER BY 1"""


def expected_maturities(program_id: UUID, member_id: UUID, timezone: str) -> list[Expected]:
    """Pending commissions by the day their hold ends; a past day waits for the next maturation."""
    return fetch_all(
        Expected,
        """SELECT (matures_at AT TIME ZONE %(timezone)s)::date, sum(amount - reversed)::bigint FROM commissions
           WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND status = 'pending'
             AND held_reason IS NULL AND matures_at IS NOT NULL
           GROUP BY 1 ORDER BY 1""",
        program_id=program_id, member_id=member_id, timezone=timezone,
    )  # fmt: skip


def waiting_without_date(program_id: UUID, member_id: UUID) -> Waiting:
    found = fetch_one(
        Waiting,
        """SELECT coalesce(sum(amount - reversed) FILTER (WHERE held_reason IS NULL AND matures_at IS NULL), 0)::bigint,
                  coalesce(sum(amount - reversed) FILTER (WHERE held_reason IS NOT NULL), 0)::bigint
           FROM commissions WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND status = 'pending'""",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip
    return found or Waiting(0, 0)
