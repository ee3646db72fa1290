"""Posting to the ledger. Callers hold the transaction; nothing here commits, nothing ever changes what was posted."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from commission.ledger import queries
from commission.ledger.errors import DuplicateEntry
from commission.ledger.models import LedgerPostingRow, LedgerTransactionRow, MemberBalanceRow
from commission.ledger.periods import first_open_day
from commission.ledger.rules import (
    NOTHING,
    POINTS,
    Account,
    Balance,
    Entry,
    Posting,
    balance_changes,
    cash_account,
    check_currency,
)
from core.auth.service import program_of
from core.bulk import insert_rows
from core.clock import now
from core.ids import new_id

__all__ = [
    "POINTS", "Account", "Balance", "Entry", "Posting", "balances_of", "cash_account", "lock_available",
    "open_money_of", "post",
]  # fmt: skip


def post(program_id: UUID, currency: str, entries: Sequence[Entry]) -> list[UUID]:
    """Record any number of entries and move the members' balances, in a handful of statements.

    Returns the transactions' ids in the order of the entries. An entry whose month is closed takes effect on the first
    day of the open period. Locks the members' balance rows in id order until the transaction ends: a caller that posts
    twice in one transaction may deadlock with another such caller, so post everything at once.

    Raises:
        UnbalancedEntry: an entry does not sum to zero, or names an account or a member wrongly, or mixes points and
            money.
        DuplicateEntry: a source key was posted before, or stands twice in `entries`.
    """
    if not entries:
        return []
    check_currency(currency, entries)
    changes = balance_changes(entries)
    ids = [new_id() for _ in entries]
    opening = first_open_day(program_id, [entry.effective_on for entry in entries])
    _insert_transactions(program_id, currency, ids, entries, opening)
    _insert_postings(program_id, currency, ids, entries)
    _move_balances(program_id, currency, changes)
    return ids


def balances_of(program_id: UUID, member_ids: Sequence[UUID], currency: str | None = None) -> dict[UUID, Balance]:
    """The balance of each member in a currency (the program's own unless given); zeros for one without money."""
    currency = currency or program_of(program_id).currency
    found = {row.member_id: row.balance for row in queries.balances(program_id, member_ids, currency)}
    return {member_id: found.get(member_id, NOTHING) for member_id in member_ids}


def lock_available(program_id: UUID, member_ids: Collection[UUID], currency: str) -> dict[UUID, int]:
    """What is available to each of the members, none of it moved by anybody else until the transaction ends.

    Locks their balance rows in id order, and makes those that are not there: a member without one is locked as well.
    The members must exist.
    """
    rows = [_Change(member_id, currency, 0, 0, 0, 0) for member_id in sorted(set(member_ids))]
    insert_rows(
        MemberBalanceRow, rows, program_id=program_id, on_conflict="(program_id, member_id, currency) DO NOTHING"
    )
    return dict(queries.available_locked(program_id, [row.member_id for row in rows], currency))


def open_money_of(program_id: UUID, member_id: UUID) -> str | None:
    """What keeps a member from being erased, in a sentence; None when all of his is settled. Points are no money."""
    if queries.has_open_money(program_id, member_id):
        return "Money is pending, available, owed or on its way, or an adjustment is undecided."
    return None


class _Transaction(NamedTuple):
    id: UUID
    kind: str
    source_key: str
    currency: str
    order_id: UUID | None
    payout_id: UUID | None
    note: dict[str, Any] | None
    recorded_at: datetime
    effective_on: date


class _PostingRow(NamedTuple):
    transaction_id: UUID
    position: int
    account: str
    member_id: UUID | None
    currency: str
    amount: int


class _Change(NamedTuple):
    member_id: UUID
    currency: str
    pending: int
    available: int
    in_payout: int
    paid: int


def _insert_transactions(
    program_id: UUID, currency: str, ids: Sequence[UUID], entries: Sequence[Entry], opening: date
) -> None:
    recorded_at = now()
    rows = [
        _Transaction(
            transaction_id, entry.kind, entry.source_key, currency, entry.order_id, entry.payout_id, entry.note,
            recorded_at, max(entry.effective_on, opening),
        )
        for transaction_id, entry in zip(ids, entries, strict=True)
    ]  # fmt: skip
    rows.sort(key=_source_key)  # so that two batches that meet cannot deadlock
    posted = insert_rows(
        LedgerTransactionRow, rows, program_id=program_id,
        on_conflict="(program_id, source_key) DO NOTHING", returning="source_key",
    )  # fmt: skip
    if len(posted) != len(rows):
        known = {key for (key,) in posted}
        raise DuplicateEntry(f"posted before: {[row.source_key for row in rows if row.source_key not in known][:5]}")


def _source_key(row: _Transaction) -> str:
    return row.source_key


def _insert_postings(program_id: UUID, currency: str, ids: Sequence[UUID], entries: Sequence[Entry]) -> None:
    rows = [
        _PostingRow(transaction_id, position, posting.account, posting.member_id, currency, posting.amount)
        for transaction_id, entry in zip(ids, entries, strict=True)
        for position, posting in enumerate(entry.postings)
    ]
    insert_rows(LedgerPostingRow, rows, program_id=program_id)


def _move_balances(program_id: UUID, currency: str, changes: dict[UUID, Sequence[int]]) -> None:
    # in id order, so that two batches cannot deadlock
    rows = [_Change(member_id, currency, *changes[member_id]) for member_id in sorted(changes)]
    insert_rows(
        MemberBalanceRow, rows, program_id=program_id,
        on_conflict="""(program_id, member_id, currency) DO UPDATE SET
            pending = member_balances.pending + excluded.pending,
            available = member_balances.available + excluded.available,
            in_payout = member_balances.in_payout + excluded.in_payout,
            paid = member_balances.paid + excluded.paid""",
    )  # fmt: skip
