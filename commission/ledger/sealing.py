"""Sealing: hands transactions their place in the hash chain, after the fact, and moves the accounts' snapshots along.

Callers hold the transaction. Sealers wait for each other at the program's head row, so any number may run.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from commission.ledger import queries
from commission.ledger.chain import RecordedPosting, RecordedTransaction, link
from commission.ledger.models import LedgerSealRow, LedgerSnapshotRow
from core.bulk import insert_rows

CHUNK = 2000


class _Seal(NamedTuple):
    seq: int
    transaction_id: UUID
    hash: bytes


class _Moved(NamedTuple):
    account: str
    currency: str
    debit: int
    credit: int


def seal_chunk(program_id: UUID, most: int = CHUNK) -> int:
    """Seal the oldest transactions that are not sealed yet; how many they were."""
    queries.ensure_head(program_id)
    head = queries.lock_head(program_id)
    transactions = queries.unsealed_transactions(program_id, most)
    if not transactions:
        return 0
    postings = queries.postings_of(program_id, [transaction.id for transaction in transactions])
    seals = _links(program_id, head, transactions, postings_by_transaction(postings))
    insert_rows(LedgerSealRow, seals, program_id=program_id)
    queries.move_head(program_id, seals[-1].seq, seals[-1].hash)
    queries.forget_unsealed(program_id, [seal.transaction_id for seal in seals])
    _move_snapshots(program_id, postings)
    return len(seals)


def postings_by_transaction(postings: Iterable[RecordedPosting]) -> dict[UUID, list[RecordedPosting]]:
    """Postings that come ordered by transaction and position, by transaction."""
    return {key: list(group) for key, group in groupby(postings, attrgetter("transaction_id"))}


def _links(
    program_id: UUID,
    head: queries.Head,
    transactions: Sequence[RecordedTransaction],
    postings: Mapping[UUID, Sequence[RecordedPosting]],
) -> list[_Seal]:
    last, seals = head.hash, []
    for seq, transaction in enumerate(transactions, head.seq + 1):
        last = link(last, program_id, transaction, postings.get(transaction.id, ()))
        seals.append(_Seal(seq, transaction.id, last))
    return seals


def _move_snapshots(program_id: UUID, postings: Sequence[RecordedPosting]) -> None:
    sums: dict[tuple[str, str], list[int]] = {}
    for posting in postings:
        moved = sums.setdefault((posting.account, posting.currency), [0, 0])
        moved[posting.amount > 0] += abs(posting.amount)
    rows = [_Moved(account, currency, *sums[account, currency]) for account, currency in sorted(sums)]
    insert_rows(
        LedgerSnapshotRow, rows, program_id=program_id,
        on_conflict="""(program_id, account, currency) DO UPDATE SET
            debit = ledger_snapshots.debit + excluded.debit, credit = ledger_snapshots.credit + excluded.credit""",
    )  # fmt: skip
