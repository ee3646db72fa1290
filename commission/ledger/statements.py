"""A member's statement: his ledger lines by business day, with what he had before, after each line, and after all."""

from datetime import date, timedelta
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger.rules import NOTHING, Balance
from core.db import fetch_all, fetch_one

# The buckets of a group of postings; cash that left the house is what the member was paid.
_BUCKETS: LiteralString = """
    coalesce(sum(p.amount) FILTER (WHERE p.account = 'member_pending'), 0)::bigint AS pending,
    coalesce(sum(p.amount) FILTER (WHERE p.account = 'member_available'), 0)::bigint AS available,
    coalesce(sum(p.amount) FILTER (WHERE p.account = 'member_in_payout'), 0)::bigint AS in_payout,
    coalesce(sum(p.amount) FILTER (WHERE starts_with(p.account, 'cash_')), 0)::bigint AS paid"""

_POSTINGS: LiteralString = """
    FROM ledger_postings p
    JOIN ledger_transactions t ON t.program_id = p.program_id AND t.id = p.transaction_id
    WHERE p.program_id = %(program_id)s AND p.member_id = %(member_id)s AND p.currency = %(currency)s
      AND (%(until)s::date IS NULL OR t.effective_on <= %(until)s)"""

_SUM: LiteralString = "SELECT" + _BUCKETS + _POSTINGS

_CHANGES: LiteralString = (
    "SELECT t.effective_on, t.id, t.kind, t.order_id, t.payout_id," + _BUCKETS + _POSTINGS
    + " GROUP BY t.program_id, t.id"
)  # fmt: skip

_RUNNING: LiteralString = """
    SELECT effective_on, id, kind, order_id, payout_id, pending, available, in_payout, paid,
           (sum(pending) OVER so_far)::bigint, (sum(available) OVER so_far)::bigint,
           (sum(in_payout) OVER so_far)::bigint, (sum(paid) OVER so_far)::bigint
    FROM changes WINDOW so_far AS (ORDER BY effective_on, id)"""

_PAGE: LiteralString = """
    SELECT * FROM running
    WHERE (%(since)s::date IS NULL OR effective_on >= %(since)s)
      AND (%(after_day)s::date IS NULL OR (effective_on, id) > (%(after_day)s, %(after_id)s::uuid))
    ORDER BY effective_on, id LIMIT %(most)s"""

_LINES: LiteralString = "WITH changes AS (" + _CHANGES + "), running AS (" + _RUNNING + ")" + _PAGE


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
    return closing_of(account._replace(until=account.since - timedelta(days=1)))


def closing_of(account: Account) -> Balance:
    """What the member had after the statement's last day."""
    return fetch_one(Balance, _SUM, **account._asdict()) or NOTHING


def lines_of(account: Account, after: Position | None, most: int) -> list[Line]:
    """The statement's lines in the order of their days, then of their recording, after a line's position."""
    after_day, after_id = after or (None, None)
    return fetch_all(Line, _LINES, **account._asdict(), after_day=after_day, after_id=after_id, most=most)
