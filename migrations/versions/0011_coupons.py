"""Coupons, their stock, codes, reservations and redemptions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0011"
down_revision = "0010"

TABLES = (
    "coupons",
    "coupon_stock",
    "coupon_customers",
    "coupon_codes",
    "coupon_reservations",
    "coupon_redemptions",
)


def upgrade() -> None:
    op.create_table(
        "coupon_reservations",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_external_id", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("quote", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('reserved', 'confirmed', 'released', 'expired')", name=op.f("ck_coupon_reservations_status")
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_coupon_reservations")),
    )
    op.create_index(
        "ix_coupon_reservations_expiring",
        "coupon_reservations",
        ["program_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'reserved'"),
    )
    op.create_index(
        "uq_coupon_reservations_order",
        "coupon_reservations",
        ["program_id", "order_external_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('reserved', 'confirmed')"),
    )
    op.create_table(
        "coupons",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("percent_bps", sa.Integer(), nullable=True),
        sa.Column("min_spend", sa.BigInteger(), nullable=False),
        sa.Column("max_discount", sa.BigInteger(), nullable=True),
        sa.Column("total_quantity", sa.BigInteger(), nullable=True),
        sa.Column("per_customer_limit", sa.BigInteger(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_valid_seconds", sa.BigInteger(), nullable=True),
        sa.Column("skus", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("stackable", sa.Boolean(), nullable=False),
        sa.Column("give_back", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('amount', 'percent')", name=op.f("ck_coupons_kind")),
        sa.CheckConstraint("status IN ('active', 'ended')", name=op.f("ck_coupons_status")),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_coupons_program_id")),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_coupons")),
    )
    op.create_index("ix_coupons_valid_to", "coupons", ["program_id", "valid_to"], unique=False)
    op.create_table(
        "coupon_codes",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("coupon_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('shared', 'unique', 'claimed')", name=op.f("ck_coupon_codes_kind")),
        sa.CheckConstraint(
            "status IN ('active', 'reserved', 'redeemed', 'expired')", name=op.f("ck_coupon_codes_status")
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_coupon_codes")),
    )
    op.create_index("ix_coupon_codes_coupon", "coupon_codes", ["program_id", "coupon_id", "id"], unique=False)
    op.create_index(
        "ix_coupon_codes_customer",
        "coupon_codes",
        ["program_id", "customer_id", "id"],
        unique=False,
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )
    op.create_index(
        "ix_coupon_codes_expiring",
        "coupon_codes",
        ["program_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'active' AND expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_coupon_codes_member",
        "coupon_codes",
        ["program_id", "member_id", "id"],
        unique=False,
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )
    op.create_index("uq_coupon_codes_code", "coupon_codes", ["program_id", "code"], unique=True)
    op.create_table(
        "coupon_customers",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("coupon_id", sa.UUID(), nullable=False),
        sa.Column("customer_id", sa.UUID(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("taken >= 0", name=op.f("ck_coupon_customers_taken")),
        sa.PrimaryKeyConstraint("program_id", "coupon_id", "customer_id", name=op.f("pk_coupon_customers")),
    )
    op.create_table(
        "coupon_stock",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("coupon_id", sa.UUID(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("left_units", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("left_units >= 0", name=op.f("ck_coupon_stock_left_units")),
        sa.ForeignKeyConstraint(
            ["program_id", "coupon_id"], ["coupons.program_id", "coupons.id"], name="fk_coupon_stock_coupon"
        ),
        sa.PrimaryKeyConstraint("program_id", "coupon_id", "shard", name=op.f("pk_coupon_stock")),
    )
    op.create_table(
        "coupon_redemptions",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("coupon_id", sa.UUID(), nullable=False),
        sa.Column("code_id", sa.UUID(), nullable=False),
        sa.Column("order_external_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("reservation_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("recorded", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('reserved', 'redeemed', 'released', 'expired', 'given_back')",
            name=op.f("ck_coupon_redemptions_status"),
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_coupon_redemptions")),
    )
    op.create_index("ix_coupon_redemptions_code", "coupon_redemptions", ["program_id", "code_id", "id"], unique=False)
    op.create_index(
        "ix_coupon_redemptions_order",
        "coupon_redemptions",
        ["program_id", "order_id"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_index(
        "ix_coupon_redemptions_reservation",
        "coupon_redemptions",
        ["program_id", "reservation_id"],
        unique=False,
        postgresql_where=sa.text("reservation_id IS NOT NULL"),
    )
    op.create_index(
        "ix_coupon_redemptions_reserved_code",
        "coupon_redemptions",
        ["program_id", "code_id"],
        unique=False,
        postgresql_where=sa.text("status = 'reserved'"),
    )
    op.create_index(
        "uq_coupon_redemptions_order_code",
        "coupon_redemptions",
        ["program_id", "order_external_id", "code_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('reserved', 'redeemed')"),
    )
    for table in TABLES:
        open_table(table)
    isolate(TABLES)
