"""Mini-programs and the URL Links that WeChat made."""

import sqlalchemy as sa
from alembic import op

from migrations.protection import isolate, open_table

revision = "0013"
down_revision = "0012"

TABLES = ("mini_programs", "link_url_links")


def upgrade() -> None:
    op.create_table(
        "mini_programs",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("app_id", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("env_version", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("env_version IN ('release', 'trial', 'develop')", name=op.f("ck_mini_programs_env_version")),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_mini_programs_program_id")),
        sa.PrimaryKeyConstraint("program_id", name=op.f("pk_mini_programs")),
    )
    op.create_table(
        "link_url_links",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("link_id", sa.UUID(), nullable=False),
        sa.Column("days", sa.SmallInteger(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("url_link", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "link_id"], ["links.program_id", "links.id"], name="fk_link_url_links_link"
        ),
        sa.PrimaryKeyConstraint("program_id", "link_id", "days", name=op.f("pk_link_url_links")),
    )
    for table in TABLES:
        open_table(table)
    isolate(TABLES)
