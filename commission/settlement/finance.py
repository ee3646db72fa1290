"""What the program owes, as finance sees it: reads only. What was recorded after `as_of` is taken off again."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import LiteralString, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from commission.earnings.maturation import refuse_future
from core.auth.actor import Program
from core.clock import now
from core.db import fetch_all, fetch_one

DAYS_AHEAD = 30
AGE_LIMITS = (30, 60, 90)  # days; what is older is the last bucket


class Sums(NamedTuple):
    """Minor units over all members. accrued − reversed + adjustments + rewards + red_packets
    = pending + payable − debt + in_payout + paid.
    """

    accrued: int
    reversed: int
    adjustments: int
    rewards: int
    red_packets: int
    pending: int
    payable: int
    in_payout: int
    paid: int
    debt: int
    debtors: int


class Debt(NamedTuple):
    """One member below zero, and since when without a break."""

    member_id: UUID
    amount: int
    since: datetime


class AgeBucket(NamedTuple):
    """Debts as old as that, in whole days; `to_days` None: no end."""

    from_days: int
    to_days: int | None
    amount: int
    members: int


class Maturing(NamedTuple):
    """What matures on a day; what is overdue is on the first."""

    day: date
    amount: int
    commission_count: int


class Summary(NamedTuple):
    """What finance asks for, as of an instant."""

    as_of: datetime
    currency: str
    sums: Sums
    debt_by_age: list[AgeBucket]
    maturing: list[Maturing]


def summary_of(program: Program, as_of: datetime | None) -> Summary:
    """The program's sums by what was recorded until `as_of` (None: now).

    Raises:
        Invalid: `as_of` lies in the future.
    """
    at = now() if as_of is None else as_of
    refuse_future(at)
    currency, zone = program.currency, ZoneInfo(program.settings.timezone)
    today = at.astimezone(zone).date()
    end = datetime.combine(today + timedelta(days=DAYS_AHEAD), time(), zone)
    return Summary(
        as_of=at,
        currency=currency,
        sums=sums(program.id, currency, at),
        debt_by_age=by_age(debts(program.id, currency, at), at),
        maturing=maturing(program.id, program.settings.timezone, at, today, end),
    )


# balances as they are now, less the postings recorded after the instant
_THEN: LiteralString = """
    WITH later AS MATERIALIZED (
      SELECT p.member_id,
             sum(p.amount) FILTER (WHERE p.account = 'member_pending') AS pending,
             sum(p.amount) FILTER (WHERE p.account = 'member_available') AS available,
             sum(p.amount) FILTER (WHERE p.account = 'member_in_payout') AS in_payout,
             sum(p.amount) FILTER (WHERE starts_with(p.account, 'cash_')) AS paid
      FROM ledger_transactions t
      JOIN ledger_postings p ON p.program_id = t.program_id AND p.transaction_id = t.id AND p.member_id IS NOT NULL
      WHERE t.program_id = %(program_id)s AND t.currency = %(currency)s AND t.recorded_at > %(as_of)s
      GROUP BY p.member_id),
    then_had AS (
      SELECT b.member_id, b.pending - coalesce(l.pending, 0) AS pending,
             b.available - coalesce(l.available, 0) AS available,
             b.in_payout - coalesce(l.in_payout, 0) AS in_payout, b.paid - coalesce(l.paid, 0) AS paid
      FROM member_balances b LEFT JOIN later l ON l.member_id = b.member_id
      WHERE b.program_id = %(program_id)s AND b.currency = %(currency)s)"""

_OF_COMMISSIONS: LiteralString = """
    SELECT (SELECT coalesce(sum(amount), 0)::bigint FROM commissions
            WHERE program_id = %(program_id)s AND created_at <= %(as_of)s),
           (SELECT coalesce(sum(amount), 0)::bigint FROM commission_reversals
            WHERE program_id = %(program_id)s AND created_at <= %(as_of)s),
           (SELECT coalesce(sum(amount), 0)::bigint FROM adjustments
            WHERE program_id = %(program_id)s AND currency = %(currency)s AND status = 'posted'
              AND decided_at <= %(as_of)s),"""
# what entries of some kinds gave to members; the index of kinds leads to them
_GIVEN: LiteralString = """
           (SELECT coalesce(sum(p.amount), 0)::bigint FROM ledger_transactions t
            JOIN ledger_postings p ON p.program_id = t.program_id AND p.transaction_id = t.id
              AND p.member_id IS NOT NULL
            WHERE t.program_id = %(program_id)s AND t.currency = %(currency)s AND t.recorded_at <= %(as_of)s
              AND t.kind """
_REWARDS: LiteralString = _GIVEN + "IN ('activity.rewarded', 'activity.reward_taken_back')),"
_RED_PACKETS: LiteralString = _GIVEN + "= 'red_packet.claimed'),"
_BALANCES: LiteralString = """
           coalesce(sum(pending), 0)::bigint, coalesce(sum(greatest(available, 0)), 0)::bigint,
           coalesce(sum(in_payout), 0)::bigint, coalesce(sum(paid), 0)::bigint,
           coalesce(sum(greatest(-available, 0)), 0)::bigint, count(*) FILTER (WHERE available < 0)
    FROM then_had"""
# one statement, so that all sums are of one moment and their identity holds while orders come in
_SUMS: LiteralString = _THEN + _OF_COMMISSIONS + _REWARDS + _RED_PACKETS + _BALANCES


def sums(program_id: UUID, currency: str, as_of: datetime) -> Sums:
    found = fetch_one(Sums, _SUMS, program_id=program_id, currency=currency, as_of=as_of)
    return found or Sums(*[0] * len(Sums._fields))


_DEBTS: LiteralString = """,
    debtors AS MATERIALIZED (SELECT member_id, (-available)::bigint AS debt FROM then_had WHERE available < 0),
    history AS (
      SELECT p.member_id, t.recorded_at,
             sum(p.amount) OVER (PARTITION BY p.member_id ORDER BY t.recorded_at, t.id, p.position) AS balance
      FROM debtors d
      JOIN ledger_postings p ON p.program_id = %(program_id)s AND p.member_id = d.member_id
        AND p.account = 'member_available' AND p.currency = %(currency)s
      JOIN ledger_transactions t ON t.program_id = %(program_id)s AND t.id = p.transaction_id
        AND t.recorded_at <= %(as_of)s),
    solvent AS (SELECT member_id, max(recorded_at) AS last_at FROM history WHERE balance >= 0 GROUP BY member_id)
    SELECT d.member_id, d.debt, min(h.recorded_at)
    FROM debtors d JOIN history h ON h.member_id = d.member_id LEFT JOIN solvent s ON s.member_id = d.member_id
    WHERE h.balance < 0 AND (s.last_at IS NULL OR h.recorded_at >= s.last_at)
    GROUP BY d.member_id, d.debt"""


def debts(program_id: UUID, currency: str, as_of: datetime) -> list[Debt]:
    """Every member below zero; as many rows as there are debtors."""
    return fetch_all(Debt, _THEN + _DEBTS, program_id=program_id, currency=currency, as_of=as_of)


def by_age(found: Iterable[Debt], as_of: datetime) -> list[AgeBucket]:
    """Debts by their age in whole days: up to 30, 60, 90, and older; every bucket, also the empty ones."""
    starts = (0, *(limit + 1 for limit in AGE_LIMITS))
    ends = (*AGE_LIMITS, None)
    amounts, members = [0] * len(starts), [0] * len(starts)
    for debt in found:
        place = sum((as_of - debt.since).days > limit for limit in AGE_LIMITS)
        amounts[place] += debt.amount
        members[place] += 1
    return [AgeBucket(*bucket) for bucket in zip(starts, ends, amounts, members, strict=True)]


_MATURING: LiteralString = """
    WITH later AS MATERIALIZED (
      SELECT commission_id, sum(amount) AS taken FROM commission_reversals
      WHERE program_id = %(program_id)s AND created_at > %(as_of)s GROUP BY commission_id),
    waiting AS (
      SELECT c.matures_at, c.amount - c.reversed + coalesce(l.taken, 0) AS left_over
      FROM commissions c LEFT JOIN later l ON l.commission_id = c.id
      WHERE c.program_id = %(program_id)s AND c.created_at <= %(as_of)s AND c.matures_at < %(end)s
        AND c.held_reason IS NULL AND (c.matured_at IS NULL OR c.matured_at > %(as_of)s))
    SELECT greatest((matures_at AT TIME ZONE %(timezone)s)::date, %(today)s), sum(left_over)::bigint, count(*)
    FROM waiting WHERE left_over > 0 GROUP BY 1 ORDER BY 1"""


def maturing(program_id: UUID, timezone: str, as_of: datetime, today: date, end: datetime) -> list[Maturing]:
    """What was pending at `as_of` and matures before `end`, by day; days on which nothing does are filled in."""
    rows = fetch_all(
        Maturing, _MATURING, program_id=program_id, timezone=timezone, as_of=as_of, today=today, end=end
    )  # fmt: skip
    by_day = {row.day: row for row in rows}
    days = [today + timedelta(days=ahead) for ahead in range(DAYS_AHEAD)]
    return [by_day.get(day, Maturing(day, 0, 0)) for day in days]
