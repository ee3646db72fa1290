"""Coupons given to segments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "segment_grants",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("segment_id", sa.UUID(), nullable=False),
        sa.Column("coupon_id", sa.UUID(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("after", sa.Uuid(), nullable=True),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("refused", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('running', 'completed')", name=op.f("ck_segment_grants_status")),
        sa.CheckConstraint(
            "(status = 'completed') = (completed_at IS NOT NULL)", name=op.f("ck_segment_grants_completed")
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "coupon_id"], ["coupons.program_id", "coupons.id"], name="fk_segment_grants_coupon"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_segment_grants")),
    )
    op.create_index(
        "uq_segment_grants_running", "segment_grants", ["program_id", "segment_id", "coupon_id"], unique=True,
        postgresql_where=sa.text("status = 'running'"),
    )  # fmt: skip
    op.create_index("ix_segment_grants_segment", "segment_grants", ["program_id", "segment_id", "id"], unique=False)
    open_table("segment_grants")
    isolate(["segment_grants"])
