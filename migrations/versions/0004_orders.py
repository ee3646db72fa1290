"""Plans, orders, refunds and what members earn of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0004"
down_revision = "0003"

TABLES = ("plans", "orders", "order_lines", "refunds", "commissions", "commission_reversals", "maturations")


def upgrade() -> None:
    op.create_table(
        "maturations",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("after_member_id", sa.Uuid(), nullable=True),
        sa.Column("commission_count", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_maturations")),
    )
    op.create_table(
        "plans",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_plans")),
    )
    op.create_index("ix_plans_effective", "plans", ["program_id", "effective_from", "id"], unique=False)
    op.create_table(
        "orders",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("after_sale_open", sa.Boolean(), nullable=False),
        sa.Column("after_sale_reason", sa.Text(), nullable=True),
        sa.Column("subtotal", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("coupon_discount", sa.BigInteger(), nullable=False),
        sa.Column("shipping", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("commission_base", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("refunded_extras", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.Column("content_id", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("campaign_id", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("settings_version", sa.Integer(), nullable=True),
        sa.Column("attribution_source", sa.Text(), nullable=True),
        sa.Column("attributed_member_id", sa.Uuid(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "customer_id"], ["members.program_id", "members.id"], name="fk_orders_customer"
        ),
        sa.ForeignKeyConstraint(["program_id", "plan_id"], ["plans.program_id", "plans.id"], name="fk_orders_plan"),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_orders")),
    )
    op.create_index("ix_orders_attributed_member", "orders", ["program_id", "attributed_member_id", "id"], unique=False)
    op.create_index("ix_orders_customer", "orders", ["program_id", "customer_id", "id"], unique=False)
    op.create_index("uq_orders_external_id", "orders", ["program_id", "external_id"], unique=True)
    op.create_table(
        "commissions",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("line_amounts", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("reversed", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("matures_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("matured_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("maturation_id", sa.Uuid(), nullable=True),
        sa.Column("held_reason", sa.Text(), nullable=True),
        sa.Column("earned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_commissions_member"
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_commissions_order"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_commissions")),
    )
    op.create_index(
        "ix_commissions_due",
        "commissions",
        ["program_id", "member_id", "matures_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending' AND matures_at IS NOT NULL AND held_reason IS NULL"),
    )
    op.create_index("ix_commissions_member", "commissions", ["program_id", "member_id", "id"], unique=False)
    op.create_index("uq_commissions_order_level", "commissions", ["program_id", "order_id", "level"], unique=True)
    op.create_table(
        "order_lines",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("base", sa.BigInteger(), nullable=False),
        sa.Column("refunded_quantity", sa.BigInteger(), nullable=False),
        sa.Column("refunded_amount", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("supply_price", sa.BigInteger(), nullable=True),
        sa.Column("product_url", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_order_lines_order"
        ),
        sa.PrimaryKeyConstraint("program_id", "order_id", "position", name=op.f("pk_order_lines")),
    )
    op.create_table(
        "refunds",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("extras", sa.BigInteger(), nullable=False),
        sa.Column("items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_refunds_order"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_refunds")),
    )
    op.create_index("ix_refunds_order", "refunds", ["program_id", "order_id", "id"], unique=False)
    op.create_index("uq_refunds_external_id", "refunds", ["program_id", "external_id"], unique=True)
    op.create_table(
        "commission_reversals",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("refund_id", sa.UUID(), nullable=False),
        sa.Column("commission_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("line_amounts", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "commission_id"],
            ["commissions.program_id", "commissions.id"],
            name="fk_commission_reversals_commission",
        ),
        sa.PrimaryKeyConstraint("program_id", "refund_id", "commission_id", name=op.f("pk_commission_reversals")),
    )
    op.create_index(
        "ix_commission_reversals_commission", "commission_reversals", ["program_id", "commission_id"], unique=False
    )
    for table in TABLES:
        open_table(table)
    isolate(TABLES)
