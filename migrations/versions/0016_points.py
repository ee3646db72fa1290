"""Points: rules, lots, adjustments, rewards, redemptions; and the ledger told what points may pass through."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0016"
down_revision = "0015"

OPEN = (
    "point_lots", "point_adjustments", "rewards", "reward_stock", "reward_members", "reward_redemptions", "point_uses",
)  # fmt: skip
APPEND_ONLY = ("point_rules",)


def _key(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.UUID(), nullable=False) for name in ("program_id", *names)]


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _amount(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["program_id", column], [f"{target}.program_id", f"{target}.id"],
        name=f"fk_{table}_{column.removesuffix('_id')}",
    )  # fmt: skip


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("program_id", *columns, name=op.f(f"pk_{table}"))


def upgrade() -> None:
    _create_points()
    _create_rewards()
    _create_redemptions()
    for table in OPEN:
        open_table(table)
    for table in APPEND_ONLY:
        open_table(table, append_only=True)
    isolate((*OPEN, *APPEND_ONLY))
    # not validated: there were no points before, and reading the whole ledger under this lock would stop the shop
    op.execute(
        """ALTER TABLE ledger_postings ADD CONSTRAINT ck_ledger_postings_points CHECK (
             CASE WHEN currency = 'PTS' THEN account = 'member_available' OR starts_with(account, 'points_')
             ELSE NOT starts_with(account, 'points_') END) NOT VALID"""
    )


def _create_points() -> None:
    op.create_table(
        "point_rules",
        *_key(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _instant("created_at"),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_point_rules_program_id")),
        _primary("point_rules", "version"),
    )
    op.create_table(
        "point_lots",
        *_key("id", "member_id"),
        _text("source_key"),
        _text("kind"),
        _text("reason", nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("rules_version", sa.Integer(), nullable=True),
        _amount("earned"),
        _amount("left_points"),
        _amount("taken_back"),
        _amount("expired"),
        _amount("forgiven"),
        _instant("earned_at"),
        _instant("expires_at", nullable=True),
        _instant("created_at"),
        _to("point_lots", "member_id", "members"),
        _check("point_lots", "earned", "earned > 0"),
        _check("point_lots", "left", "left_points BETWEEN 0 AND earned"),
        _check("point_lots", "taken_back", "taken_back BETWEEN 0 AND earned"),
        _check("point_lots", "forgiven", "forgiven BETWEEN 0 AND least(expired, taken_back)"),
        _primary("point_lots", "id"),
    )
    op.create_index("uq_point_lots_source_key", "point_lots", ["program_id", "source_key"], unique=True)
    op.create_index(
        "ix_point_lots_live",
        "point_lots",
        ["program_id", "member_id", "expires_at"],
        postgresql_where=sa.text("left_points > 0"),
    )
    op.create_index(
        "ix_point_lots_expiring",
        "point_lots",
        ["program_id", "expires_at"],
        postgresql_where=sa.text("left_points > 0 AND expires_at IS NOT NULL"),
    )
    op.create_index("ix_point_lots_earned", "point_lots", ["program_id", "member_id", "earned_at"])
    op.create_table(
        "point_adjustments",
        *_key("id", "member_id"),
        _amount("amount"),
        _text("reason", nullable=True),
        sa.Column("created_by", sa.UUID(), nullable=False),
        _instant("created_at"),
        _to("point_adjustments", "member_id", "members"),
        _check("point_adjustments", "amount", "amount <> 0"),
        _primary("point_adjustments", "id"),
    )
    op.create_index("ix_point_adjustments_member", "point_adjustments", ["program_id", "member_id", "id"])


def _create_rewards() -> None:
    op.create_table(
        "rewards",
        *_key("id"),
        _text("name"),
        _text("kind"),
        _amount("cost"),
        sa.Column("coupon_id", sa.Uuid(), nullable=True),
        _text("image_url", nullable=True),
        _amount("stock", nullable=True),
        sa.Column("per_member_limit", sa.Integer(), nullable=True),
        _instant("valid_from", nullable=True),
        _instant("valid_to", nullable=True),
        _text("status"),
        _instant("created_at"),
        _instant("updated_at"),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_rewards_program_id")),
        _to("rewards", "coupon_id", "coupons"),
        _check("rewards", "kind", "kind IN ('coupon', 'gift')"),
        _check("rewards", "coupon", "(kind = 'coupon') = (coupon_id IS NOT NULL)"),
        _check("rewards", "cost", "cost > 0"),
        _check("rewards", "stock", "stock >= 0"),
        _check("rewards", "per_member_limit", "per_member_limit > 0"),
        _check("rewards", "status", "status IN ('active', 'ended')"),
        _primary("rewards", "id"),
    )
    op.create_table(
        "reward_stock",
        *_key("reward_id"),
        sa.Column("shard", sa.Integer(), nullable=False),
        _amount("left_units"),
        _to("reward_stock", "reward_id", "rewards"),
        _check("reward_stock", "left_units", "left_units >= 0"),
        _primary("reward_stock", "reward_id", "shard"),
    )
    op.create_table(
        "reward_members",
        *_key("reward_id", "member_id"),
        _amount("taken"),
        _to("reward_members", "reward_id", "rewards"),
        _check("reward_members", "taken", "taken >= 0"),
        _primary("reward_members", "reward_id", "member_id"),
    )


def _create_redemptions() -> None:
    op.create_table(
        "reward_redemptions",
        *_key("id", "reward_id", "member_id"),
        _amount("cost"),
        _text("status"),
        _text("code", nullable=True),
        _text("note", nullable=True),
        _instant("created_at"),
        _instant("updated_at"),
        _to("reward_redemptions", "reward_id", "rewards"),
        _to("reward_redemptions", "member_id", "members"),
        _check("reward_redemptions", "cost", "cost > 0"),
        _check("reward_redemptions", "status", "status IN ('requested', 'shipped', 'fulfilled', 'canceled')"),
        _primary("reward_redemptions", "id"),
    )
    op.create_index("ix_reward_redemptions_member", "reward_redemptions", ["program_id", "member_id", "id"])
    op.create_index("ix_reward_redemptions_reward", "reward_redemptions", ["program_id", "reward_id", "id"])
    op.create_index(
        "ix_reward_redemptions_open",
        "reward_redemptions",
        ["program_id", "status", "id"],
        postgresql_where=sa.text("status IN ('requested', 'shipped')"),
    )
    op.create_table(
        "point_uses",
        *_key("redemption_id", "lot_id"),
        _amount("amount"),
        _to("point_uses", "redemption_id", "reward_redemptions"),
        _to("point_uses", "lot_id", "point_lots"),
        _check("point_uses", "amount", "amount > 0"),
        _primary("point_uses", "redemption_id", "lot_id"),
    )
