"""The transaction: one a request, one program, all or nothing; and the database's own walls behind it."""

from uuid import UUID, uuid4

import psycopg
import pytest
from flask import Flask

from core.clock import now
from core.db import connection, db, execute, json, lookup, savepoint, scalar, scalars, transaction
from core.ids import new_id
from tests.clients import TestProgram, make_program


def _flag(name: str) -> None:
    execute(
        "INSERT INTO operation_flags (name, detail, set_at) VALUES (%(name)s, %(detail)s, %(at)s)",
        name=name, detail=json({"a": 1}), at=now(),
    )  # fmt: skip


def _has_flag(name: str) -> bool:
    with lookup():
        return bool(scalar("SELECT 1 FROM operation_flags WHERE name = %(name)s", name=name))


def test_what_raises_leaves_nothing(app: Flask) -> None:
    name = uuid4().hex
    with pytest.raises(ZeroDivisionError), transaction():  # noqa: PT012 -- the block is what is rolled back
        _flag(name)
        _ = 1 // 0
    assert not _has_flag(name)


def test_transactions_do_not_nest(app: Flask) -> None:
    with transaction(), pytest.raises(RuntimeError, match="already open"), transaction():
        pass


def test_there_is_no_statement_without_a_transaction(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="no transaction"):
        connection()


def test_an_error_that_somebody_swallowed_is_no_success(app: Flask) -> None:
    """PostgreSQL would answer COMMIT with a rollback and nobody would notice."""
    name = uuid4().hex
    with pytest.raises(RuntimeError, match="ROLLBACK"), transaction():  # noqa: PT012 -- the block is what is rolled back
        _flag(name)
        with pytest.raises(psycopg.errors.UndefinedTable):
            execute("SELECT 1 FROM nowhere")
    assert not _has_flag(name)


def test_a_savepoint_undoes_its_own_part_only(app: Flask) -> None:
    kept, undone = uuid4().hex, uuid4().hex
    with transaction():
        _flag(kept)
        with pytest.raises(psycopg.errors.UniqueViolation), savepoint():  # noqa: PT012 -- the block is what is rolled back
            _flag(undone)
            _flag(kept)
    assert (_has_flag(kept), _has_flag(undone)) == (True, False)


def test_a_read_only_transaction_writes_nothing(app: Flask) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), transaction(read_only=True):
        _flag(uuid4().hex)


def _audit(program_id: UUID) -> None:
    execute(
        """INSERT INTO audit_events (program_id, id, actor_kind, action, detail, created_at)
           VALUES (%(program_id)s, %(id)s, 'system', 'test', '{}', %(at)s)""",
        program_id=program_id, id=new_id(), at=now(),
    )  # fmt: skip


def test_the_application_sees_the_rows_of_its_program_only(app: Flask, program: TestProgram) -> None:
    other = make_program(app)
    for one in (program, other):
        with transaction(one.id):
            _audit(one.id)
    with transaction(program.id):
        assert scalars("SELECT DISTINCT program_id FROM audit_events") == [program.id]
        assert execute("DELETE FROM refresh_tokens WHERE program_id = %(p)s", p=other.id) == 0
    with transaction():
        assert scalar("SELECT count(*) FROM audit_events") == 0


def test_the_application_writes_rows_of_its_program_only(app: Flask, program: TestProgram) -> None:
    other = make_program(app)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"), transaction(program.id):
        _audit(other.id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"), transaction():
        _audit(program.id)


def test_the_program_of_one_transaction_is_not_the_next_ones(app: Flask, program: TestProgram) -> None:
    with transaction(program.id):
        _audit(program.id)
    with transaction():
        assert scalar("SELECT current_setting('banyan.program_id', true)") in {"", None}


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET action = 'x'", "DELETE FROM audit_events"])
def test_the_audit_log_cannot_be_rewritten(app: Flask, program: TestProgram, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(program.id):
        execute(statement)  # type: ignore[arg-type]


def test_connections_that_the_server_dropped_are_replaced(app: Flask, program: TestProgram) -> None:
    """As after a restart of PostgreSQL: every pooled connection is dead, and the next request works all the same."""
    assert program.client.get("/v1/program").status_code == 200
    with transaction():
        mine = scalar("SELECT pg_backend_pid()")
        others = scalars(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> %(mine)s", mine=mine
        )
    admin = psycopg.connect(
        app.config["SETTINGS"].admin_database_url.replace("postgresql+psycopg", "postgresql"), autocommit=True
    )
    with admin:
        for pid in (mine, *others):
            admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
    with transaction(program.id):
        _audit(program.id)
    assert program.client.get("/v1/program").status_code == 200


def test_a_request_right_after_a_restart_of_the_database_is_answered(app: Flask, program: TestProgram) -> None:
    assert program.client.get("/v1/program").status_code == 200
    with lookup():
        pid = scalar("SELECT pg_backend_pid()")
    url = app.config["SETTINGS"].admin_database_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
    assert program.client.get("/v1/program").status_code == 200


def test_the_application_role_is_used_whoever_connects(app: Flask) -> None:
    with lookup():
        assert scalar("SELECT current_user") == "banyan_app"
    assert db.engine.pool.size() > 0  # type: ignore[attr-defined]
