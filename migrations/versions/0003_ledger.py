"""The ledger: transactions, postings, balances, hash chain, periods, audits, adjustments.

What the database itself refuses: rewriting (grants and triggers), transactions that do not sum to zero, postings added
to a transaction later, postings without a transaction, buckets below zero, approval by the person who asked.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.protection import isolate, open_table

revision = "0003"
down_revision = "0002"

OPEN = ("member_balances", "ledger_unsealed", "ledger_heads", "ledger_snapshots", "ledger_audits", "adjustments")
APPEND_ONLY = ("ledger_transactions", "ledger_postings", "ledger_seals", "ledger_periods")


def upgrade() -> None:
    create_transactions()
    create_balances()
    create_chain()
    create_periods_and_audits()
    create_adjustments()
    create_guards()
    for table in OPEN:
        open_table(table)
    for table in APPEND_ONLY:
        open_table(table, append_only=True)
    isolate((*OPEN, *APPEND_ONLY))


def create_transactions() -> None:
    op.create_table(
        "ledger_transactions",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("payout_id", sa.Uuid(), nullable=True),
        sa.Column("note", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_ledger_transactions")),
    )
    op.create_index(
        "uq_ledger_transactions_source_key", "ledger_transactions", ["program_id", "source_key"], unique=True
    )
    op.create_index("ix_ledger_transactions_recorded_at", "ledger_transactions", ["program_id", "recorded_at"])
    op.create_index("ix_ledger_transactions_kind", "ledger_transactions", ["program_id", "kind", "id"])
    for name in ("order", "payout"):
        op.create_index(
            f"ix_ledger_transactions_{name}",
            "ledger_transactions",
            ["program_id", f"{name}_id"],
            postgresql_where=sa.text(f"{name}_id IS NOT NULL"),
        )
    op.create_table(
        "ledger_postings",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("transaction_id", sa.UUID(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_postings_amount")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_ledger_postings_position")),
        sa.CheckConstraint(
            "member_id IS NOT NULL OR NOT starts_with(account, 'member_')", name=op.f("ck_ledger_postings_member")
        ),
        sa.PrimaryKeyConstraint("program_id", "transaction_id", "position", name=op.f("pk_ledger_postings")),
    )
    op.create_index(
        "ix_ledger_postings_member",
        "ledger_postings",
        ["program_id", "member_id", "transaction_id"],
        postgresql_where=sa.text("member_id IS NOT NULL"),
    )


def create_balances() -> None:
    op.create_table(
        "member_balances",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("in_payout", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_balances_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "member_id", "currency", name=op.f("pk_member_balances")),
        # every posting updates a row in place: room on the page keeps its index untouched
        postgresql_with={"fillfactor": "70"},
    )
    op.create_table(
        "ledger_snapshots",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("debit", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "account", "currency", name=op.f("pk_ledger_snapshots")),
    )


def create_chain() -> None:
    op.create_table(
        "ledger_unsealed",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("transaction_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "transaction_id", name=op.f("pk_ledger_unsealed")),
    )
    op.create_table(
        "ledger_seals",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("transaction_id", sa.UUID(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("program_id", "seq", name=op.f("pk_ledger_seals")),
    )
    op.create_index("uq_ledger_seals_transaction", "ledger_seals", ["program_id", "transaction_id"], unique=True)
    op.create_table(
        "ledger_heads",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("closed_through", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("program_id", name=op.f("pk_ledger_heads")),
    )


def create_periods_and_audits() -> None:
    op.create_table(
        "ledger_periods",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.UUID(), nullable=False),
        sa.CheckConstraint("extract(day FROM month) = 1", name=op.f("ck_ledger_periods_first_day")),
        sa.PrimaryKeyConstraint("program_id", "month", name=op.f("pk_ledger_periods")),
    )
    op.create_table(
        "ledger_audits",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("progress", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_ledger_audits")),
    )


def create_adjustments() -> None:
    op.create_table(
        "adjustments",
        sa.Column("program_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("member_id", sa.UUID(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.UUID(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejection", sa.Text(), nullable=True),
        sa.Column("transaction_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_adjustments_amount")),
        sa.CheckConstraint("status IN ('requested', 'posted', 'rejected')", name=op.f("ck_adjustments_status")),
        sa.CheckConstraint("(status = 'requested') = (decided_by IS NULL)", name=op.f("ck_adjustments_decided")),
        sa.CheckConstraint("status <> 'posted' OR decided_by <> requested_by", name=op.f("ck_adjustments_two_persons")),
        sa.CheckConstraint("(status = 'posted') = (transaction_id IS NOT NULL)", name=op.f("ck_adjustments_posted")),
        sa.ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_adjustments_member"
        ),
        sa.PrimaryKeyConstraint("program_id", "id", name=op.f("pk_adjustments")),
    )
    op.create_index("ix_adjustments_member", "adjustments", ["program_id", "member_id", "id"])


def create_guards() -> None:
    """Triggers once per statement with the rows it added: a check per row would cap the throughput."""
    op.execute(
        """CREATE FUNCTION queue_ledger_transactions() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             INSERT INTO ledger_unsealed (program_id, transaction_id) SELECT program_id, id FROM added;
             RETURN NULL;
           END $$"""
    )
    op.execute(
        """CREATE TRIGGER ledger_transactions_queued AFTER INSERT ON ledger_transactions
           REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION queue_ledger_transactions()"""
    )
    # a session keeps the plans made while tables were small: a subquery without sequential scans stays an index look-up
    op.execute(
        """CREATE FUNCTION check_ledger_postings() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
           DECLARE wrong uuid;
           BEGIN
             SELECT transaction_id INTO wrong FROM added
             GROUP BY program_id, transaction_id, currency HAVING sum(amount) <> 0 LIMIT 1;
             IF FOUND THEN
               RAISE EXCEPTION 'ledger transaction % does not sum to zero', wrong USING ERRCODE = 'check_violation';
             END IF;
             SELECT transaction_id INTO wrong FROM added
             GROUP BY program_id, transaction_id HAVING min(position) <> 0 LIMIT 1;
             IF FOUND THEN
               RAISE EXCEPTION 'ledger transaction % takes no more postings', wrong USING ERRCODE = 'check_violation';
             END IF;
             SELECT a.transaction_id INTO wrong FROM added a
             WHERE a.position = 0 AND (
               SELECT true FROM ledger_unsealed u
               WHERE u.program_id = a.program_id AND u.transaction_id = a.transaction_id) IS NULL LIMIT 1;
             IF FOUND THEN
               RAISE EXCEPTION 'ledger transaction % is unknown or sealed', wrong
                 USING ERRCODE = 'foreign_key_violation';
             END IF;
             RETURN NULL;
           END $$"""
    )
    op.execute(
        """CREATE TRIGGER ledger_postings_checked AFTER INSERT ON ledger_postings
           REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_ledger_postings()"""
    )
    op.execute(
        """CREATE FUNCTION refuse_negative_balance() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             RAISE EXCEPTION 'balance of member % below zero: pending %, in_payout %, paid %',
               NEW.member_id, NEW.pending, NEW.in_payout, NEW.paid USING ERRCODE = 'check_violation';
           END $$"""
    )
    # not a CHECK: that would be applied to the proposed row of an upsert, whose values are only the changes
    op.execute(
        """CREATE TRIGGER member_balances_checked AFTER INSERT OR UPDATE ON member_balances FOR EACH ROW
           WHEN (NEW.pending < 0 OR NEW.in_payout < 0 OR NEW.paid < 0) EXECUTE FUNCTION refuse_negative_balance()"""
    )
