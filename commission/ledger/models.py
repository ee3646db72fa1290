"""Tables of the ledger. Transactions, postings, seals and closed periods are only added to: grants and triggers hold.

Signs, everywhere: a credit is positive, a debit negative, both in minor units; what is owed to a member is a credit.
"""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amount, Base, Count, Hash, Id, IdKey, Instant, Json, ProgramKey


class LedgerTransactionRow(Base):
    """One economic event. Its postings sum to zero in each currency."""

    __tablename__ = "ledger_transactions"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    kind: Mapped[str]  # feature.verb, such as commission.accrued
    source_key: Mapped[str]  # what it stands for, once per program: the same event cannot be posted twice
    currency: Mapped[str]
    order_id: Mapped[UUID | None]
    payout_id: Mapped[UUID | None]
    note: Mapped[Json | None]  # ids and reasons, never personal data
    recorded_at: Mapped[Instant]  # when it was written
    effective_on: Mapped[date]  # the business day it counts for; never in a month closed before it was written

    __table_args__ = (
        Index("uq_ledger_transactions_source_key", "program_id", "source_key", unique=True),
        Index("ix_ledger_transactions_recorded_at", "program_id", "recorded_at"),
        Index("ix_ledger_transactions_kind", "program_id", "kind", "id"),
        Index(
            "ix_ledger_transactions_order", "program_id", "order_id",
            postgresql_where=text("order_id IS NOT NULL"),
        ),
        Index(
            "ix_ledger_transactions_payout", "program_id", "payout_id",
            postgresql_where=text("payout_id IS NOT NULL"),
        ),
    )  # fmt: skip


class LedgerPostingRow(Base):
    """One side of a transaction. All postings of a transaction are inserted by one statement, position 0 among them.

    A trigger, not a foreign key, ties it to its transaction, and the member's balance row to its member: transactions
    and members are never deleted. A foreign key to either made this insert half as long again (9.7 ms for 1500 rows,
    15.5 and 14.1 ms with them), and the one to members would lock the member's row at every posting.
    """

    __tablename__ = "ledger_postings"

    program_id: Mapped[ProgramKey]
    transaction_id: Mapped[IdKey]
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    account: Mapped[str]
    member_id: Mapped[UUID | None]  # whose account it is; null: the house's
    currency: Mapped[str]
    amount: Mapped[Amount]  # credit positive, debit negative, never 0

    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        CheckConstraint("position >= 0", name="position"),
        CheckConstraint("member_id IS NOT NULL OR NOT starts_with(account, 'member_')", name="member"),
        CheckConstraint(  # points are never money on its way to anybody
            "CASE WHEN currency = 'PTS' THEN account = 'member_available' OR starts_with(account, 'points_') "
            "ELSE NOT starts_with(account, 'points_') END",
            name="points",
        ),
        Index(
            "ix_ledger_postings_member", "program_id", "member_id", "transaction_id",
            postgresql_where=text("member_id IS NOT NULL"),
        ),
    )  # fmt: skip


class MemberBalanceRow(Base):
    """What a member has, by bucket; always the sum of his postings. `available` below zero is debt.

    A trigger refuses pending, in_payout and paid below zero: each takes back only what it was given.
    """

    __tablename__ = "member_balances"

    program_id: Mapped[ProgramKey]
    member_id: Mapped[IdKey]
    currency: Mapped[str] = mapped_column(primary_key=True)
    pending: Mapped[Amount]
    available: Mapped[Amount]
    in_payout: Mapped[Amount]
    paid: Mapped[Amount]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_balances_member"
        ),
    )


class LedgerUnsealedRow(Base):
    """A transaction that the chain does not hold yet. Written by a trigger on transactions, taken by the sealer."""

    __tablename__ = "ledger_unsealed"

    program_id: Mapped[ProgramKey]
    transaction_id: Mapped[IdKey]


class LedgerSealRow(Base):
    """One link of the program's hash chain."""

    __tablename__ = "ledger_seals"

    program_id: Mapped[ProgramKey]
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # 1, 2, 3 … without a gap
    transaction_id: Mapped[Id]
    hash: Mapped[Hash]  # SHA-256 over the link before and this transaction; see chain.py

    __table_args__ = (Index("uq_ledger_seals_transaction", "program_id", "transaction_id", unique=True),)


class LedgerHeadRow(Base):
    """The end of a program's chain, and the end of its closed periods. Sealers and closers lock it."""

    __tablename__ = "ledger_heads"

    program_id: Mapped[ProgramKey]
    seq: Mapped[Count]  # of the last seal, 0 before the first
    hash: Mapped[Hash]
    closed_through: Mapped[date | None]  # the last closed day; null: no month is closed


class LedgerSnapshotRow(Base):
    """Debits and credits of an account over all sealed transactions, moved forward by the sealer.

    An account's balance is its snapshot plus the postings of the unsealed transactions.
    """

    __tablename__ = "ledger_snapshots"

    program_id: Mapped[ProgramKey]
    account: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    debit: Mapped[Amount]  # sum of all debits, positive
    credit: Mapped[Amount]


class LedgerPeriodRow(Base):
    """A closed month, closed for ever. What counts for it and comes later is posted into the open period."""

    __tablename__ = "ledger_periods"

    program_id: Mapped[ProgramKey]
    month: Mapped[date] = mapped_column(primary_key=True)  # its first day
    closed_at: Mapped[Instant]
    closed_by: Mapped[Id]  # staff

    __table_args__ = (CheckConstraint("extract(day FROM month) = 1", name="first_day"),)


class LedgerAuditRow(Base):
    """A check of the whole ledger, in steps that survive a crash: `progress` says where the next one begins."""

    __tablename__ = "ledger_audits"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    status: Mapped[str]  # running | completed
    progress: Mapped[Json]
    result: Mapped[Json | None]  # {ok, checked, problems, head}
    requested_by: Mapped[UUID | None]
    created_at: Mapped[Instant]
    completed_at: Mapped[Instant | None]


class AdjustmentRow(Base):
    """A correction by hand of what a member is owed, asked for by one person and approved by another."""

    __tablename__ = "adjustments"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    currency: Mapped[str]
    amount: Mapped[Amount]  # above 0 the member gets it, below 0 it is taken
    reason: Mapped[str]
    evidence: Mapped[str | None]
    status: Mapped[str]  # requested | posted | rejected
    requested_by: Mapped[Id]  # staff
    requested_at: Mapped[Instant]
    decided_by: Mapped[UUID | None]  # staff
    decided_at: Mapped[Instant | None]
    rejection: Mapped[str | None]  # why it was rejected
    transaction_id: Mapped[UUID | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_adjustments_member"
        ),
        CheckConstraint("amount <> 0", name="amount"),
        CheckConstraint("status IN ('requested', 'posted', 'rejected')", name="status"),
        CheckConstraint("(status = 'requested') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("status <> 'posted' OR decided_by <> requested_by", name="two_persons"),
        CheckConstraint("(status = 'posted') = (transaction_id IS NOT NULL)", name="posted"),
        Index("ix_adjustments_member", "program_id", "member_id", "id"),
    )
