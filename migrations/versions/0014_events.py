"""The event log: what happened, its numbers, how far each reader is, and what can be told only once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0014"
down_revision = "0013"

TABLES = ("events", "event_heads", "event_cursors", "first_orders", "coupon_warnings")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_events_program_id")),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_events")),
    )
    op.create_index(
        "ix_events_unnumbered", "events", ["program_id", "id"], unique=False, postgresql_where=sa.text("seq IS NULL")
    )
    op.create_index("uq_events_seq", "events", ["program_id", "seq"], unique=True)
    op.create_index("ix_events_kind", "events", ["program_id", "kind", "seq"], unique=False)
    op.create_table(
        "event_heads",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", name=op.f("pk_event_heads")),
    )
    op.create_table(
        "event_cursors",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "consumer", name=op.f("pk_event_cursors")),
    )
    _create_what_is_told_once()
    for table in TABLES:
        open_table(table)
    isolate(TABLES)


def _create_what_is_told_once() -> None:
    op.create_table(
        "first_orders",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("customer_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_first_orders_order"
        ),
        sa.PrimaryKeyConstraint("program_id", "customer_id", name=op.f("pk_first_orders")),
    )
    # customers of before have bought already
    op.execute(
        """INSERT INTO first_orders (program_id, customer_id, order_id)
           SELECT DISTINCT ON (program_id, customer_id) program_id, customer_id, id FROM orders
           WHERE customer_id IS NOT NULL AND paid_at IS NOT NULL ORDER BY program_id, customer_id, paid_at, id"""
    )
    op.create_table(
        "coupon_warnings",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("coupon_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('low', 'exhausted')", name=op.f("ck_coupon_warnings_kind")),
        sa.ForeignKeyConstraint(
            ["program_id", "coupon_id"], ["coupons.program_id", "coupons.id"], name="fk_coupon_warnings_coupon"
        ),
        sa.PrimaryKeyConstraint("program_id", "coupon_id", "kind", name=op.f("pk_coupon_warnings")),
    )
