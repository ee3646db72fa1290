"""Templates, the members' notices and their settings, subscribe messages, milestones."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0019"
down_revision = "0018"

TABLES = (
    "notice_templates",
    "notices",
    "notice_settings",
    "mini_program_notices",
    "notice_grants",
    "notice_pushes",
    "milestones",
    "milestone_sums",
)


def upgrade() -> None:
    op.create_table(
        "mini_program_notices",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=True),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_mini_program_notices_program_id")),
        sa.PrimaryKeyConstraint("program_id", "topic", name=op.f("pk_mini_program_notices")),
    )
    op.create_index(
        "ix_mini_program_notices_template", "mini_program_notices", ["program_id", "template_id"], unique=False
    )
    op.create_table(
        "notice_templates",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("markdown", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("text IS NOT NULL OR markdown IS NULL", name=op.f("ck_notice_templates_text")),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_notice_templates_program_id")),
        sa.PrimaryKeyConstraint("program_id", "topic", "language", "version", name=op.f("pk_notice_templates")),
    )
    op.create_table(
        "milestone_sums",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("sales", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_milestone_sums_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "member_id", name=op.f("pk_milestone_sums")),
    )
    op.create_table(
        "milestones",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("milestone", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_milestones_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "member_id", "milestone", name=op.f("pk_milestones")),
    )
    op.create_table(
        "notice_grants",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column("left_count", sa.SmallInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("left_count BETWEEN 0 AND 1000", name=op.f("ck_notice_grants_left_count")),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_notice_grants_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "member_id", "template_id", name=op.f("pk_notice_grants")),
    )
    op.create_table(
        "notice_pushes",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("template_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("errcode", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'sending', 'sent', 'refused', 'unknown', 'expired', 'canceled')",
            name=op.f("ck_notice_pushes_status"),
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_notice_pushes_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_notice_pushes")),
    )
    op.create_index(
        "ix_notice_pushes_due",
        "notice_pushes",
        ["program_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('waiting', 'sending')"),
    )
    op.create_index("uq_notice_pushes_key", "notice_pushes", ["program_id", "member_id", "key"], unique=True)
    op.create_table(
        "notice_settings",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("inbox_off", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("mini_program_off", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_notice_settings_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "member_id", name=op.f("pk_notice_settings")),
    )
    op.create_table(
        "notices",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_notices_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_member", "notices", ["program_id", "member_id", "id"], unique=False)
    op.create_index(
        "ix_notices_unread",
        "notices",
        ["program_id", "member_id", "id"],
        unique=False,
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index("uq_notices_key", "notices", ["program_id", "member_id", "key"], unique=True)
    for table in TABLES:
        open_table(table)
    isolate(TABLES)
