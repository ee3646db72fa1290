"""What every migration says about a new table: who may do what with it, and that programs do not see each other."""

from collections.abc import Iterable

from alembic import op

APPLICATION_ROLE = "banyan_app"


def open_table(table: str, *, append_only: bool = False) -> None:
    """Grant the application its rights on a table: all of them, or reading and appending only."""
    rights = "SELECT, INSERT" if append_only else "SELECT, INSERT, UPDATE, DELETE"
    op.execute(f"GRANT {rights} ON {table} TO {APPLICATION_ROLE}")
    if append_only:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()"
        )
    _expect_few_programs(table)


def _expect_few_programs(table: str) -> None:
    """Tell the planner that rows of one table mostly belong to one program, until its first ANALYZE sees for itself.

    Every index begins with program_id. Of an empty table the planner believes that the program alone picks one row, so
    all of them look alike to it; prepared statements and foreign key checks that begin then would go on reading the
    whole program for each row, long after the table has grown. PostgreSQL before 18 cannot be told.
    """
    op.execute(
        f"""DO $$ BEGIN
              IF EXISTS (SELECT FROM pg_proc WHERE proname = 'pg_restore_attribute_stats')
                AND EXISTS (SELECT FROM pg_attribute
                            WHERE attrelid = '{table}'::regclass AND attname = 'program_id') THEN
                PERFORM pg_restore_attribute_stats(
                  'schemaname', current_schema()::text, 'relname', '{table}', 'attname', 'program_id',
                  'inherited', false, 'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real);
              END IF;
            END $$"""
    )


def isolate(tables: Iterable[str]) -> None:
    """Row-level security: rows of the program that the transaction named, and of no other."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_of_program ON {table} TO {APPLICATION_ROLE} "
            "USING (program_id = nullif(current_setting('banyan.program_id', true), '')::uuid)"
        )


def ensure_application_role() -> None:
    """The role that the application acts in. Made here where the owner may; otherwise the operator made it."""
    op.execute(
        f"""DO $$ BEGIN
              IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}') THEN
                CREATE ROLE {APPLICATION_ROLE} NOLOGIN;
              END IF;
            -- another database of the same server was quicker
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$"""
    )
    op.execute(f"GRANT USAGE ON SCHEMA public TO {APPLICATION_ROLE}")


def create_append_only_guard() -> None:
    """The function behind every append-only table: grants keep the application off, this keeps everybody off."""
    op.execute(
        """CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
               USING ERRCODE = 'insufficient_privilege';
           END $$"""
    )
