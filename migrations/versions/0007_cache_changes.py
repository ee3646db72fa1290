"""What processes may hold copies of has changed: read by all of them, twice a second."""

import sqlalchemy as sa
from alembic import op

from migrations.protection import open_table

revision = "0007"
down_revision = "0006"

TABLES = ("cache_changes",)


def upgrade() -> None:
    op.create_table(
        "cache_changes",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cache_changes")),
    )
    op.create_index("ix_cache_changes_changed_at", "cache_changes", ["changed_at"], unique=False)
    for table in TABLES:
        open_table(table)
