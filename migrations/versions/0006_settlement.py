"""Settlement runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "settlements",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("closing", sa.Text(), nullable=True),
        sa.Column("as_of", instant, nullable=False),
        sa.Column("min_payout", sa.BigInteger(), nullable=False),
        sa.Column("rails", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("member_ids", postgresql.ARRAY(sa.UUID()), nullable=True),
        sa.Column("grades", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("maturation_id", sa.UUID(), nullable=False),
        sa.Column("after_member_id", sa.UUID(), nullable=True),
        sa.Column("after_payout_id", sa.UUID(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("payout_count", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("skipped", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("prepared_at", instant, nullable=True),
        sa.Column("approved_by", sa.UUID(), nullable=True),
        sa.Column("approved_at", instant, nullable=True),
        sa.Column("executed_by", sa.UUID(), nullable=True),
        sa.Column("executed_at", instant, nullable=True),
        sa.Column("canceled_by", sa.UUID(), nullable=True),
        sa.Column("canceled_at", instant, nullable=True),
        sa.Column("finished_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("program_id", "id", name="pk_settlements"),
    )
    op.create_foreign_key(
        "fk_settlements_maturation", "settlements", "maturations", ["program_id", "maturation_id"], ["program_id", "id"]
    )
    op.create_check_constraint(
        op.f("ck_settlements_two_people"), "settlements", "approved_by IS NULL OR approved_by <> created_by"
    )
    op.create_check_constraint(
        op.f("ck_settlements_approved_by_somebody"),
        "settlements",
        "status NOT IN ('approved', 'executing', 'completed') OR approved_by IS NOT NULL",
    )
    op.create_index(
        "ix_settlements_open",
        "settlements",
        ["program_id", "id"],
        postgresql_where=sa.text("status NOT IN ('completed', 'canceled', 'failed')"),
    )
    open_table("settlements")
    isolate(("settlements",))
