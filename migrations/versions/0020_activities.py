"""Activities: participations, teams, rewards, budgets, and engagement with content."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0020"
down_revision = "0019"

TABLES = (
    "activities",
    "activity_budgets",
    "activity_budget_moves",
    "activity_counters",
    "activity_members",
    "activity_participations",
    "activity_teams",
    "activity_rewards",
    "engagements",
    "engagement_quotas",
)


def upgrade() -> None:
    _make_activities()
    _make_activity_budgets()
    _make_activity_budget_moves()
    _make_activity_counters()
    _make_activity_members()
    _make_activity_participations()
    _make_activity_teams()
    _make_activity_rewards()
    _make_engagements()
    _make_engagement_quotas()
    for table in TABLES:
        open_table(table)
    isolate(TABLES)


def _make_activities() -> None:
    op.create_table(
        "activities",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("group_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settle_after_seconds", sa.BigInteger(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("goal", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reward", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("guard", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("texts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("settled_to", sa.Uuid(), nullable=True),
        sa.Column("computed", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('share', 'check_in', 'invite', 'group_buy', 'engagement', 'topic', 'poll', 'member_day')",
            name=op.f("ck_activities_kind"),
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'scheduled', 'running', 'settling', 'settled', 'canceled')",
            name=op.f("ck_activities_status"),
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_activities_window")),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_activities_program_id")),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_activities")),
    )
    op.create_index("ix_activities_status", "activities", ["program_id", "status", "kind", "id"], unique=False)
    op.create_index(
        "uq_activities_external_id",
        "activities",
        ["program_id", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id IS NOT NULL"),
    )


def _make_activity_budgets() -> None:
    op.create_table(
        "activity_budgets",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("activity_id", sa.UUID(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("left_amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "currency = 'PTS' OR status <> 'approved' OR approved_by IS NOT NULL",
            name=op.f("ck_activity_budgets_approved"),
        ),
        sa.CheckConstraint("status IN ('requested', 'approved', 'closed')", name=op.f("ck_activity_budgets_status")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_activity_budgets_amount")),
        sa.CheckConstraint("approved_by <> requested_by", name=op.f("ck_activity_budgets_two_people")),
        sa.CheckConstraint("left_amount >= 0 AND left_amount <= amount", name=op.f("ck_activity_budgets_left_amount")),
        sa.ForeignKeyConstraint(
            ["program_id", "activity_id"],
            ["activities.program_id", "activities.id"],
            name="fk_activity_budgets_activity",
        ),
        sa.PrimaryKeyConstraint("program_id", "activity_id", name=op.f("pk_activity_budgets")),
    )


def _make_activity_budget_moves() -> None:
    op.create_table(
        "activity_budget_moves",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("activity_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "key", name=op.f("pk_activity_budget_moves")),
    )
    op.create_index(
        "ix_activity_budget_moves_activity", "activity_budget_moves", ["program_id", "activity_id"], unique=False
    )


def _make_activity_counters() -> None:
    op.create_table(
        "activity_counters",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("activity_id", sa.UUID(), nullable=False),
        sa.Column("admitted", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("admitted >= 0", name=op.f("ck_activity_counters_admitted")),
        sa.PrimaryKeyConstraint("program_id", "activity_id", name=op.f("pk_activity_counters")),
    )


def _make_activity_members() -> None:
    op.create_table(
        "activity_members",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("activity_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "activity_id", "member_id", name=op.f("pk_activity_members")),
    )
    op.create_index(
        "ix_activity_members_member", "activity_members", ["program_id", "member_id", "activity_id"], unique=False
    )


def _make_activity_participations() -> None:
    op.create_table(
        "activity_participations",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("activity_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("order_external_id", sa.Text(), nullable=True),
        sa.Column("invited_id", sa.Uuid(), nullable=True),
        sa.Column("content_id", sa.Text(), nullable=True),
        sa.Column("option", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("reported", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('reserved', 'counted', 'held', 'taken_back', 'refused', 'released', 'winner')",
            name=op.f("ck_activity_participations_status"),
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_activity_participations")),
    )
    op.create_index(
        "ix_activity_participations_activity",
        "activity_participations",
        ["program_id", "activity_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_activity_participations_content",
        "activity_participations",
        ["program_id", "content_id"],
        unique=False,
        postgresql_where=sa.text("content_id IS NOT NULL"),
    )
    op.create_index(
        "ix_activity_participations_held",
        "activity_participations",
        ["program_id", "activity_id"],
        unique=False,
        postgresql_where=sa.text("status = 'held'"),
    )
    op.create_index(
        "ix_activity_participations_member", "activity_participations", ["program_id", "member_id", "id"], unique=False
    )
    op.create_index(
        "ix_activity_participations_order_name",
        "activity_participations",
        ["program_id", "order_external_id"],
        unique=False,
        postgresql_where=sa.text("order_external_id IS NOT NULL"),
    )
    op.create_index(
        "ix_activity_participations_reserved",
        "activity_participations",
        ["program_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'reserved'"),
    )
    op.create_index(
        "ix_activity_participations_team",
        "activity_participations",
        ["program_id", "team_id"],
        unique=False,
        postgresql_where=sa.text("team_id IS NOT NULL"),
    )
    op.create_index(
        "uq_activity_participations_content",
        "activity_participations",
        ["program_id", "activity_id", "content_id"],
        unique=True,
        postgresql_where=sa.text("content_id IS NOT NULL"),
    )
    op.create_index(
        "uq_activity_participations_invited",
        "activity_participations",
        ["program_id", "activity_id", "invited_id"],
        unique=True,
        postgresql_where=sa.text("invited_id IS NOT NULL"),
    )
    op.create_index(
        "uq_activity_participations_occasion",
        "activity_participations",
        ["program_id", "activity_id", "member_id", "occasion"],
        unique=True,
    )
    op.create_index(
        "uq_activity_participations_order",
        "activity_participations",
        ["program_id", "order_id", "activity_id"],
        unique=True,
        postgresql_where=sa.text("order_id IS NOT NULL"),
    )


def _make_activity_teams() -> None:
    op.create_table(
        "activity_teams",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("activity_id", sa.UUID(), nullable=False),
        sa.Column("leader_id", sa.UUID(), nullable=False),
        sa.Column("size", sa.SmallInteger(), nullable=False),
        sa.Column("seats_left", sa.SmallInteger(), nullable=False),
        sa.Column("confirmed", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('open', 'done', 'released')", name=op.f("ck_activity_teams_status")),
        sa.CheckConstraint("confirmed BETWEEN 0 AND size - seats_left", name=op.f("ck_activity_teams_confirmed")),
        sa.CheckConstraint("seats_left BETWEEN 0 AND size", name=op.f("ck_activity_teams_seats_left")),
        sa.ForeignKeyConstraint(
            ["program_id", "activity_id"], ["activities.program_id", "activities.id"], name="fk_activity_teams_activity"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_activity_teams")),
    )
    op.create_index("ix_activity_teams_activity", "activity_teams", ["program_id", "activity_id", "id"], unique=False)
    op.create_index(
        "ix_activity_teams_expiring",
        "activity_teams",
        ["program_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )


def _make_activity_rewards() -> None:
    op.create_table(
        "activity_rewards",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("activity_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("coupon_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('points', 'coupon', 'cash')", name=op.f("ck_activity_rewards_kind")),
        sa.CheckConstraint(
            "status IN ('due', 'paid', 'refused', 'reclaim', 'taken_back')", name=op.f("ck_activity_rewards_status")
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_activity_rewards")),
    )
    op.create_index(
        "ix_activity_rewards_activity", "activity_rewards", ["program_id", "activity_id", "id"], unique=False
    )
    op.create_index("ix_activity_rewards_member", "activity_rewards", ["program_id", "member_id", "id"], unique=False)
    op.create_index(
        "ix_activity_rewards_open",
        "activity_rewards",
        ["program_id", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('due', 'reclaim')"),
    )
    op.create_index(
        "uq_activity_rewards_occasion",
        "activity_rewards",
        ["program_id", "activity_id", "member_id", "occasion"],
        unique=True,
    )


def _make_engagements() -> None:
    op.create_table(
        "engagements",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("visitor_key", sa.LargeBinary(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('like', 'comment', 'share', 'view')", name=op.f("ck_engagements_kind")),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_engagements")),
    )
    op.create_index(
        "ix_engagements_content",
        "engagements",
        ["program_id", "content_id", "kind", "happened_at"],
        unique=False,
        postgresql_where=sa.text("counted"),
    )
    op.create_index("uq_engagements_external_id", "engagements", ["program_id", "kind", "external_id"], unique=True)
    op.create_index(
        "uq_engagements_member",
        "engagements",
        ["program_id", "content_id", "kind", "member_id"],
        unique=True,
        postgresql_where=sa.text("counted AND kind <> 'comment' AND member_id IS NOT NULL"),
    )
    op.create_index(
        "uq_engagements_visitor",
        "engagements",
        ["program_id", "content_id", "kind", "visitor_key"],
        unique=True,
        postgresql_where=sa.text("counted AND kind <> 'comment' AND member_id IS NULL AND visitor_key IS NOT NULL"),
    )


def _make_engagement_quotas() -> None:
    op.create_table(
        "engagement_quotas",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "content_id", "hour", name=op.f("pk_engagement_quotas")),
    )
