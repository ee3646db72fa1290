"""The database: tables' base, the one transaction, and typed SQL. Edges open transactions; nothing else commits."""

import functools
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from typing import Annotated, Any, LiteralString, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

import orjson
import psycopg
from flask_sqlalchemy import SQLAlchemy
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.types.json import Jsonb, set_json_dumps, set_json_loads
from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, MetaData, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, mapped_column, registry
from sqlalchemy.pool import PoolProxiedConnection

set_json_dumps(orjson.dumps)
set_json_loads(orjson.loads)

APPLICATION_ROLE = "banyan_app"

# Constraints are named explicitly: migrations and a distributed database need stable names.
_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Id = Annotated[UUID, mapped_column(PG_UUID(as_uuid=True))]
IdKey = Annotated[UUID, mapped_column(PG_UUID(as_uuid=True), primary_key=True)]
ProgramKey = Annotated[UUID, mapped_column(PG_UUID(as_uuid=True), primary_key=True)]
Amount = Annotated[int, mapped_column(BigInteger)]
Count = Annotated[int, mapped_column(BigInteger)]
Small = Annotated[int, mapped_column(SmallInteger)]
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Json = Annotated[dict[str, Any], mapped_column(JSONB)]
JsonList = Annotated[list[Any], mapped_column(JSONB)]
Amounts = Annotated[list[int], mapped_column(ARRAY(BigInteger))]
Words = Annotated[list[str], mapped_column(ARRAY(Text))]
Ids = Annotated[list[UUID], mapped_column(ARRAY(PG_UUID(as_uuid=True)))]
Hash = Annotated[bytes, mapped_column(LargeBinary)]


class Collision(Exception):
    """Two requests met where only the database could tell: nothing was written, and the edge runs the call again."""


class Base(DeclarativeBase):
    """Base of every table. Tables are declared in each feature's models.py and read through its queries.py."""

    registry = registry(
        metadata=MetaData(naming_convention=_NAMING),
        type_annotation_map={str: Text, int: Integer, datetime: DateTime(timezone=True)},
    )


db = SQLAlchemy(model_class=Base)

P = ParamSpec("P")
T = TypeVar("T")

_connection: ContextVar[psycopg.Connection[Any] | None] = ContextVar("banyan_connection", default=None)


def engine_options(pool_size: int) -> dict[str, Any]:
    """Options of the application's engine: its role, its limits, and no implicit transactions."""
    settings = {
        "role": APPLICATION_ROLE,
        "timezone": "UTC",  # instants are answered as they are read, whatever zone an external server is in
        "lock_timeout": "15s",
        "statement_timeout": "120s",
        "idle_in_transaction_session_timeout": "120s",
    }
    return {
        "pool_size": pool_size,
        "max_overflow": 4,
        "pool_timeout": 10,
        "pool_use_lifo": True,  # a few connections stay warm, with their statements prepared
        # prepared once per connection: the hot statements are few and long
        "connect_args": {
            "autocommit": True,
            "connect_timeout": 5,
            "prepare_threshold": 3,
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
    }


@contextmanager
def transaction(
    program_id: UUID | None = None, *, read_only: bool = False, lock_timeout_ms: int | None = None
) -> Iterator[None]:
    """One transaction on one connection, for one program (None: kernel tables without tenancy only).

    Commits when the block ends, rolls back when it raises. Transactions do not nest: a service that finds
    itself inside one simply uses it. `lock_timeout_ms`: wait for a lock only so long, not the usual 15 s.
    """
    if _connection.get() is not None:
        raise RuntimeError("a transaction is already open: only edges open transactions")
    opening = _opening(program_id, read_only, lock_timeout_ms)
    proxied, connection = _begin(opening)
    token = _connection.set(connection)
    try:
        yield
        _commit(connection)
    except BaseException:
        _roll_back(proxied, connection)
        raise
    finally:
        _connection.reset(token)
        proxied.close()


@contextmanager
def lookup() -> Iterator[None]:
    """Single reads of kernel tables, each statement on its own. For credentials and health; never for writes."""
    proxied = _living_connection()
    token = _connection.set(_driver(proxied))
    try:
        yield
    except psycopg.OperationalError:
        _forget_pool(proxied)
        raise
    finally:
        _connection.reset(token)
        proxied.close()


def repeatable(read: Callable[P, T]) -> Callable[P, T]:
    """A look-up that is made once more when the server hung up in the middle of it."""

    @functools.wraps(read)
    def patient(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except psycopg.OperationalError:
            return read(*args, **kwargs)

    return patient


def _opening(program_id: UUID | None, read_only: bool, lock_timeout_ms: int | None) -> str:
    # one round trip: BEGIN and the settings travel as one simple query
    # a reader sees one moment, however many statements its answer takes
    opening = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if read_only else "BEGIN"
    if program_id is not None:
        opening += f"; SET LOCAL banyan.program_id = '{UUID(str(program_id))}'"
    if lock_timeout_ms is not None:
        opening += f"; SET LOCAL lock_timeout = {int(lock_timeout_ms)}"
    return opening


def _begin(opening: str) -> tuple[PoolProxiedConnection, psycopg.Connection[Any]]:
    for last_try in (False, True):
        proxied = _living_connection()
        connection = _driver(proxied)
        try:
            _tell(connection, opening)
        except psycopg.OperationalError:
            _forget_pool(proxied)
            proxied.close()
            if last_try:
                raise
        else:
            return proxied, connection
    raise AssertionError("unreachable")


def _living_connection() -> PoolProxiedConnection:
    """A connection from the pool whose server has not hung up meanwhile, seen without a round trip."""
    proxied = db.engine.raw_connection()
    waiting = select.poll()
    waiting.register(_driver(proxied).fileno(), select.POLLIN)
    if not waiting.poll(0):
        return proxied
    # on an idle connection there is nothing to read but the server's good-bye
    _forget_pool(proxied)
    proxied.close()
    return db.engine.raw_connection()


def _commit(connection: psycopg.Connection[Any]) -> None:
    # PostgreSQL answers COMMIT with a silent ROLLBACK when a statement had failed and somebody swallowed the error
    outcome = _tell(connection, "COMMIT")
    if outcome != "COMMIT":
        raise RuntimeError(f"the transaction was not committed but ended with {outcome}")


def _tell(connection: psycopg.Connection[Any], statement: str) -> str:
    """BEGIN, COMMIT, ROLLBACK straight through libpq: a third of the time of a cursor, and prepared statements stay.

    Returns what the server says it did. The statement is ours, never anybody's input.
    """
    result = connection.pgconn.exec_(statement.encode())
    if result.status == ExecStatus.COMMAND_OK:
        return (result.command_status or b"").decode()
    if connection.pgconn.status != ConnStatus.OK:
        raise psycopg.OperationalError("the connection to the server was lost")
    raise psycopg.errors.error_from_result(result)


def _driver(proxied: PoolProxiedConnection) -> psycopg.Connection[Any]:
    connection = proxied.driver_connection
    assert isinstance(connection, psycopg.Connection)  # noqa: S101 -- the only driver there is
    return connection


def _forget_pool(proxied: PoolProxiedConnection) -> None:
    # the server was restarted under its pooled connections: none of them is of use any more
    proxied.invalidate()
    db.engine.dispose()


def _roll_back(proxied: PoolProxiedConnection, connection: psycopg.Connection[Any]) -> None:
    try:
        _tell(connection, "ROLLBACK")
    except psycopg.Error:
        proxied.invalidate()


def in_transaction() -> bool:
    """Whether one is open here: for the few who open one of their own where the edge has not."""
    return _connection.get() is not None


def connection() -> psycopg.Connection[Any]:
    """The connection of the open transaction."""
    current = _connection.get()
    if current is None:
        raise RuntimeError("no transaction is open")
    return current


R = TypeVar("R", bound=NamedTuple)


def fetch_all(row: type[R], sql: LiteralString, /, **values: Any) -> list[R]:
    """Every row of a query as typed named tuples, in the order of the columns."""
    # fetched at once: iterating over the cursor costs a Python call for each row
    return list(map(row._make, connection().execute(sql, values).fetchall()))


def fetch_one(row: type[R], sql: LiteralString, /, **values: Any) -> R | None:
    """The first row of a query, or None."""
    record = connection().execute(sql, values).fetchone()
    return None if record is None else row._make(record)


def scalar(sql: LiteralString, /, **values: Any) -> Any:
    """The first column of the first row, or None when there is no row."""
    record = connection().execute(sql, values).fetchone()
    return None if record is None else record[0]


def scalars(sql: LiteralString, /, **values: Any) -> list[Any]:
    """The first column of every row."""
    return [record[0] for record in connection().execute(sql, values)]


def execute(sql: LiteralString, /, **values: Any) -> int:
    """Run a statement; the number of rows it touched (the guard of every state change)."""
    return connection().execute(sql, values).rowcount


@contextmanager
def savepoint() -> Iterator[None]:
    """Undo and release the locks of what happens inside when it raises."""
    with connection().transaction():
        yield


@contextmanager
def pipelined() -> Iterator[None]:
    """Send the statements inside one after another without waiting for each; what is read waits for all before it.

    For writes that depend on nothing but each other's order. What the server refuses is raised at the next reading or
    at the end, as the error of the first statement that failed.
    """
    with connection().pipeline():
        yield


def json(value: Any) -> Jsonb:
    """Mark a value as JSON for a statement."""
    return Jsonb(value)


__all__ = [
    "APPLICATION_ROLE", "Amount", "Amounts", "Base", "Collision", "Count", "Hash", "Id", "IdKey", "Ids",
    "Instant", "Json", "JsonList", "ProgramKey", "Small", "Words", "connection", "date", "db", "engine_options",
    "execute", "fetch_all", "fetch_one", "in_transaction", "json", "pipelined", "repeatable", "savepoint", "scalar",
    "scalars", "transaction",
]  # fmt: skip
