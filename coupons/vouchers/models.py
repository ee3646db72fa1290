"""Tables of coupons. Amounts are minor units of the program's currency; quantities are guarded by their rows.

Claims and redemptions have no foreign key to coupon or code: its check would lock the one row that everybody is at.
Neither is ever deleted.
"""

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from core.db import Amount, Base, Count, Hash, Id, IdKey, Instant, Json, ProgramKey


class CouponRow(Base):
    """The terms of a coupon. They never change but for name, end and quantity; codes refer to them."""

    __tablename__ = "coupons"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    name: Mapped[str]
    kind: Mapped[str]  # amount | percent
    amount: Mapped[int | None] = mapped_column(BigInteger)
    percent_bps: Mapped[int | None]
    min_spend: Mapped[Amount]  # 0: none
    max_discount: Mapped[int | None] = mapped_column(BigInteger)
    total_quantity: Mapped[int | None] = mapped_column(BigInteger)  # null: no limit, and no stock rows
    per_customer_limit: Mapped[int | None] = mapped_column(BigInteger)
    valid_from: Mapped[Instant | None]
    valid_to: Mapped[Instant | None]
    claim_valid_seconds: Mapped[int | None] = mapped_column(
        BigInteger
    )  # how long a claimed code lives; null: as the coupon
    skus: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # null: all products
    categories: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    stackable: Mapped[bool]
    give_back: Mapped[str]  # cancel_or_full_refund | cancel_only | never
    status: Mapped[str]  # active | ended
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("kind IN ('amount', 'percent')", name="kind"),
        CheckConstraint("status IN ('active', 'ended')", name="status"),
        Index("ix_coupons_valid_to", "program_id", "valid_to"),
    )


class CouponStockRow(Base):
    """A part of a limited coupon's quantity. A hot coupon has many, so that its takers do not queue on one row."""

    __tablename__ = "coupon_stock"

    program_id: Mapped[ProgramKey]
    coupon_id: Mapped[IdKey]
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    left_units: Mapped[Count]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "coupon_id"], ["coupons.program_id", "coupons.id"], name="fk_coupon_stock_coupon"
        ),
        CheckConstraint("left_units >= 0", name="left_units"),
    )


class CouponWarningRow(Base):
    """That a limited coupon is scarce was told. The key lets it be told once."""

    __tablename__ = "coupon_warnings"

    program_id: Mapped[ProgramKey]
    coupon_id: Mapped[IdKey]
    kind: Mapped[str] = mapped_column(primary_key=True)  # low | exhausted
    told_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "coupon_id"], ["coupons.program_id", "coupons.id"], name="fk_coupon_warnings_coupon"
        ),
        CheckConstraint("kind IN ('low', 'exhausted')", name="kind"),
    )


class CouponCustomerRow(Base):
    """How many of a coupon a customer holds or has used; kept only where the coupon limits it."""

    __tablename__ = "coupon_customers"

    program_id: Mapped[ProgramKey]
    coupon_id: Mapped[IdKey]
    customer_id: Mapped[IdKey]
    taken: Mapped[Count]

    __table_args__ = (CheckConstraint("taken >= 0", name="taken"),)


class CouponCodeRow(Base):
    """A code of a coupon: shared by everybody, good for one order, or claimed by one customer."""

    __tablename__ = "coupon_codes"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    coupon_id: Mapped[Id]
    code: Mapped[str]  # upper case
    kind: Mapped[str]  # shared | unique | claimed
    member_id: Mapped[UUID | None]  # the owner, to whom it attributes
    customer_id: Mapped[UUID | None]  # claimed: whose it is
    status: Mapped[str]  # active | reserved | redeemed | expired; shared ones stay active
    expires_at: Mapped[Instant | None]  # of a claimed one
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("kind IN ('shared', 'unique', 'claimed')", name="kind"),
        CheckConstraint("status IN ('active', 'reserved', 'redeemed', 'expired')", name="status"),
        Index("uq_coupon_codes_code", "program_id", "code", unique=True),
        Index("ix_coupon_codes_coupon", "program_id", "coupon_id", "id"),
        Index(
            "ix_coupon_codes_customer", "program_id", "customer_id", "id",
            postgresql_where=text("customer_id IS NOT NULL"),
        ),
        Index(
            "ix_coupon_codes_member", "program_id", "member_id", "id", postgresql_where=text("member_id IS NOT NULL")
        ),
        Index(
            "ix_coupon_codes_expiring", "program_id", "expires_at",
            postgresql_where=text("status = 'active' AND expires_at IS NOT NULL"),
        ),
    )  # fmt: skip


class CouponReservationRow(Base):
    """Codes kept for an order that is about to be placed."""

    __tablename__ = "coupon_reservations"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    order_external_id: Mapped[str]
    request_hash: Mapped[Hash]
    customer_id: Mapped[UUID | None]
    status: Mapped[str]  # reserved | confirmed | released | expired
    quote: Mapped[Json]  # as answered when it was made
    expires_at: Mapped[Instant]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("status IN ('reserved', 'confirmed', 'released', 'expired')", name="status"),
        Index(
            "uq_coupon_reservations_order", "program_id", "order_external_id", unique=True,
            postgresql_where=text("status IN ('reserved', 'confirmed')"),
        ),
        Index(
            "ix_coupon_reservations_expiring", "program_id", "expires_at", postgresql_where=text("status = 'reserved'")
        ),
    )  # fmt: skip


class CouponRedemptionRow(Base):
    """One code used, or about to be used, by one order."""

    __tablename__ = "coupon_redemptions"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    coupon_id: Mapped[Id]
    code_id: Mapped[Id]
    order_external_id: Mapped[str]
    order_id: Mapped[UUID | None]  # null: reserved only
    reservation_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None]
    status: Mapped[str]  # reserved | redeemed | released | expired | given_back
    amount: Mapped[Amount]  # what it took off
    recorded: Mapped[bool]  # the shop had given the discount already: taken as told, and not from the quantity
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint(
            "status IN ('reserved', 'redeemed', 'released', 'expired', 'given_back')", name="status"
        ),
        Index(
            "uq_coupon_redemptions_order_code", "program_id", "order_external_id", "code_id", unique=True,
            postgresql_where=text("status IN ('reserved', 'redeemed')"),
        ),
        Index("ix_coupon_redemptions_order", "program_id", "order_id", postgresql_where=text("order_id IS NOT NULL")),
        Index("ix_coupon_redemptions_code", "program_id", "code_id", "id"),
        Index(
            "ix_coupon_redemptions_reservation", "program_id", "reservation_id",
            postgresql_where=text("reservation_id IS NOT NULL"),
        ),
        Index(
            "ix_coupon_redemptions_reserved_code", "program_id", "code_id", postgresql_where=text("status = 'reserved'")
        ),
    )  # fmt: skip
