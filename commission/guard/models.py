"""Tables of signals: what looked wrong, with its evidence in ids and counts, and what was done about it."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped

from core.db import Base, Id, IdKey, Instant, Json, ProgramKey


class GuardSignalRow(Base):
    """One signal about one order, or about a visitor's or address's clicks."""

    __tablename__ = "guard_signals"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    signal: Mapped[str]  # self_referral | fast_order | shared_device | refund_ratio | coupon_leak | velocity | …
    policy: Mapped[str]  # what the program's settings said then: flag | hold | refuse
    order_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]  # who would earn by it
    subject: Mapped[str]  # what it is about, within the signal: at most one open signal each
    evidence: Mapped[Json]
    status: Mapped[str]  # open | released | rejected | noted (nothing to decide)
    reason: Mapped[str | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[Instant | None]
    created_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("policy IN ('flag', 'hold', 'refuse')", name="policy"),
        CheckConstraint("status IN ('open', 'released', 'rejected', 'noted')", name="status"),
        Index("uq_guard_signals_subject", "program_id", "signal", "subject", unique=True),
        Index("ix_guard_signals_order", "program_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index("ix_guard_signals_status", "program_id", "status", "id"),
        Index(
            "ix_guard_signals_member", "program_id", "member_id", "id", postgresql_where=text("member_id IS NOT NULL")
        ),
    )  # fmt: skip


class GuardSweepRow(Base):
    """How far the sweep for signals that only flag has come."""

    __tablename__ = "guard_sweeps"

    program_id: Mapped[ProgramKey]
    swept_to: Mapped[Id]  # the last order, or a bound of its time
