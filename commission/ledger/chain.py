"""The hash chain: what a link covers, byte by byte. Changing anything here breaks every chain that exists.

link(n) = SHA-256(link(n − 1) ‖ encoding of transaction n); link(0) is 32 zero bytes. Every field of the encoding is
preceded by its length in 4 bytes, big-endian, so that no two transactions share an encoding; a null field has the
length 2³² − 1 and no bytes. Ids are their 16 bytes, numbers decimal ASCII, instants microseconds since 1970 in UTC,
days ISO 8601, the note the text that PostgreSQL writes for it.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

GENESIS = bytes(32)
_FORMAT = b"banyan.ledger.1"
_NULL = b"\xff\xff\xff\xff"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class RecordedTransaction(NamedTuple):
    """A transaction as it stands in the database."""

    id: UUID
    kind: str
    source_key: str
    currency: str
    order_id: UUID | None
    payout_id: UUID | None
    note: str | None  # JSON text
    recorded_at: datetime
    effective_on: date


class RecordedPosting(NamedTuple):
    """A posting as it stands in the database."""

    transaction_id: UUID
    position: int
    account: str
    member_id: UUID | None
    currency: str
    amount: int


def link(
    before: bytes, program_id: UUID, transaction: RecordedTransaction, postings: Sequence[RecordedPosting]
) -> bytes:
    """The hash of a transaction's place in the chain. `postings` are all of it, by position."""
    return hashlib.sha256(before + _encoded(program_id, transaction, postings)).digest()


def _encoded(program_id: UUID, transaction: RecordedTransaction, postings: Sequence[RecordedPosting]) -> bytes:
    fields: list[bytes | None] = [
        _FORMAT,
        program_id.bytes,
        transaction.id.bytes,
        transaction.kind.encode(),
        transaction.source_key.encode(),
        transaction.currency.encode(),
        _id(transaction.order_id),
        _id(transaction.payout_id),
        None if transaction.note is None else transaction.note.encode(),
        b"%d" % ((transaction.recorded_at - _EPOCH) // _MICROSECOND),
        transaction.effective_on.isoformat().encode(),
        b"%d" % len(postings),
    ]
    for posting in postings:
        fields += (
            b"%d" % posting.position,
            posting.account.encode(),
            _id(posting.member_id),
            posting.currency.encode(),
            b"%d" % posting.amount,
        )
    return b"".join([_NULL if field is None else len(field).to_bytes(4, "big") + field for field in fields])


def _id(value: UUID | None) -> bytes | None:
    return None if value is None else value.bytes
