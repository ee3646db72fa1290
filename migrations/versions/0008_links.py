"""Tracked links."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0008"
down_revision = "0007"

TABLES = (
    "links",
    "link_names",
)
WALLED = ("links",)


def upgrade() -> None:
    op.create_table(
        "link_names",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_link_names_program_id")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_link_names")),
    )
    op.create_table(
        "links",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("destination_url", sa.Text(), nullable=False),
        sa.Column("mini_program_path", sa.Text(), nullable=True),
        sa.Column("campaign_id", sa.Text(), nullable=True),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.Column("content_id", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("sub_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("coupon_code", sa.Text(), nullable=True),
        sa.Column("product", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by_kind", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_links_member"
        ),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_links_program_id")),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_links")),
    )
    op.create_index(
        "ix_links_campaign",
        "links",
        ["program_id", "campaign_id", "id"],
        unique=False,
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    op.create_index("ix_links_member", "links", ["program_id", "member_id", "id"], unique=False)
    op.create_index("uq_links_code", "links", ["program_id", "code"], unique=True)
    for table in TABLES:
        open_table(table)
    isolate(WALLED)
