"""A member's statement: his ledger lines by business day, with what he had before, after each line, and after all."""

from datetime import date
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger.rules import NOTHING, Balance
from core.db import fetch_all, fetch_one

# The buckets of a group of postings. Cash that left the house is what the member was paid.
_BUCKETS: LiteralString = """
    coalesce(sum(p.amount) FILTER (WHERE p.account = 'member_pending'), 0)::bigint AS pending,
    coalesce(sum(p.amount) FILTER (WHERE p.account = 'member_available'), 0)::bigint AS available,
    coalesce(sum(p.amount) FILTER (WHERE p.account = 'member_in_payout'), 0)::bigint AS in_payout,
    coalesce(sum(p.amount) FILTER (WHERE starts_with(p.account, 'cash_')), 0)::bigint AS paid"""

_POSTINGS: LiteralString = """
    FROM ledger_postings p
    JOIN ledger_transactions t ON t.program_id = p.program_id AND t.id = p.transaction_id
    WHERE p.program_id = %(program_id)s AND p.member_id = %(member_id)s AND p.currency = %(currency)s"""

_LINES: LiteralString = "SELECT t.effective_on, t.id, t.kind, t.order_id, t.payout_id," + _BUCKETS + _POSTINGS

_RUNNING: LiteralString = """
    SELECT effective_on, id, kind, order_id, payout_id, pending, available, in_payout, paid,
           (sum(pending) OVER earlier)::bigint, (sum(available) OVER earlier)::bigint,
           (sum(in_payout) OVER earlier)::bigint, (sum(paid) OVER earlier)::bigint
    FROM lines WINDOW earlier AS (ORDER BY effective_on, id)"""


class Account(NamedTuple):
    """Whose statement, in which currency, from which day to which (both included; None: without end)."""

    program_id: UUID
    member_id: UUID
    currency: str
    since: date | None
    until: date | None


class Line(NamedTuple):
    """What one transaction changed, and what the member had after it."""

    effective_on: date
    transaction_id: UUID
    kind: str
    order_id: UUID | None
    payout_id: UUID | None
    pending: int
    available: int
    in_payout: int
    paid: int
    pending_after: int
    available_after: int
    in_payout_after: int
    paid_after: int

    @property
    def change(self) -> Balance:
        return Balance(self.pending, self.available, self.in_payout, self.paid)

    @property
    def after(self) -> Balance:
        return Balance(self.pending_after, self.available_after, self.in_payout_after, self.paid_after)


Position = tuple[date, UUID]


def opening_of(account: Account) -> Balance:
    """What the member had before the statement's first day."""
    if account.since is None:
        return NOTHING
    return _sum(account, " AND t.effective_on < %(since)s")


def closing_of(account: Account) -> Balance:
    """What the member had after the statement's last day."""
    return _sum(account, " AND t.effective_on <= %(until)s" if account.until else "")


def lines_of(account: Account, after: Position | None, most: int) -> list[Line]:
    """The statement's lines in the order of their days, then of their recording, after a line's position."""
    after_day, after_id = after or (None, None)
    return fetch_all(
        Line,
        "WITH lines AS (" + _LINES + (" AND t.effective_on <= %(until)s" if account.until else "")
        + " GROUP BY t.program_id, t.id), running AS (" + _RUNNING + ") SELECT * FROM running WHERE true"
        + (" AND effective_on >= %(since)s" if account.since else "")
        + (" AND (effective_on, id) > (%(after_day)s, %(after_id)s)" if after else "")
        + " ORDER BY effective_on, id LIMIT %(most)s",
        **account._asdict(), after_day=after_day, after_id=after_id, most=most,
    )  # fmt: skip


def _sum(account: Account, condition: LiteralString) -> Balance:
    found = fetch_one(Balance, "SELECT" + _BUCKETS + _POSTINGS + condition, **account._asdict())
    return found or NOTHING
