"""Tables of boards: sums by period, whom nobody shall name, segments. Ids and sums only, never personal data.

Every sum is written by one reader of the event log, and follows from it alone. Amounts are minor units of the program's
currency; days are those of the program's time zone.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amount, Base, Count, Id, IdKey, Instant, Json, ProgramKey

MEASURES = ("sales", "orders", "commission", "invites", "points")


def _by(measure: str) -> Index:
    """The board of a measure, best first: as long as a board is, so long is the way along it."""
    return Index(
        f"ix_board_sums_{measure}", "program_id", "period", "starts_on", "scope", text(f"{measure} DESC"), "member_id",
        postgresql_where=text(f"{measure} > 0"),
    )  # fmt: skip


class BoardSumRow(Base):
    """What one member sold, earned and brought in one period, in the whole program or in one group."""

    __tablename__ = "board_sums"

    program_id: Mapped[ProgramKey]
    period: Mapped[str] = mapped_column(primary_key=True)  # day | week | month | all
    starts_on: Mapped[date] = mapped_column(Date, primary_key=True)  # of a week its Monday; of all 1970-01-01
    scope: Mapped[str] = mapped_column(primary_key=True)  # "": the program; else the group_id that orders named
    member_id: Mapped[IdKey]
    sales: Mapped[Amount]  # of orders attributed to him, less refunds, in the period of paid_at
    orders: Mapped[Count]  # attributed to him, less canceled ones
    commission: Mapped[Amount]  # at all levels, less reversals, in the period of the order's paid_at
    invites: Mapped[Count]  # people he invited who bought for the first time, and whose order stands
    points: Mapped[Count]  # earned less taken back

    __table_args__ = (
        CheckConstraint("period IN ('day', 'week', 'month', 'all')", name="period"),
        *[_by(measure) for measure in MEASURES],
    )


class DaySumRow(Base):
    """One day of the whole program or of one group, whoever sold it."""

    __tablename__ = "day_sums"

    program_id: Mapped[ProgramKey]
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    sales: Mapped[Amount]
    orders: Mapped[Count]
    commission: Mapped[Amount]
    new_members: Mapped[Count]  # of the program only: who joined it
    new_customers: Mapped[Count]  # who bought for the first time


class ProductDayRow(Base):
    """What was sold of one product on a day, less what came back: money, and units as far as refunds name them."""

    __tablename__ = "product_days"

    program_id: Mapped[ProgramKey]
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]  # as the last order called it
    quantity: Mapped[Count]
    sales: Mapped[Amount]


class ProductReturnRow(Base):
    """What came back of one line of an order, as far as it is taken off the product's day. No row: nothing."""

    __tablename__ = "product_returns"

    program_id: Mapped[ProgramKey]
    order_id: Mapped[IdKey]
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    quantity: Mapped[Count]
    amount: Mapped[Amount]


class CustomerSumRow(Base):
    """What one customer bought, for segments; and the invite that his first order was counted for."""

    __tablename__ = "customer_sums"

    program_id: Mapped[ProgramKey]
    customer_id: Mapped[IdKey]
    first_order_at: Mapped[Instant]  # paid_at of the earliest and the latest, canceled or not
    last_order_at: Mapped[Instant]
    orders: Mapped[Count]  # paid and not canceled
    spent: Mapped[Amount]  # less refunds
    invite_order_id: Mapped[UUID | None]  # the order that counts as the invite's; null: none does
    invite_inviter_id: Mapped[UUID | None]
    invite_paid_at: Mapped[datetime | None]
    invite_group: Mapped[str | None]
    invite_open: Mapped[bool]  # the order that counted does not stand any more: the next one counts

    __table_args__ = (Index("ix_customer_sums_last_order", "program_id", "last_order_at", "customer_id"),)


class FanDayRow(Base):
    """What one customer bought in one group on a day."""

    __tablename__ = "fan_days"

    program_id: Mapped[ProgramKey]
    scope: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    member_id: Mapped[IdKey]
    orders: Mapped[Count]
    spent: Mapped[Amount]


class CheckInDayRow(Base):
    """How often one member checked in on a day, in activities of one group or in those that name none."""

    __tablename__ = "check_in_days"

    program_id: Mapped[ProgramKey]
    scope: Mapped[str] = mapped_column(primary_key=True)  # "": activities of the whole program; else the group's id
    member_id: Mapped[IdKey]
    day: Mapped[date] = mapped_column(Date, primary_key=True)  # as the activity counted it
    check_ins: Mapped[Count]


class MemberPrivacyRow(Base):
    """How a member wants to be named where others read. No row: masked."""

    __tablename__ = "member_privacy"

    program_id: Mapped[ProgramKey]
    member_id: Mapped[IdKey]
    names: Mapped[str]  # full | masked | hidden
    updated_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_privacy_member"
        ),
        CheckConstraint("names IN ('full', 'masked', 'hidden')", name="names"),
    )


class SegmentRow(Base):
    """A saved choice of members. It holds the terms, not the members: those are found when it is used."""

    __tablename__ = "segments"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    name: Mapped[str]
    terms: Mapped[Json]
    created_by: Mapped[Id]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]


class SegmentGrantRow(Base):
    """A coupon given to each member of a segment, page by page. Counts only: who has it is known to coupons."""

    __tablename__ = "segment_grants"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    segment_id: Mapped[Id]  # perhaps forgotten since
    coupon_id: Mapped[Id]
    terms: Mapped[Json]  # the segment's when it began
    status: Mapped[str]  # running | completed
    after: Mapped[UUID | None]  # the last member who was looked at
    granted: Mapped[Count]
    refused: Mapped[Json]  # members by reason
    created_by: Mapped[Id]
    created_at: Mapped[Instant]
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "coupon_id"], ["coupons.program_id", "coupons.id"], name="fk_segment_grants_coupon"
        ),
        CheckConstraint("status IN ('running', 'completed')", name="status"),
        CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="completed"),
        Index(
            "uq_segment_grants_running", "program_id", "segment_id", "coupon_id", unique=True,
            postgresql_where=text("status = 'running'"),
        ),
        Index("ix_segment_grants_segment", "program_id", "segment_id", "id"),
    )  # fmt: skip
