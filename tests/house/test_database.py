"""The schema's rules: tenancy first in every key, walls between programs, books nobody rewrites, one migration head."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import UniqueConstraint, create_engine, pool

from core.db import Base
from core.observability.health import newest_migration
from tests.house.source import ROOT

MIGRATIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))

WITHOUT_TENANT = {
    "programs": "it is the tenant",
    "staff": "a global look-up: an e-mail signs in before the program is known",
    "schedules": "one row for each scheduled job of the installation",
    "operation_flags": "facts about the installation",
    "cache_changes": "what processes forget their copies of; public codes and ids only",
    "link_names": "a global look-up: a chosen code is met before the program is known",
}
WITHOUT_WALL = {
    **WITHOUT_TENANT,
    "program_settings": "read together with the credential, before the transaction of the program",
    "api_keys": "looked up before the program is known",
    "outbox": "the relay and the metrics read across programs; rows hold ids only",
}
GLOBAL_KEYS = {"uq_programs_number", "uq_staff_email"}
APPEND_ONLY = {
    "audit_events", "program_settings", "ledger_transactions", "ledger_postings", "ledger_seals", "ledger_periods",
    "payout_events", "point_rules",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue(database_environment: dict[str, str]) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    url = database_environment["DATABASE_ADMIN_URL"].replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def tables(catalogue: psycopg.Connection[tuple[Any, ...]]) -> set[str]:
    rows = catalogue.execute(
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relispartition AND relname <> 'alembic_version'"""
    )
    return {row[0] for row in rows}


def test_the_database_has_the_tables_of_the_models(app: Flask, tables: set[str]) -> None:
    assert tables == set(Base.metadata.tables)


def test_every_key_begins_with_the_program(catalogue: psycopg.Connection[tuple[Any, ...]], tables: set[str]) -> None:
    """Primary and unique keys: so the same schema runs on one server and, distributed by program, on many."""
    rows = catalogue.execute(
        """SELECT t.relname, i.relname, a.attname FROM pg_index x
           JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
           JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
           WHERE x.indisunique AND t.relnamespace = 'public'::regnamespace AND NOT t.relispartition"""
    ).fetchall()
    wrong = [
        f"{table}: {index} begins with {column}"
        for table, index, column in rows
        if table in tables - set(WITHOUT_TENANT) and index not in GLOBAL_KEYS and column != "program_id"
    ]
    assert wrong == []
    assert len(rows) > len(tables)


def test_every_foreign_key_between_program_tables_carries_the_program(app: Flask) -> None:
    wrong = []
    for table in Base.metadata.tables.values():
        for key in table.foreign_key_constraints:
            other = key.referred_table.name
            if table.name in WITHOUT_TENANT or other in WITHOUT_TENANT:
                continue
            pairs = [(element.parent.name, element.column.name) for element in key.elements]
            if pairs[0] != ("program_id", "program_id") or key.ondelete == "SET NULL":
                wrong.append(f"{table.name} → {other}: {pairs}")
    assert wrong == []


def test_every_constraint_has_a_name_of_its_own(app: Flask) -> None:
    nameless = [
        f"{table.name}: {constraint}"
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint) and not constraint.name
    ]
    assert nameless == []


def test_programs_are_walled_off(catalogue: psycopg.Connection[tuple[Any, ...]], tables: set[str]) -> None:
    walled = {row[0] for row in catalogue.execute("SELECT relname FROM pg_class WHERE relrowsecurity").fetchall()}
    assert tables - set(WITHOUT_WALL) == walled
    policies = catalogue.execute(
        "SELECT tablename, roles::text, cmd, qual, with_check FROM pg_policies WHERE schemaname = 'public'"
    ).fetchall()
    assert {row[0] for row in policies} == walled
    for table, roles, command, seen, written in policies:
        assert (roles, command) == ("{banyan_app}", "ALL"), table
        assert "banyan.program_id" in seen, table
        assert written is None, f"{table}: what may be written is what may be seen"


def test_the_application_owns_nothing(catalogue: psycopg.Connection[tuple[Any, ...]]) -> None:
    """The owner of a table is above its walls and its grants."""
    rows = catalogue.execute(
        """SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
           AND relowner = 'banyan_app'::regrole"""
    )
    assert rows.fetchall() == []
    role = catalogue.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'banyan_app'").fetchone()
    assert role == (False, False)


def test_the_application_cannot_rewrite_what_is_append_only(
    catalogue: psycopg.Connection[tuple[Any, ...]], tables: set[str]
) -> None:
    for table in sorted(tables):
        rights = {
            right
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
            if catalogue.execute("SELECT has_table_privilege('banyan_app', %s, %s)", (table, right)).fetchone()
            == (True,)
        }
        expected = {"SELECT", "INSERT"} if table in APPEND_ONLY else {"SELECT", "INSERT", "UPDATE", "DELETE"}
        assert rights == expected, table


def test_what_is_append_only_refuses_its_owner_too(catalogue: psycopg.Connection[tuple[Any, ...]]) -> None:
    rows = catalogue.execute(
        """SELECT c.relname, tgtype FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
           JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.proname = 'refuse_rewriting'"""
    ).fetchall()
    assert {row[0] for row in rows} == APPEND_ONLY
    before_update_delete_truncate = 2 | 8 | 16 | 32
    assert {row[1] for row in rows} == {before_update_delete_truncate}


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [path.name.partition("_")[0] for path in MIGRATIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_every_migration_follows_the_one_before_it() -> None:
    before = None
    for path in MIGRATIONS:
        text = path.read_text(encoding="utf-8")
        assert _said(text, "revision") == path.name.partition("_")[0], path.name
        assert _said(text, "down_revision") == before, path.name
        before = path.name.partition("_")[0]
    assert newest_migration() == before


def _said(text: str, name: str) -> str | None:
    found = re.search(rf"^{name}(?:: [^=]+)? = [\"'](\w+)[\"']", text, flags=re.MULTILINE)
    return found[1] if found else None


def test_the_models_and_the_migrations_agree(app: Flask, database_environment: dict[str, str]) -> None:
    """What `flask db check` asks."""
    engine = create_engine(database_environment["DATABASE_ADMIN_URL"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_migration_does_not_look_at_the_models() -> None:
    """Models change later; what a migration did must not."""
    wrong = [
        path.name
        for path in MIGRATIONS
        if re.search(r"^(from|import) (core|referral|coupons|commission)", _text(path), re.M)
    ]
    assert wrong == []


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
