"""What may be posted, and what it does to a member's balance: pure decisions over accounts and entries."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from commission.ledger.errors import UnbalancedEntry

_CASH = "cash_"

POINTS = "PTS"
"""The currency of points. No ISO code: nothing of it is money, nothing of it is ever paid out."""


class Account(StrEnum):
    """Account codes. Cash accounts are one for each rail: `cash_account(rail)`."""

    COMMISSION_EXPENSE = "commission_expense"
    ADJUSTMENT_EXPENSE = "adjustment_expense"
    CAMPAIGN_EXPENSE = "campaign_expense"  # what activities and red packets cost
    ACTIVITY_BUDGET = "activity_budget"  # set aside for activities, not given out yet
    RED_PACKET_POOL = "red_packet_pool"  # in red packets, not claimed yet
    POINTS_ISSUED = "points_issued"  # in points: given to members, less taken back
    POINTS_EXPIRED = "points_expired"
    POINTS_REDEEMED = "points_redeemed"
    MEMBER_PENDING = "member_pending"
    MEMBER_AVAILABLE = "member_available"
    MEMBER_IN_PAYOUT = "member_in_payout"


def cash_account(rail: str) -> str:
    """The account of the money that a rail pays out of."""
    return _CASH + rail


class Posting(NamedTuple):
    """One side of an entry, in minor units: a credit is positive, a debit negative, never 0."""

    account: str
    member_id: UUID | None
    amount: int


class Entry(NamedTuple):
    """One transaction to be posted. `source_key` names the event it stands for, once per program."""

    kind: str
    source_key: str
    effective_on: date
    postings: tuple[Posting, ...]
    order_id: UUID | None = None
    payout_id: UUID | None = None
    note: dict[str, Any] | None = None


class Balance(NamedTuple):
    """A member's buckets in minor units. Only `available` may be below zero: debt."""

    pending: int
    available: int
    in_payout: int
    paid: int

    @property
    def debt(self) -> int:
        return max(0, -self.available)


NOTHING = Balance(0, 0, 0, 0)
_BUCKETS = {
    Account.MEMBER_PENDING.value: 0,
    Account.MEMBER_AVAILABLE.value: 1,
    Account.MEMBER_IN_PAYOUT.value: 2,
}
_PAID = 3
_OF_POINTS = frozenset({Account.POINTS_ISSUED.value, Account.POINTS_EXPIRED.value, Account.POINTS_REDEEMED.value})
_HOUSE = frozenset(account.value for account in Account if account.value not in _BUCKETS)


def bucket_of(account: str) -> int | None:
    """Which field of Balance a posting on this account moves; None for the house's accounts.

    Raises:
        UnbalancedEntry: there is no such account.
    """
    bucket = _BUCKETS.get(account)
    if bucket is not None or account in _HOUSE:
        return bucket
    if account.startswith(_CASH):
        return _PAID
    raise UnbalancedEntry(f"there is no account {account!r}")


def balance_changes(entries: Iterable[Entry]) -> dict[UUID, Sequence[int]]:
    """What the entries together change in each member's balance, in the order of Balance's fields.

    Raises:
        UnbalancedEntry: a posting is 0 or names no account, or a member's account lacks its member, or a house account
            has one, or an entry does not sum to zero.
    """
    changes: dict[UUID, list[int]] = {}
    for entry in entries:
        total = 0
        for account, member_id, amount in entry.postings:
            bucket = bucket_of(account)
            if not amount or (bucket is None) != (member_id is None):
                raise UnbalancedEntry(f"{entry.source_key}: a posting of {amount} on {account} cannot be")
            total += amount
            if member_id is not None and bucket is not None:
                changes.setdefault(member_id, [0, 0, 0, 0])[bucket] += amount
        if total or not entry.postings:
            raise UnbalancedEntry(f"{entry.source_key}: the postings sum to {total}")
    return dict(changes)


def check_currency(currency: str, entries: Iterable[Entry]) -> None:
    """Points stay in members' `available` and in the accounts of points, and money stays out of those.

    Raises:
        UnbalancedEntry: a posting would make money of points, or points of money.
    """
    for account in {account for entry in entries for account, _, _ in entry.postings}:
        fits_points = account in _OF_POINTS or account == Account.MEMBER_AVAILABLE
        if not fits_points if currency == POINTS else account in _OF_POINTS:
            raise UnbalancedEntry(f"{currency} does not go through {account}")


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def month_after(day: date) -> date:
    """The first day of the month after the day's."""
    return (month_of(day) + timedelta(days=31)).replace(day=1)
