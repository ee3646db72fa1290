"""Red packets, their shares and claims."""

import sqlalchemy as sa
from alembic import op

from migrations.protection import isolate, open_table

revision = "0021"
down_revision = "0020"

TABLES = ("red_packets", "red_packet_shares")


def upgrade() -> None:
    create_packets()
    create_shares()
    for table in TABLES:
        open_table(table)
    isolate(TABLES)


def create_packets() -> None:
    op.create_table(
        "red_packets",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=False),
        sa.Column("activity_id", sa.Uuid(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("share_count", sa.Integer(), nullable=False),
        sa.Column("split", sa.Text(), nullable=False),
        sa.Column("max_share", sa.BigInteger(), nullable=True),
        sa.Column("greeting", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("funded_from", sa.Text(), nullable=True),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("best_place", sa.Integer(), nullable=True),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("share_count > 0 AND total >= share_count", name=op.f("ck_red_packets_total")),
        sa.CheckConstraint("split IN ('equal', 'random')", name=op.f("ck_red_packets_split")),
        sa.CheckConstraint(
            "max_share IS NULL OR max_share >= (total + share_count - 1) / share_count",
            name=op.f("ck_red_packets_max_share"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'scheduled', 'open', 'finished', 'expired')", name=op.f("ck_red_packets_status")
        ),
        sa.CheckConstraint(
            "funded_from IN ('campaign_expense', 'activity_budget', 'points')",
            name=op.f("ck_red_packets_funded_from"),
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'draft' THEN funded_from IS NULL WHEN 'expired' THEN true "
            "ELSE funded_from IS NOT NULL END",
            name=op.f("ck_red_packets_funded"),
        ),
        sa.CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name=op.f("ck_red_packets_approved")),
        sa.CheckConstraint(
            "funded_from IS DISTINCT FROM 'campaign_expense' "
            "OR (approved_by IS NOT NULL AND approved_by <> created_by)",
            name=op.f("ck_red_packets_two_persons"),
        ),
        sa.CheckConstraint("opens_at < expires_at", name=op.f("ck_red_packets_window")),
        sa.CheckConstraint("returned >= 0", name=op.f("ck_red_packets_returned")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (status IN ('draft', 'scheduled', 'open'))", name=op.f("ck_red_packets_ended")
        ),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_red_packets_program_id")),
        sa.ForeignKeyConstraint(
            ["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_red_packets_group"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_red_packets")),
    )
    op.create_index("uq_red_packets_external_id", "red_packets", ["program_id", "external_id"], unique=True)
    op.create_index("ix_red_packets_group", "red_packets", ["program_id", "group_id", "id"], unique=False)
    op.create_index(
        "ix_red_packets_running",
        "red_packets",
        ["program_id", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('draft', 'scheduled', 'open')"),
    )


def create_shares() -> None:
    op.create_table(
        "red_packet_shares",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("red_packet_id", sa.UUID(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_red_packet_shares_amount")),
        sa.CheckConstraint("status IN ('free', 'claimed', 'returned')", name=op.f("ck_red_packet_shares_status")),
        sa.CheckConstraint(
            "(status = 'claimed') = (member_id IS NOT NULL) AND (member_id IS NULL) = (claimed_at IS NULL)",
            name=op.f("ck_red_packet_shares_claimed"),
        ),
        sa.ForeignKeyConstraint(
            ["program_id", "red_packet_id"],
            ["red_packets.program_id", "red_packets.id"],
            name="fk_red_packet_shares_packet",
        ),
        sa.PrimaryKeyConstraint("program_id", "red_packet_id", "place", name=op.f("pk_red_packet_shares")),
    )
    op.create_index(
        "uq_red_packet_shares_member",
        "red_packet_shares",
        ["program_id", "red_packet_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )
    op.create_index(
        "ix_red_packet_shares_free",
        "red_packet_shares",
        ["program_id", "red_packet_id", "place"],
        unique=False,
        postgresql_where=sa.text("status = 'free'"),
    )
    op.create_index(
        "ix_red_packet_shares_claimant",
        "red_packet_shares",
        ["program_id", "member_id", "claimed_at"],
        unique=False,
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )
