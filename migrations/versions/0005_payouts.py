"""Payout methods, payouts, their timelines, attempts and resolutions."""

import sqlalchemy as sa
from alembic import op

from migrations.protection import isolate, open_table

revision = "0005"
down_revision = "0004"

OPEN = ("payout_methods", "payouts", "payout_attempts", "payout_resolutions")
APPEND_ONLY = ("payout_events",)


def upgrade() -> None:
    op.create_table(
        "payout_methods",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("account_name", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("usable_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_kind", sa.Text(), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_payout_methods_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_payout_methods")),
    )
    op.create_index("ix_payout_methods_member", "payout_methods", ["program_id", "member_id", "id"], unique=False)
    op.create_index(
        "uq_payout_methods_account",
        "payout_methods",
        ["program_id", "member_id", "fingerprint"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index(
        "uq_payout_methods_default",
        "payout_methods",
        ["program_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("is_default AND deleted_at IS NULL"),
    )
    op.create_table(
        "payouts",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("method_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("settlement_id", sa.Uuid(), nullable=True),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=True),
        sa.Column("requested_by_kind", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rail_reference", sa.Text(), nullable=True),
        sa.Column("payee_action", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_count", sa.Integer(), nullable=False),
        sa.CheckConstraint("(kind = 'settlement') = (settlement_id IS NOT NULL)", name=op.f("ck_payouts_kind")),
        sa.CheckConstraint(
            "status IN ('requested', 'approved', 'queued', 'submitting', 'processing', 'awaiting_payee', "
            "'unknown', 'paid', 'failed', 'returned', 'canceled', 'rejected')",
            name=op.f("ck_payouts_status"),
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'canceled', 'rejected') OR approved_by IS NOT NULL OR adopted_at IS NOT NULL",
            name=op.f("ck_payouts_approved_first"),
        ),
        sa.CheckConstraint("amount > 0 AND net > 0 AND net = amount - tax - fee", name=op.f("ck_payouts_sums")),
        sa.CheckConstraint("approved_by IS NULL OR approved_by <> requested_by", name=op.f("ck_payouts_two_people")),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_payouts_member"
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "method_id"], ["payout_methods.program_id", "payout_methods.id"], name="fk_payouts_method"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_payouts")),
    )
    op.create_index("ix_payouts_member", "payouts", ["program_id", "member_id", "id"], unique=False)
    op.create_index("ix_payouts_method", "payouts", ["program_id", "method_id"], unique=False)
    op.create_index(
        "ix_payouts_check",
        "payouts",
        ["program_id", "next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index(
        "ix_payouts_settlement",
        "payouts",
        ["program_id", "settlement_id", "id"],
        unique=False,
        postgresql_where=sa.text("settlement_id IS NOT NULL"),
    )
    op.create_index("ix_payouts_status", "payouts", ["program_id", "status", "id"], unique=False)
    op.create_table(
        "payout_events",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("payout_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["program_id", "payout_id"], ["payouts.program_id", "payouts.id"], name="fk_payout_events_payout"
        ),
        sa.PrimaryKeyConstraint("program_id", "payout_id", "number", name=op.f("pk_payout_events")),
    )
    op.create_table(
        "payout_attempts",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("payout_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('open', 'paid', 'failed', 'returned', 'canceled')", name=op.f("ck_payout_attempts_status")
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "payout_id"], ["payouts.program_id", "payouts.id"], name="fk_payout_attempts_payout"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_payout_attempts")),
    )
    op.create_index("uq_payout_attempts_key", "payout_attempts", ["program_id", "rail", "key"], unique=True)
    op.create_index(
        "uq_payout_attempts_live",
        "payout_attempts",
        ["program_id", "payout_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('open', 'paid')"),
    )
    op.create_index("uq_payout_attempts_number", "payout_attempts", ["program_id", "payout_id", "number"], unique=True)
    op.create_table(
        "payout_resolutions",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("payout_id", sa.UUID(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.UUID(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_evidence", sa.Text(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status <> 'confirmed' OR confirmed_by IS NOT NULL",
            name=op.f("ck_payout_resolutions_confirmed_by_somebody"),
        ),
        sa.CheckConstraint(
            "confirmed_by IS NULL OR confirmed_by <> proposed_by", name=op.f("ck_payout_resolutions_two_people")
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "payout_id"], ["payouts.program_id", "payouts.id"], name="fk_payout_resolutions_payout"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_payout_resolutions")),
    )
    op.create_index(
        "ix_payout_resolutions_payout", "payout_resolutions", ["program_id", "payout_id", "id"], unique=False
    )
    op.create_index(
        "uq_payout_resolutions_proposed",
        "payout_resolutions",
        ["program_id", "payout_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    for table in OPEN:
        open_table(table)
    for table in APPEND_ONLY:
        open_table(table, append_only=True)
    isolate((*OPEN, *APPEND_ONLY))
