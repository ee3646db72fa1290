"""Reads of the ledger, and the locks and marks that go with sealing and closing."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger.chain import GENESIS, RecordedPosting, RecordedTransaction
from commission.ledger.rules import POINTS, Balance
from core.db import execute, fetch_all, fetch_one, scalar


class Head(NamedTuple):
    """The end of a program's chain."""

    seq: int
    hash: bytes


class MemberBalance(NamedTuple):
    """A member's balance row."""

    member_id: UUID
    pending: int
    available: int
    in_payout: int
    paid: int

    @property
    def balance(self) -> Balance:
        return Balance(*self[1:])


def balances(program_id: UUID, member_ids: Sequence[UUID], currency: str) -> list[MemberBalance]:
    """Balance rows of those members who have one."""
    return fetch_all(
        MemberBalance,
        """SELECT member_id, pending, available, in_payout, paid FROM member_balances
           WHERE program_id = %(program_id)s AND member_id = ANY(%(member_ids)s) AND currency = %(currency)s""",
        program_id=program_id, member_ids=list(member_ids), currency=currency,
    )  # fmt: skip


class Available(NamedTuple):
    """What a member has in `available`; below zero: debt."""

    member_id: UUID
    amount: int


def available_locked(program_id: UUID, member_ids: Sequence[UUID], currency: str) -> list[Available]:
    """`available` of those members who have a balance row, locked in id order."""
    return fetch_all(
        Available,
        """SELECT member_id, available FROM member_balances
           WHERE program_id = %(program_id)s AND member_id = ANY(%(member_ids)s) AND currency = %(currency)s
           ORDER BY member_id FOR UPDATE""",
        program_id=program_id, member_ids=list(member_ids), currency=currency,
    )  # fmt: skip


def has_open_money(program_id: UUID, member_id: UUID) -> bool:
    """Whether money is owed to the member, by him or on its way to him, or asked for in an adjustment."""
    found: bool = scalar(
        """SELECT EXISTS (SELECT FROM member_balances WHERE program_id = %(program_id)s AND member_id = %(member_id)s
                          AND currency <> %(points)s AND (pending <> 0 OR available <> 0 OR in_payout <> 0))
               OR EXISTS (SELECT FROM adjustments WHERE program_id = %(program_id)s AND member_id = %(member_id)s
                          AND status = 'requested')""",
        program_id=program_id, member_id=member_id, points=POINTS,
    )  # fmt: skip
    return found


def has_transactions(program_id: UUID) -> bool:
    """Whether money was ever posted; points do not count."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT 1 FROM ledger_transactions
                              WHERE program_id = %(id)s AND currency <> %(points)s)""",
            id=program_id, points=POINTS,
        )
    )  # fmt: skip


def ensure_head(program_id: UUID) -> None:
    """Give a program its head row at its first need of it. Others who need it at that moment wait for it."""
    if head_of(program_id) is None:
        execute(
            """INSERT INTO ledger_heads (program_id, seq, hash) VALUES (%(program_id)s, 0, %(hash)s)
               ON CONFLICT DO NOTHING""",
            program_id=program_id, hash=GENESIS,
        )  # fmt: skip


def head_of(program_id: UUID) -> Head | None:
    return fetch_one(
        Head, "SELECT seq, hash FROM ledger_heads WHERE program_id = %(program_id)s", program_id=program_id
    )


def lock_head(program_id: UUID) -> Head:
    """The head, locked against other sealers until the transaction ends; those who post pass."""
    head = fetch_one(
        Head, "SELECT seq, hash FROM ledger_heads WHERE program_id = %(program_id)s FOR NO KEY UPDATE",
        program_id=program_id,
    )  # fmt: skip
    if head is None:
        raise LookupError("the program has no head yet: ensure_head comes first")
    return head


def move_head(program_id: UUID, seq: int, last: bytes) -> None:
    execute(
        "UPDATE ledger_heads SET seq = %(seq)s, hash = %(last)s WHERE program_id = %(program_id)s",
        program_id=program_id, seq=seq, last=last,
    )  # fmt: skip


class Closed(NamedTuple):
    """How far a program's months are closed."""

    through: date | None


def closed_through_shared(program_id: UUID) -> date | None:
    """The last closed day; the head stays locked against closing, not against sealing or others who post."""
    sql: LiteralString = "SELECT closed_through FROM ledger_heads WHERE program_id = %(program_id)s FOR KEY SHARE"
    found = fetch_one(Closed, sql, program_id=program_id)
    if found is None:
        ensure_head(program_id)
        found = fetch_one(Closed, sql, program_id=program_id)
    return found.through if found else None


def closed_through_locked(program_id: UUID) -> date | None:
    """The last closed day, with the head locked: who is posting into an old month has finished, nobody begins to."""
    found: date | None = scalar(
        "SELECT closed_through FROM ledger_heads WHERE program_id = %(program_id)s FOR UPDATE", program_id=program_id
    )
    return found


def is_anything_unsealed(program_id: UUID) -> bool:
    found: bool = scalar(
        "SELECT EXISTS (SELECT FROM ledger_unsealed WHERE program_id = %(program_id)s)", program_id=program_id
    )
    return found


def unsealed_transactions(program_id: UUID, most: int) -> list[RecordedTransaction]:
    """The oldest transactions that are not sealed, in the order of their ids, which is that of their recording."""
    return fetch_all(
        RecordedTransaction,
        """SELECT t.id, t.kind, t.source_key, t.currency, t.order_id, t.payout_id, t.note::text, t.recorded_at,
                  t.effective_on
           FROM (SELECT transaction_id FROM ledger_unsealed WHERE program_id = %(program_id)s
                 ORDER BY transaction_id LIMIT %(most)s) u
           JOIN ledger_transactions t ON t.program_id = %(program_id)s AND t.id = u.transaction_id
           ORDER BY t.id""",
        program_id=program_id, most=most,
    )  # fmt: skip


def forget_unsealed(program_id: UUID, transaction_ids: Sequence[UUID]) -> None:
    execute(
        """DELETE FROM ledger_unsealed WHERE program_id = %(program_id)s
           AND transaction_id = ANY(%(transaction_ids)s)""",
        program_id=program_id, transaction_ids=list(transaction_ids),
    )  # fmt: skip


def postings_of(program_id: UUID, transaction_ids: Sequence[UUID]) -> list[RecordedPosting]:
    """All postings of the transactions, by transaction and position."""
    return fetch_all(
        RecordedPosting,
        """SELECT transaction_id, position, account, member_id, currency, amount FROM ledger_postings
           WHERE program_id = %(program_id)s AND transaction_id = ANY(%(transaction_ids)s)
           ORDER BY transaction_id, position""",
        program_id=program_id, transaction_ids=list(transaction_ids),
    )  # fmt: skip


def transactions_of(program_id: UUID, transaction_ids: Sequence[UUID]) -> list[RecordedTransaction]:
    """The transactions called so, in no order."""
    return fetch_all(
        RecordedTransaction,
        """SELECT id, kind, source_key, currency, order_id, payout_id, note::text, recorded_at, effective_on
           FROM ledger_transactions WHERE program_id = %(program_id)s AND id = ANY(%(transaction_ids)s)""",
        program_id=program_id, transaction_ids=list(transaction_ids),
    )  # fmt: skip


class AccountTotals(NamedTuple):
    """Debits and credits of an account, both positive, in minor units."""

    account: str
    currency: str
    debit: int
    credit: int


def account_totals(program_id: UUID, as_of: datetime | None) -> list[AccountTotals]:
    """Totals of every account: the snapshots, plus what is not sealed yet, less what was recorded after `as_of`.

    One statement, so that the sealer cannot move a posting from one part to the other in between.
    """
    return fetch_all(
        AccountTotals,
        """WITH moved AS (
             SELECT account, currency, debit, credit FROM ledger_snapshots WHERE program_id = %(program_id)s
             UNION ALL
             SELECT p.account, p.currency, greatest(-p.amount, 0), greatest(p.amount, 0)
             FROM ledger_unsealed u
             JOIN ledger_postings p ON p.program_id = u.program_id AND p.transaction_id = u.transaction_id
             WHERE u.program_id = %(program_id)s
             UNION ALL
             SELECT p.account, p.currency, -greatest(-p.amount, 0), -greatest(p.amount, 0)
             FROM ledger_transactions t
             JOIN ledger_postings p ON p.program_id = t.program_id AND p.transaction_id = t.id
             WHERE t.program_id = %(program_id)s AND t.recorded_at > %(as_of)s::timestamptz)
           SELECT account, currency, sum(debit)::bigint, sum(credit)::bigint FROM moved
           GROUP BY account, currency HAVING sum(debit) <> 0 OR sum(credit) <> 0 ORDER BY currency, account""",
        program_id=program_id, as_of=as_of,
    )  # fmt: skip
