"""Members, the referral tree's history and locks, and the team counters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0002"
down_revision = "0001"

TABLES = (
    "members", "member_identities", "member_enrolments", "member_bindings", "trees", "team_folds", "team_totals",
    "team_deltas",
)  # fmt: skip


def upgrade() -> None:
    _create_members()
    _create_identities()
    _create_enrolments()
    _create_bindings()
    _create_locks()
    _create_counters()
    for table in TABLES:
        open_table(table)
    isolate(TABLES)


def _create_members() -> None:
    op.create_table(
        "members",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("avatar_url", sa.Text(), nullable=True),
        sa.Column("phone_sealed", sa.Text(), nullable=True),
        sa.Column("phone_hash", sa.LargeBinary(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("enrolment", sa.Text(), nullable=False),
        sa.Column("agreement_version", sa.Text(), nullable=True),
        sa.Column("invite_code", sa.Text(), nullable=True),
        sa.Column("inviter_id", sa.Uuid(), nullable=True),
        sa.Column("binding_source", sa.Text(), nullable=True),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("protected_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("binding_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('active', 'suspended', 'erased')", name=op.f("ck_members_status")),
        sa.CheckConstraint(
            "enrolment IN ('none', 'applied', 'enrolled', 'rejected', 'exited')", name=op.f("ck_members_enrolment")
        ),
        sa.CheckConstraint("inviter_id <> id", name=op.f("ck_members_inviter")),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_members_program_id")),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_members")),
    )
    op.create_index("uq_members_external_id", "members", ["program_id", "external_id"], unique=True)
    op.create_index("uq_members_invite_code", "members", ["program_id", "invite_code"], unique=True)
    op.create_index("ix_members_inviter", "members", ["program_id", "inviter_id", "id"], unique=False)
    # in a statement of its own: it needs the primary key it points to
    op.create_foreign_key(
        "fk_members_inviter", "members", "members", ["program_id", "inviter_id"], ["program_id", "id"]
    )


def _create_identities() -> None:
    op.create_table(
        "member_identities",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value_sealed", sa.Text(), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_identities_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_member_identities")),
    )
    op.create_index(
        "uq_member_identities_value", "member_identities", ["program_id", "kind", "value_hash"], unique=True
    )
    op.create_index("ix_member_identities_member", "member_identities", ["program_id", "member_id"], unique=False)


def _create_enrolments() -> None:
    op.create_table(
        "member_enrolments",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("status_before", sa.Text(), nullable=False),
        sa.Column("status_after", sa.Text(), nullable=False),
        sa.Column("agreement_version", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_enrolments_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_member_enrolments")),
    )
    op.create_index("ix_member_enrolments_member", "member_enrolments", ["program_id", "member_id", "id"], unique=False)


def _create_bindings() -> None:
    op.create_table(
        "member_bindings",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("inviter_id", sa.Uuid(), nullable=True),
        sa.Column("previous_inviter_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("protected_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_bindings_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_member_bindings")),
    )
    op.create_index("ix_member_bindings_member", "member_bindings", ["program_id", "member_id", "id"], unique=False)


def _create_locks() -> None:
    op.create_table(
        "trees",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("moves", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_trees_program_id")),
        sa.PrimaryKeyConstraint("program_id", name=op.f("pk_trees")),
    )
    op.create_table(
        "team_folds",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("folds", sa.BigInteger(), nullable=False),
        sa.Column("folded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_team_folds_program_id")),
        sa.PrimaryKeyConstraint("program_id", name=op.f("pk_team_folds")),
    )


def _create_counters() -> None:
    op.create_table(
        "team_totals",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("counted_under", sa.Uuid(), nullable=True),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("sales", sa.BigInteger(), nullable=False),
        sa.Column("own_orders", sa.BigInteger(), nullable=False),
        sa.Column("own_sales", sa.BigInteger(), nullable=False),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("program_id", "member_id", name=op.f("pk_team_totals")),
    )
    op.create_table(
        "team_deltas",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("sales", sa.BigInteger(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_team_deltas")),
    )
