"""What orders know of links, clicks and coupons; re-attributions, claims and signals."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0012"
down_revision = "0011"

TABLES = (
    "order_attributions",
    "attribution_claims",
    "guard_signals",
    "guard_sweeps",
)


def upgrade() -> None:
    op.create_table(
        "guard_sweeps",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("swept_to", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", name=op.f("pk_guard_sweeps")),
    )
    op.create_table(
        "guard_signals",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("policy IN ('flag', 'hold', 'refuse')", name=op.f("ck_guard_signals_policy")),
        sa.CheckConstraint("status IN ('open', 'released', 'rejected', 'noted')", name=op.f("ck_guard_signals_status")),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_guard_signals")),
    )
    op.create_index(
        "ix_guard_signals_member",
        "guard_signals",
        ["program_id", "member_id", "id"],
        unique=False,
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )
    op.create_index(
        "ix_guard_signals_order",
        "guard_signals",
        ["program_id", "order_id"],
        unique=False,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )
    op.create_index("ix_guard_signals_status", "guard_signals", ["program_id", "status", "id"], unique=False)
    op.create_index("uq_guard_signals_subject", "guard_signals", ["program_id", "signal", "subject"], unique=True)
    op.create_table(
        "attribution_claims",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("order_external_id", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_by_kind", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('waiting', 'open', 'approved', 'rejected')", name=op.f("ck_attribution_claims_status")
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_attribution_claims_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_attribution_claims")),
    )
    op.create_index(
        "ix_attribution_claims_order", "attribution_claims", ["program_id", "order_external_id"], unique=False
    )
    op.create_index("ix_attribution_claims_status", "attribution_claims", ["program_id", "status", "id"], unique=False)
    op.create_index(
        "ix_attribution_claims_member", "attribution_claims", ["program_id", "member_id", "id"], unique=False
    )
    op.create_index(
        "uq_attribution_claims_open",
        "attribution_claims",
        ["program_id", "member_id", "order_external_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('waiting', 'open')"),
    )
    op.create_table(
        "order_attributions",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("source_before", sa.Text(), nullable=False),
        sa.Column("member_before", sa.Uuid(), nullable=True),
        sa.Column("evidence_before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("member_after", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_order_attributions_order"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_order_attributions")),
    )
    op.create_index(
        "uq_order_attributions_version", "order_attributions", ["program_id", "order_id", "version"], unique=True
    )
    op.add_column(
        "commissions", sa.Column("attribution_version", sa.SmallInteger(), nullable=False, server_default="1")
    )
    op.drop_index(op.f("uq_commissions_order_level"), table_name="commissions")
    op.create_index(
        "uq_commissions_order_level",
        "commissions",
        ["program_id", "order_id", "level", "attribution_version"],
        unique=True,
    )
    op.add_column("orders", sa.Column("link_id", sa.Uuid(), nullable=True))
    op.add_column("orders", sa.Column("click_id", sa.Uuid(), nullable=True))
    op.add_column(
        "orders", sa.Column("coupons", postgresql.JSONB(astext_type=sa.Text()), nullable=False, server_default="[]")
    )
    op.add_column(
        "orders", sa.Column("named", postgresql.JSONB(astext_type=sa.Text()), nullable=False, server_default="{}")
    )
    op.add_column("orders", sa.Column("sub_ids", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}"))
    op.add_column("orders", sa.Column("attribution_version", sa.SmallInteger(), nullable=False, server_default="1"))
    op.add_column("orders", sa.Column("guard_status", sa.Text(), nullable=False, server_default="clear"))
    for table in TABLES:
        open_table(table)
    isolate(TABLES)
