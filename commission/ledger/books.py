"""The books as people read them: every account's totals, and transactions with their postings."""

from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger import queries
from commission.ledger.chain import RecordedPosting, RecordedTransaction
from commission.ledger.sealing import postings_by_transaction
from core.db import fetch_all


class TransactionFilter(NamedTuple):
    """Which transactions; what is None does not count."""

    member_id: UUID | None = None
    kind: str | None = None
    order_id: UUID | None = None
    payout_id: UUID | None = None


class Seal(NamedTuple):
    """A transaction's place in the chain."""

    transaction_id: UUID
    seq: int
    hash: bytes


class Booked(NamedTuple):
    """A transaction with everything about it."""

    transaction: RecordedTransaction
    postings: list[RecordedPosting]
    seal: Seal | None


_SELECT: LiteralString = """
    SELECT t.id, t.kind, t.source_key, t.currency, t.order_id, t.payout_id, t.note::text, t.recorded_at, t.effective_on
    FROM ledger_transactions t WHERE t.program_id = %(program_id)s"""

_CONDITIONS: dict[str, LiteralString] = {
    "member_id": """ AND t.id IN (SELECT p.transaction_id FROM ledger_postings p
                     WHERE p.program_id = %(program_id)s AND p.member_id = %(member_id)s)""",
    "kind": " AND t.kind = %(kind)s",
    "order_id": " AND t.order_id = %(order_id)s",
    "payout_id": " AND t.payout_id = %(payout_id)s",
}


def transactions(program_id: UUID, only: TransactionFilter, before: UUID | None, most: int) -> list[Booked]:
    """Transactions, the latest recorded first, older than the one called `before`."""
    wanted: LiteralString = " AND t.id < %(before)s" if before else ""
    for name, value in only._asdict().items():
        wanted += _CONDITIONS[name] if value is not None else ""
    found = fetch_all(
        RecordedTransaction, _SELECT + wanted + " ORDER BY t.id DESC LIMIT %(most)s",
        program_id=program_id, before=before, most=most, **only._asdict(),
    )  # fmt: skip
    return _with_postings(program_id, found)


def _with_postings(program_id: UUID, found: list[RecordedTransaction]) -> list[Booked]:
    ids = [transaction.id for transaction in found]
    postings = postings_by_transaction(queries.postings_of(program_id, ids))
    seals = {seal.transaction_id: seal for seal in _seals_of(program_id, ids)}
    return [Booked(one, postings.get(one.id, []), seals.get(one.id)) for one in found]


def _seals_of(program_id: UUID, transaction_ids: list[UUID]) -> list[Seal]:
    return fetch_all(
        Seal,
        """SELECT transaction_id, seq, hash FROM ledger_seals
           WHERE program_id = %(program_id)s AND transaction_id = ANY(%(transaction_ids)s)""",
        program_id=program_id, transaction_ids=transaction_ids,
    )  # fmt: skip
