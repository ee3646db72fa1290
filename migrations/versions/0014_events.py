"""The event log: what happened, its numbers, and how far each reader is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0014"
down_revision = "0013"

TABLES = ("events", "event_heads", "event_cursors")


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
    for table in TABLES:
        open_table(table)
    isolate(TABLES)
