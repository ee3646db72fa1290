"""Sums of members and groups by day, and segments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0017"
down_revision = "0016"

TABLES = (
    "board_sums",
    "day_sums",
    "product_days",
    "customer_sums",
    "fan_days",
    "member_privacy",
    "segments",
)

MEASURES = ("sales", "orders", "commission", "invites", "points")


def upgrade() -> None:
    _create_sums()
    _create_choices()
    for statement in FILL:
        op.execute(statement)
    for table in TABLES:
        open_table(table)
    isolate(TABLES)


# What was sold before there was a log to follow; an invite counts if the first order stands. A program that has events
# is left to its reader, who begins at the first of them.
_OLD = """
  WITH zones AS MATERIALIZED (
    SELECT p.id AS program_id, coalesce(s.settings->>'timezone', 'Asia/Shanghai') AS zone
    FROM programs p JOIN program_settings s ON s.program_id = p.id AND s.version = p.settings_version
    WHERE NOT EXISTS (SELECT FROM events e WHERE e.program_id = p.id)),
  old AS MATERIALIZED (
    SELECT o.program_id, o.id, (o.paid_at AT TIME ZONE z.zone)::date AS day, o.paid_at, o.group_id, o.customer_id,
           o.attributed_member_id AS seller_id, (o.status <> 'canceled')::int AS kept,
           o.total - o.refunded AS left_over, f.order_id IS NOT NULL AS is_first, m.inviter_id,
           o.status <> 'canceled' AND (o.total = 0 OR o.refunded < o.total) AS stands
    FROM zones z JOIN orders o ON o.program_id = z.program_id
    LEFT JOIN first_orders f ON f.program_id = o.program_id AND f.order_id = o.id
    LEFT JOIN members m ON m.program_id = f.program_id AND m.id = f.customer_id
    WHERE o.paid_at IS NOT NULL),
  scoped AS MATERIALIZED (
    SELECT old.*, scope FROM old CROSS JOIN LATERAL (
      SELECT DISTINCT unnest(ARRAY['', coalesce(group_id, '')]) AS scope) AS named),
  owed AS MATERIALIZED (
    SELECT program_id, order_id, member_id, sum(amount - reversed)::bigint AS amount FROM commissions
    GROUP BY 1, 2, 3)"""
_MEMBERS = """,
  parts (program_id, day, scope, member_id, sales, orders, commission, invites) AS (
    SELECT program_id, day, scope, seller_id, left_over, kept, 0::bigint, 0 FROM scoped WHERE seller_id IS NOT NULL
    UNION ALL
    SELECT s.program_id, s.day, s.scope, o.member_id, 0, 0, o.amount, 0
    FROM scoped s JOIN owed o ON o.program_id = s.program_id AND o.order_id = s.id
    UNION ALL
    SELECT program_id, day, scope, inviter_id, 0, 0, 0, 1 FROM scoped
    WHERE is_first AND stands AND inviter_id IS NOT NULL)
  INSERT INTO board_sums (program_id, period, starts_on, scope, member_id, sales, orders, commission, invites, points)
  SELECT program_id, period, starts_on, scope, member_id, sum(sales), sum(orders), sum(commission), sum(invites), 0
  FROM parts CROSS JOIN LATERAL (VALUES
    ('day', day), ('week', date_trunc('week', day::timestamp)::date),
    ('month', date_trunc('month', day::timestamp)::date), ('all', DATE '1970-01-01')) AS p (period, starts_on)
  GROUP BY 1, 2, 3, 4, 5"""
_DAYS = """,
  parts (program_id, day, scope, sales, orders, commission, members, customers) AS (
    SELECT program_id, day, scope, left_over, kept, 0::bigint, 0, is_first::int FROM scoped
    UNION ALL
    SELECT s.program_id, s.day, s.scope, 0, 0, o.amount, 0, 0
    FROM scoped s JOIN owed o ON o.program_id = s.program_id AND o.order_id = s.id
    UNION ALL
    SELECT m.program_id, (m.joined_at AT TIME ZONE z.zone)::date, '', 0, 0, 0, 1, 0
    FROM zones z JOIN members m ON m.program_id = z.program_id)
  INSERT INTO day_sums (program_id, day, scope, sales, orders, commission, new_members, new_customers)
  SELECT program_id, day, scope, sum(sales), sum(orders), sum(commission), sum(members), sum(customers)
  FROM parts GROUP BY 1, 2, 3"""
_PRODUCTS = """
  INSERT INTO product_days (program_id, day, scope, sku, name, quantity, sales)
  SELECT s.program_id, s.day, s.scope, l.sku, max(l.name), sum(l.quantity), sum(l.base)
  FROM scoped s JOIN order_lines l ON l.program_id = s.program_id AND l.order_id = s.id
  WHERE s.kept = 1 GROUP BY 1, 2, 3, 4"""
_CUSTOMERS = """
  INSERT INTO customer_sums (program_id, customer_id, first_order_at, last_order_at, orders, spent, invite_order_id,
                             invite_inviter_id, invite_paid_at, invite_group, invite_open)
  SELECT o.program_id, o.customer_id, min(o.paid_at), max(o.paid_at), sum(o.kept), sum(o.left_over),
         i.id, i.inviter_id, i.paid_at, i.group_id, bool_or(o.is_first AND NOT o.stands AND o.inviter_id IS NOT NULL)
  FROM old o LEFT JOIN old i ON i.program_id = o.program_id AND i.customer_id = o.customer_id AND i.is_first
    AND i.stands AND i.inviter_id IS NOT NULL
  WHERE o.customer_id IS NOT NULL GROUP BY o.program_id, o.customer_id, i.id, i.inviter_id, i.paid_at, i.group_id"""
_FANS = """
  INSERT INTO fan_days (program_id, scope, day, member_id, orders, spent)
  SELECT program_id, group_id, day, customer_id, sum(kept), sum(left_over) FROM old
  WHERE customer_id IS NOT NULL AND group_id <> '' GROUP BY 1, 2, 3, 4"""
FILL = tuple(_OLD + part for part in (_MEMBERS, _DAYS, _PRODUCTS, _CUSTOMERS, _FANS))


def _create_sums() -> None:
    op.create_table(
        "board_sums",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        *[sa.Column(measure, sa.BigInteger(), nullable=False) for measure in MEASURES],
        sa.CheckConstraint("period IN ('day', 'week', 'month', 'all')", name=op.f("ck_board_sums_period")),
        sa.PrimaryKeyConstraint("program_id", "period", "starts_on", "scope", "member_id", name=op.f("pk_board_sums")),
    )
    for measure in MEASURES:
        op.create_index(
            f"ix_board_sums_{measure}",
            "board_sums",
            ["program_id", "period", "starts_on", "scope", sa.text(f"{measure} DESC"), "member_id"],
            unique=False,
            postgresql_where=sa.text(f"{measure} > 0"),
        )
    op.create_table(
        "day_sums",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("sales", sa.BigInteger(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("commission", sa.BigInteger(), nullable=False),
        sa.Column("new_members", sa.BigInteger(), nullable=False),
        sa.Column("new_customers", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "day", "scope", name=op.f("pk_day_sums")),
    )
    op.create_table(
        "product_days",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("sales", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "day", "scope", "sku", name=op.f("pk_product_days")),
    )
    op.create_table(
        "customer_sums",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("customer_id", sa.UUID(), nullable=False),
        sa.Column("first_order_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_order_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("invite_order_id", sa.Uuid(), nullable=True),
        sa.Column("invite_inviter_id", sa.Uuid(), nullable=True),
        sa.Column("invite_paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("invite_group", sa.Text(), nullable=True),
        sa.Column("invite_open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "customer_id", name=op.f("pk_customer_sums")),
    )
    op.create_index(
        "ix_customer_sums_last_order", "customer_sums", ["program_id", "last_order_at", "customer_id"], unique=False
    )
    op.create_table(
        "fan_days",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "scope", "day", "member_id", name=op.f("pk_fan_days")),
    )


def _create_choices() -> None:
    op.create_table(
        "member_privacy",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("names IN ('full', 'masked', 'hidden')", name=op.f("ck_member_privacy_names")),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_privacy_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "member_id", name=op.f("pk_member_privacy")),
    )
    op.create_table(
        "segments",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.UUID(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_segments")),
    )
