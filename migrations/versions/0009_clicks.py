"""Clicks, partitioned by month, and the visitors who became members."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import APPLICATION_ROLE, isolate, open_table

revision = "0009"
down_revision = "0008"

TABLES = (
    "clicks",
    "click_days",
    "click_shippings",
    "visitor_members",
)


def upgrade() -> None:
    op.create_table(
        "click_days",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("link_id", sa.UUID(), nullable=False),
        sa.Column("visitor_key", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "link_id", "visitor_key", "day", name=op.f("pk_click_days")),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_table(
        "clicks",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("clicked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("visitor_key", sa.LargeBinary(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("agent_hash", sa.LargeBinary(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("is_unique", sa.Boolean(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.Column("content_id", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("sub_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "id", "clicked_at", name=op.f("pk_clicks")),
        postgresql_partition_by="RANGE (clicked_at)",
    )
    op.create_table(
        "click_shippings",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("shippings", sa.BigInteger(), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["program_id"], ["programs.id"], name=op.f("fk_click_shippings_program_id")),
        sa.PrimaryKeyConstraint("program_id", name=op.f("pk_click_shippings")),
    )
    op.create_index("ix_clicks_address", "clicks", ["program_id", "address_hash", "clicked_at"], unique=False)
    op.create_index("ix_clicks_visitor", "clicks", ["program_id", "visitor_key", "clicked_at"], unique=False)
    op.create_table(
        "visitor_members",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("visitor_key", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "visitor_key", "member_id", name=op.f("pk_visitor_members")),
    )
    op.create_index(
        "ix_visitor_members_member", "visitor_members", ["program_id", "member_id", "joined_at"], unique=False
    )
    for table in TABLES:
        open_table(table)
    isolate(TABLES)
    _create_partition_functions()
    op.execute("SELECT ensure_click_partitions(current_date - 31, current_date + 62)")


def _create_partition_functions() -> None:
    """The application makes and drops partitions by these, and by nothing else: it owns no tables."""
    op.execute("CREATE SCHEMA click_partitions")
    op.execute(
        """CREATE FUNCTION ensure_click_partitions(first_day date, last_day date) RETURNS integer
           LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
           DECLARE
             month date := date_trunc('month', first_day)::date;
             following date;
             made integer := 0;
           BEGIN
             WHILE month <= last_day LOOP
               following := (month + interval '1 month')::date;
               IF to_regclass(format('click_partitions.clicks_%s', to_char(month, 'YYYY_MM'))) IS NULL THEN
                 -- one maker at a time: two at once would find the same month missing
                 LOCK TABLE clicks IN SHARE UPDATE EXCLUSIVE MODE;
                 IF to_regclass(format('click_partitions.clicks_%s', to_char(month, 'YYYY_MM'))) IS NULL THEN
                   PERFORM add_click_partition('clicks', month, month::timestamp AT TIME ZONE 'UTC',
                                               following::timestamp AT TIME ZONE 'UTC');
                   PERFORM add_click_partition('click_days', month, month, following);
                   made := made + 1;
                 END IF;
               END IF;
               month := following;
             END LOOP;
             RETURN made;
           END $$"""
    )
    # made apart and attached: readers and writers of the other months go on meanwhile
    op.execute(
        """CREATE FUNCTION add_click_partition(parent text, month date, since anyelement, until anyelement)
           RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
           DECLARE
             partition text := format('click_partitions.%s_%s', parent, to_char(month, 'YYYY_MM'));
           BEGIN
             EXECUTE format('CREATE TABLE %s (LIKE %I INCLUDING ALL)', partition, parent);
             EXECUTE format('ALTER TABLE %I ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
                            parent, partition, since, until);
           END $$"""
    )
    op.execute(
        """CREATE FUNCTION drop_click_partitions(before date) RETURNS integer
           LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
           DECLARE
             partition record;
             dropped integer := 0;
           BEGIN
             FOR partition IN
               SELECT c.relname FROM pg_class c
               WHERE c.relnamespace = 'click_partitions'::regnamespace AND c.relkind = 'r'
                 AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before
               ORDER BY c.relname
             LOOP
               EXECUTE format('DROP TABLE click_partitions.%I', partition.relname);
               dropped := dropped + 1;
             END LOOP;
             RETURN dropped;
           END $$"""
    )
    op.execute("REVOKE ALL ON FUNCTION add_click_partition(text, date, anyelement, anyelement) FROM PUBLIC")
    for function in ("ensure_click_partitions(date, date)", "drop_click_partitions(date)"):
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APPLICATION_ROLE}")
