"""What came back of products, and members' check-ins, for boards and digests."""

import sqlalchemy as sa
from alembic import op

from migrations.protection import isolate, open_table

revision = "0024"
down_revision = "0023"

TABLES = ("product_returns", "check_in_days")


def upgrade() -> None:
    op.create_table(
        "product_returns",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "order_id", "position", name=op.f("pk_product_returns")),
    )
    op.create_table(
        "check_in_days",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("check_ins", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "scope", "member_id", "day", name=op.f("pk_check_in_days")),
    )
    for statement in FILL:
        op.execute(statement)
    for table in TABLES:
        open_table(table)
    isolate(TABLES)


# Products have counted whole orders until now. What came back is taken off also where the order itself is still to be
# read: its lines are added then. A canceled order is taken off by its cancel, be that read or still to come.
_RETURNS = """
  INSERT INTO product_returns (program_id, order_id, position, quantity, amount)
  SELECT l.program_id, l.order_id, l.position,
         CASE WHEN l.base > 0 AND k.kept = 0 THEN l.quantity ELSE l.refunded_quantity END, l.base - k.kept
  FROM order_lines l JOIN orders o ON o.program_id = l.program_id AND o.id = l.order_id
  CROSS JOIN LATERAL (SELECT greatest(
    0, l.base - div(l.base::numeric * l.refunded_quantity, l.quantity)::bigint - l.refunded_amount) AS kept) AS k
  JOIN programs p ON p.id = l.program_id
  WHERE o.paid_at IS NOT NULL AND o.status <> 'canceled' AND (l.refunded_quantity > 0 OR l.refunded_amount > 0)"""
_PRODUCTS = """
  INSERT INTO product_days AS d (program_id, day, scope, sku, name, quantity, sales)
  SELECT o.program_id, (o.paid_at AT TIME ZONE coalesce(s.settings->>'timezone', 'Asia/Shanghai'))::date, scope, l.sku,
         NULL, -sum(r.quantity), -sum(r.amount)
  FROM product_returns r
  JOIN order_lines l ON l.program_id = r.program_id AND l.order_id = r.order_id AND l.position = r.position
  JOIN orders o ON o.program_id = r.program_id AND o.id = r.order_id
  JOIN programs p ON p.id = r.program_id
  JOIN program_settings s ON s.program_id = p.id AND s.version = p.settings_version
  CROSS JOIN LATERAL (SELECT DISTINCT unnest(ARRAY['', coalesce(o.group_id, '')]) AS scope) AS named
  GROUP BY 1, 2, 3, 4
  ON CONFLICT (program_id, day, scope, sku) DO UPDATE
  SET quantity = d.quantity + excluded.quantity, sales = d.sales + excluded.sales"""
# From now on the event log tells of check-ins, before it did not.
_CHECK_INS = """
  INSERT INTO check_in_days (program_id, scope, member_id, day, check_ins)
  SELECT t.program_id, scope, t.member_id, t.day, count(*)
  FROM activity_participations t
  JOIN activities a ON a.program_id = t.program_id AND a.id = t.activity_id AND a.kind = 'check_in'
  JOIN programs p ON p.id = t.program_id
  CROSS JOIN LATERAL unnest(
    CASE WHEN cardinality(a.group_ids) = 0 THEN ARRAY[''] ELSE a.group_ids::text[] END) AS scope
  WHERE t.status = 'counted' GROUP BY 1, 2, 3, 4"""
FILL = (_RETURNS, _PRODUCTS, _CHECK_INS)
