"""Tables of earnings. A commission's `amount` never changes; reversals and maturation move `reversed` and `status`."""

from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped

from core.db import Amount, Amounts, Base, Count, Id, IdKey, Instant, ProgramKey, Small


class CommissionRow(Base):
    """What one member earns at one level of one order."""

    __tablename__ = "commissions"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    order_id: Mapped[Id]
    member_id: Mapped[Id]
    level: Mapped[Small]  # 1 is the attributed member
    attribution_version: Mapped[Small]  # of the order's attribution that made it
    amount: Mapped[Amount]  # minor units, above 0
    line_amounts: Mapped[Amounts]  # the amount shared to the order's lines, by position
    reversed: Mapped[Amount]  # minor units, 0 to amount
    status: Mapped[str]  # pending | available | reversed (nothing is left)
    matures_at: Mapped[Instant | None]  # when the hold ends; null: it has not begun
    matured_at: Mapped[Instant | None]
    maturation_id: Mapped[UUID | None]
    held_reason: Mapped[str | None]  # after_sale | guard: stays pending past matures_at
    earned_at: Mapped[Instant]  # the order's paid_at
    created_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_commissions_order"
        ),
        ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_commissions_member"
        ),
        Index("uq_commissions_order_level", "program_id", "order_id", "level", "attribution_version", unique=True),
        Index("ix_commissions_member", "program_id", "member_id", "id"),
        Index(
            "ix_commissions_due", "program_id", "member_id", "matures_at",
            postgresql_where=text("status = 'pending' AND matures_at IS NOT NULL AND held_reason IS NULL"),
        ),
    )  # fmt: skip


class CommissionReversalRow(Base):
    """What one refund, or one re-attribution, took from one commission."""

    __tablename__ = "commission_reversals"

    program_id: Mapped[ProgramKey]
    refund_id: Mapped[IdKey]  # of the refund or the re-attribution
    commission_id: Mapped[IdKey]
    amount: Mapped[Amount]  # minor units, above 0
    line_amounts: Mapped[Amounts]  # by position
    from_status: Mapped[str]  # pending | available: which balance it came out of
    created_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "commission_id"],
            ["commissions.program_id", "commissions.id"],
            name="fk_commission_reversals_commission",
        ),
        Index("ix_commission_reversals_commission", "program_id", "commission_id"),
    )


class MaturationRow(Base):
    """One pass of maturation over a program, in steps that survive a crash."""

    __tablename__ = "maturations"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    as_of: Mapped[Instant]
    status: Mapped[str]  # running | completed
    source: Mapped[str]  # request | schedule | settlement
    after_member_id: Mapped[UUID | None]  # members up to here are done
    commission_count: Mapped[Count]
    amount: Mapped[Amount]  # minor units moved from pending to available
    created_by: Mapped[UUID | None]
    created_at: Mapped[Instant]
    completed_at: Mapped[Instant | None]
