"""Chat groups, their members and what is posted in them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0015"
down_revision = "0014"

TABLES = (
    "group_posts",
    "groups",
    "post_audiences",
    "chat_events",
    "chat_questions",
    "group_digests",
    "group_members",
    "group_sendings",
    "post_targets",
)


def upgrade() -> None:
    op.create_table(
        "group_posts",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("contents", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("image", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("minute", sa.SmallInteger(), nullable=True),
        sa.Column("weekdays", postgresql.ARRAY(sa.SmallInteger()), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('active', 'ended')", name=op.f("ck_group_posts_status")),
        sa.CheckConstraint("(at IS NULL) <> (minute IS NULL)", name=op.f("ck_group_posts_time")),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_group_posts_program_id")),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_group_posts")),
    )
    op.create_table(
        "groups",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("target_sealed", sa.Text(), nullable=True),
        sa.Column("chat_hash", sa.LargeBinary(), nullable=True),
        sa.Column("callback_token", sa.Text(), nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("show_amounts", sa.Boolean(), nullable=False),
        sa.Column("quiet_from", sa.SmallInteger(), nullable=True),
        sa.Column("quiet_to", sa.SmallInteger(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("owner_member_id", sa.Uuid(), nullable=True),
        sa.Column("rules", sa.Text(), nullable=True),
        sa.Column("welcome", sa.Text(), nullable=True),
        sa.Column("digest_minute", sa.SmallInteger(), nullable=True),
        sa.Column("next_digest_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusals_in_a_row", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(target_sealed IS NULL) = (status = 'ended')", name=op.f("ck_groups_target")),
        sa.CheckConstraint("scope IN ('program', 'group', 'team')", name=op.f("ck_groups_scope")),
        sa.CheckConstraint("status IN ('active', 'paused', 'ended')", name=op.f("ck_groups_status")),
        sa.CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name=op.f("ck_groups_quiet")),
        sa.ForeignKeyConstraint(
            ["program_id", "owner_member_id"], ["members.program_id", "members.id"], name="fk_groups_owner"
        ),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_groups_program_id")),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_groups")),
    )
    op.create_index(
        "ix_groups_chat",
        "groups",
        ["program_id", "chat_hash"],
        unique=False,
        postgresql_where=sa.text("chat_hash IS NOT NULL"),
    )
    op.create_index(
        "ix_groups_digest",
        "groups",
        ["program_id", "next_digest_at"],
        unique=False,
        postgresql_where=sa.text("next_digest_at IS NOT NULL"),
    )
    op.create_index("uq_groups_callback_token", "groups", ["program_id", "callback_token"], unique=True)
    op.create_index("uq_groups_external_id", "groups", ["program_id", "external_id"], unique=True)
    op.create_table(
        "post_audiences",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("post_id", sa.UUID(), nullable=False),
        sa.Column("segment_id", sa.UUID(), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "post_id"], ["group_posts.program_id", "group_posts.id"], name="fk_post_audiences_post"
        ),
        sa.PrimaryKeyConstraint("program_id", "post_id", name=op.f("pk_post_audiences")),
    )
    op.create_index(
        "ix_post_audiences_due",
        "post_audiences",
        ["program_id", "next_due_at"],
        unique=False,
        postgresql_where=sa.text("next_due_at IS NOT NULL"),
    )
    op.create_table(
        "chat_events",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("event_hash", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_chat_events_group"
        ),
        sa.PrimaryKeyConstraint("program_id", "group_id", "event_hash", name=op.f("pk_chat_events")),
    )
    op.create_index("ix_chat_events_received", "chat_events", ["program_id", "received_at"], unique=False)
    op.create_table(
        "chat_questions",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("chat_user_sealed", sa.Text(), nullable=True),
        sa.Column("chat_user_hash", sa.LargeBinary(), nullable=True),
        sa.Column("keyword", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('waiting', 'answered', 'refused', 'unknown')", name=op.f("ck_chat_questions_status")
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_chat_questions_group"
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_chat_questions_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_chat_questions")),
    )
    op.create_index(
        "ix_chat_questions_asker", "chat_questions", ["program_id", "group_id", "chat_user_hash", "id"], unique=False
    )
    op.create_index("ix_chat_questions_created", "chat_questions", ["program_id", "created_at"], unique=False)
    op.create_index(
        "ix_chat_questions_member",
        "chat_questions",
        ["program_id", "member_id"],
        unique=False,
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )
    op.create_table(
        "group_digests",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_group_digests_group"
        ),
        sa.PrimaryKeyConstraint("program_id", "group_id", "day", name=op.f("pk_group_digests")),
    )
    op.create_table(
        "group_members",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_group_members_group"
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_group_members_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_group_members")),
    )
    op.create_index("ix_group_members_group", "group_members", ["program_id", "group_id", "id"], unique=False)
    op.create_index("ix_group_members_member", "group_members", ["program_id", "member_id", "id"], unique=False)
    op.create_index(
        "uq_group_members_open",
        "group_members",
        ["program_id", "group_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )
    op.create_table(
        "group_sendings",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_group_sendings_group"
        ),
        sa.PrimaryKeyConstraint("program_id", "group_id", "hour", "day", name=op.f("pk_group_sendings")),
    )
    op.create_table(
        "post_targets",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("post_id", sa.UUID(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_post_targets_group"
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "post_id"], ["group_posts.program_id", "group_posts.id"], name="fk_post_targets_post"
        ),
        sa.PrimaryKeyConstraint("program_id", "post_id", "group_id", name=op.f("pk_post_targets")),
    )
    op.create_index(
        "ix_post_targets_due",
        "post_targets",
        ["program_id", "next_due_at"],
        unique=False,
        postgresql_where=sa.text("next_due_at IS NOT NULL"),
    )
    op.create_index("ix_post_targets_group", "post_targets", ["program_id", "group_id"], unique=False)
    for table in TABLES:
        open_table(table)
    isolate(TABLES)
