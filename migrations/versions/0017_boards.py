"""Sums of members and groups by day, and segments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0017"
down_revision = "0016"

TABLES = (
    "board_sums",
    "day_sums",
    "product_days",
    "customer_sums",
    "fan_days",
    "member_privacy",
    "segments",
)

MEASURES = ("sales", "orders", "commission", "invites", "points")


def upgrade() -> None:
    _create_sums()
    _create_choices()
    for table in TABLES:
        open_table(table)
    isolate(TABLES)


def _create_sums() -> None:
    op.create_table(
        "board_sums",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        *[sa.Column(measure, sa.BigInteger(), nullable=False) for measure in MEASURES],
        sa.CheckConstraint("period IN ('day', 'week', 'month', 'all')", name=op.f("ck_board_sums_period")),
        sa.PrimaryKeyConstraint("program_id", "period", "starts_on", "scope", "member_id", name=op.f("pk_board_sums")),
    )
    for measure in MEASURES:
        op.create_index(
            f"ix_board_sums_{measure}",
            "board_sums",
            ["program_id", "period", "starts_on", "scope", sa.text(f"{measure} DESC"), "member_id"],
            unique=False,
            postgresql_where=sa.text(f"{measure} > 0"),
        )
    op.create_table(
        "day_sums",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("sales", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.Column("new_members", sa.BigInteger(), nullable=False),
        sa.Column("new_customers", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "day", "scope", name=op.f("pk_day_sums")),
    )
    op.create_table(
        "product_days",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("sales", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "day", "scope", "sku", name=op.f("pk_product_days")),
    )
    op.create_table(
        "customer_sums",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("customer_id", sa.UUID(), nullable=False),
        sa.Column("first_order_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("invite_order_id", sa.Uuid(), nullable=True),
        sa.Column("invite_inviter_id", sa.Uuid(), nullable=True),
        sa.Column("invite_paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("invite_group", sa.Text(), nullable=True),
        sa.Column("invite_open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "customer_id", name=op.f("pk_customer_sums")),
    )
    op.create_index(
        "ix_customer_sums_last_order", "customer_sums", ["program_id", "last_order_at", "customer_id"], unique=False
    )
    op.create_table(
        "fan_days",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "scope", "day", "member_id", name=op.f("pk_fan_days")),
    )


def _create_choices() -> None:
    op.create_table(
        "member_privacy",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("names IN ('full', 'masked', 'hidden')", name=op.f("ck_member_privacy_names")),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_privacy_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "member_id", name=op.f("pk_member_privacy")),
    )
    op.create_table(
        "segments",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_segments")),
    )
