"""Messages on their way to chat platforms: what shall be said, what was sent, and the lanes both go by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0018"
down_revision = "0017"

TABLES = ("messages", "message_images", "dispatches", "lanes", "shared_lanes")


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("markdown", sa.Text(), nullable=True),
        sa.Column("image_hash", sa.LargeBinary(), nullable=True),
        sa.Column("fold_key", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("ignores_quiet", sa.Boolean(), nullable=False),
        sa.Column("about", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("folded", sa.Boolean(), nullable=False),
        sa.Column("dispatch_id", sa.Uuid(), nullable=True),
        sa.Column("earlier_dispatch_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status <> 'sending' OR dispatch_id IS NOT NULL", name=op.f("ck_messages_sending")),
        sa.CheckConstraint(
            "status IN ('waiting', 'sending', 'sent', 'refused', 'unknown', 'expired', 'canceled')",
            name=op.f("ck_messages_status"),
        ),
        sa.CheckConstraint("priority BETWEEN 0 AND 9", name=op.f("ck_messages_priority")),
        sa.ForeignKeyConstraint(
            ["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_messages_group"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_messages")),
    )
    op.create_index(
        "ix_messages_expiring",
        "messages",
        ["program_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index("ix_messages_group", "messages", ["program_id", "group_id", "id"], unique=False)
    op.create_index(
        "ix_messages_sending",
        "messages",
        ["program_id", "group_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('sending', 'unknown')"),
    )
    op.create_index(
        "ix_messages_waiting",
        "messages",
        ["program_id", "group_id", "priority", "id", "due_at"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index("uq_messages_key", "messages", ["program_id", "key"], unique=True)
    op.create_table(
        "message_images",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "hash", name=op.f("pk_message_images")),
    )
    op.create_table(
        "dispatches",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("markdown", sa.Text(), nullable=True),
        sa.Column("image_hash", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('sending', 'sent', 'refused', 'throttled', 'unreached', 'unknown')",
            name=op.f("ck_dispatches_status"),
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_dispatches_group"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_dispatches")),
    )
    op.create_index("ix_dispatches_group", "dispatches", ["program_id", "group_id", "id"], unique=False)
    op.create_table(
        "lanes",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("news_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recent", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("dispatch_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_lanes_group"),
        sa.PrimaryKeyConstraint("program_id", "group_id", name=op.f("pk_lanes")),
    )
    op.create_index(
        "ix_lanes_unsettled",
        "lanes",
        ["program_id", "free_at"],
        unique=False,
        postgresql_where=sa.text("dispatch_id IS NOT NULL"),
    )
    op.create_table(
        "shared_lanes",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("recent", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "name", name=op.f("pk_shared_lanes")),
    )
    for table in TABLES:
        open_table(table)
    isolate(TABLES)
