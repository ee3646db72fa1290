"""Tables of points. The ledger has every member's sum; lots say which of his points it is and until when.

Amounts are whole points. What a member has left in lots is max(0, his balance): with a debt there is nothing left.
"""

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amount, Base, Count, Id, IdKey, Instant, Json, ProgramKey


def _member_key(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["program_id", "member_id"], ["members.program_id", "members.id"], name=f"fk_{table}_member"
    )  # fmt: skip


class PointRulesRow(Base):
    """One immutable version of a program's rules. What happens is judged by the version of its moment."""

    __tablename__ = "point_rules"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    version: Mapped[int] = mapped_column(primary_key=True)  # 1, 2, 3 …
    rules: Mapped[Json]  # rules.PointRules
    created_at: Mapped[Instant]
    created_by: Mapped[Id]  # staff


class PointLotRow(Base):
    """What one award gave, and what is left of it. Changed only under the member's locked balance row."""

    __tablename__ = "point_lots"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    source_key: Mapped[str]  # what it was given for, once per program: the same award twice is one
    kind: Mapped[str]  # purchase | adjustment, and what activities call theirs
    reason: Mapped[str | None]  # a code or a sentence, never personal data; null: a person's words stand elsewhere
    order_id: Mapped[UUID | None]
    rules_version: Mapped[int | None]  # by which a purchase was counted
    earned: Mapped[Amount]
    left_points: Mapped[Amount]  # not spent, not expired, not taken back; what settled a debt never was here
    taken_back: Mapped[Amount]  # how much of the award was undone, wherever the points for it came from
    expired: Mapped[Amount]  # all that ever expired of it
    forgiven: Mapped[Amount]  # the part of taken_back that had expired already: nobody owes it
    earned_at: Mapped[Instant]
    expires_at: Mapped[Instant | None]  # the first moment at which it is gone; null: never
    created_at: Mapped[Instant]

    __table_args__ = (
        _member_key("point_lots"),
        CheckConstraint("earned > 0", name="earned"),
        CheckConstraint("left_points BETWEEN 0 AND earned", name="left"),
        CheckConstraint("taken_back BETWEEN 0 AND earned", name="taken_back"),
        CheckConstraint("forgiven BETWEEN 0 AND least(expired, taken_back)", name="forgiven"),
        Index("uq_point_lots_source_key", "program_id", "source_key", unique=True),
        Index(
            "ix_point_lots_live", "program_id", "member_id", "expires_at", postgresql_where=text("left_points > 0")
        ),
        Index(
            "ix_point_lots_expiring", "program_id", "expires_at",
            postgresql_where=text("left_points > 0 AND expires_at IS NOT NULL"),
        ),
        Index("ix_point_lots_earned", "program_id", "member_id", "earned_at"),
    )  # fmt: skip


class PointAdjustmentRow(Base):
    """Points given or taken by hand."""

    __tablename__ = "point_adjustments"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    amount: Mapped[Amount]  # above 0 given, below 0 taken
    reason: Mapped[str | None]  # a person's words; null: the member was erased
    created_by: Mapped[Id]  # staff
    created_at: Mapped[Instant]

    __table_args__ = (
        _member_key("point_adjustments"),
        CheckConstraint("amount <> 0", name="amount"),
        Index("ix_point_adjustments_member", "program_id", "member_id", "id"),
    )


class RewardRow(Base):
    """What points can be had for: a coupon's code, or a gift."""

    __tablename__ = "rewards"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    name: Mapped[str]
    kind: Mapped[str]  # coupon | gift
    cost: Mapped[Amount]
    coupon_id: Mapped[UUID | None]
    image_url: Mapped[str | None]
    stock: Mapped[int | None] = mapped_column(BigInteger)  # how many there ever are; null: any
    per_member_limit: Mapped[int | None]
    valid_from: Mapped[Instant | None]
    valid_to: Mapped[Instant | None]
    status: Mapped[str]  # active | ended
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "coupon_id"], ["coupons.program_id", "coupons.id"], name="fk_rewards_coupon"
        ),
        CheckConstraint("kind IN ('coupon', 'gift')", name="kind"),
        CheckConstraint("(kind = 'coupon') = (coupon_id IS NOT NULL)", name="coupon"),
        CheckConstraint("cost > 0", name="cost"),
        CheckConstraint("stock >= 0", name="stock"),
        CheckConstraint("per_member_limit > 0", name="per_member_limit"),
        CheckConstraint("status IN ('active', 'ended')", name="status"),
    )


class RewardStockRow(Base):
    """A part of what is left of a limited reward; takers are spread over the parts."""

    __tablename__ = "reward_stock"

    program_id: Mapped[ProgramKey]
    reward_id: Mapped[IdKey]
    shard: Mapped[int] = mapped_column(primary_key=True)
    left_units: Mapped[Count]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "reward_id"], ["rewards.program_id", "rewards.id"], name="fk_reward_stock_reward"
        ),
        CheckConstraint("left_units >= 0", name="left_units"),
    )


class RewardMemberRow(Base):
    """How often a member has a reward, for those that limit it."""

    __tablename__ = "reward_members"

    program_id: Mapped[ProgramKey]
    reward_id: Mapped[IdKey]
    member_id: Mapped[IdKey]
    taken: Mapped[Count]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "reward_id"], ["rewards.program_id", "rewards.id"], name="fk_reward_members_reward"
        ),
        CheckConstraint("taken >= 0", name="taken"),
    )


class RewardRedemptionRow(Base):
    """A reward that a member took for his points."""

    __tablename__ = "reward_redemptions"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    reward_id: Mapped[Id]
    member_id: Mapped[Id]
    cost: Mapped[Amount]
    status: Mapped[str]  # requested | shipped | fulfilled | canceled
    code: Mapped[str | None]  # of a coupon
    note: Mapped[str | None]  # a tracking number or why it was canceled; null after erasure
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "reward_id"], ["rewards.program_id", "rewards.id"], name="fk_reward_redemptions_reward"
        ),
        _member_key("reward_redemptions"),
        CheckConstraint("cost > 0", name="cost"),
        CheckConstraint("status IN ('requested', 'shipped', 'fulfilled', 'canceled')", name="status"),
        Index("ix_reward_redemptions_member", "program_id", "member_id", "id"),
        Index("ix_reward_redemptions_reward", "program_id", "reward_id", "id"),
        Index(
            "ix_reward_redemptions_open", "program_id", "status", "id",
            postgresql_where=text("status IN ('requested', 'shipped')"),
        ),
    )  # fmt: skip


class PointUseRow(Base):
    """Which lots a redemption was paid from; what is canceled goes back where it came from."""

    __tablename__ = "point_uses"

    program_id: Mapped[ProgramKey]
    redemption_id: Mapped[IdKey]
    lot_id: Mapped[IdKey]
    amount: Mapped[Amount]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "redemption_id"],
            ["reward_redemptions.program_id", "reward_redemptions.id"],
            name="fk_point_uses_redemption",
        ),
        ForeignKeyConstraint(
            ["program_id", "lot_id"], ["point_lots.program_id", "point_lots.id"], name="fk_point_uses_lot"
        ),
        CheckConstraint("amount > 0", name="amount"),
    )
