"""Many rows in one statement: `INSERT … SELECT FROM unnest(…)`, typed by the table's model.

Arrays travel as PostgreSQL array literals, written column by column: several times faster than adapting each value.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import cache, partial
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, Boolean, Date, DateTime, Integer, LargeBinary, SmallInteger, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from core.db import Base, connection


def insert_rows(
    model: type[Base], rows: Sequence[NamedTuple], *, program_id: UUID, on_conflict: LiteralString = "",
    returning: LiteralString = "",
) -> list[tuple[Any, ...]]:  # fmt: skip
    """Insert rows whose fields are named as the table's columns (all but program_id, which is the same for all).

    Rows are inserted in the given order: sort by key where two batches may meet. Returns the `returning` columns.
    """
    if not rows:
        return []
    columns = _columns(model, type(rows[0]))
    values: dict[str, Any] = {
        column.name: column.literal(column_values)
        for column, column_values in zip(columns, zip(*rows, strict=True), strict=True)
    }
    cursor = connection().execute(
        _statement(model, type(rows[0]), on_conflict, returning), values | {"program_id": program_id}
    )
    return cursor.fetchall() if returning else []


class _Column(NamedTuple):
    """How one column travels: as an array of `sent`, written by `literal`, cast to `kind` where that differs."""

    name: str
    sent: str
    kind: str | None
    literal: Callable[[Sequence[Any]], str]


def number_array(values: Sequence[int | None]) -> str:
    """An array of whole numbers."""
    try:
        return "{" + ",".join(map(_DIGITS, values)) + "}"
    except TypeError:  # some are null
        return _bare(["NULL" if value is None else str(value) for value in values])


def _bare(texts: Iterable[str]) -> str:
    """An array of texts that need no quotes."""
    return "{" + ",".join(texts) + "}"


def text_array(values: Sequence[str | None]) -> str:
    """An array of texts, quoted; the usual ones, without quotes or backslashes of their own, all at once."""
    if None not in values:
        joined = '","'.join(values)  # type: ignore[arg-type]  # no None is in it
        if "\\" not in joined and joined.count('"') == 2 * (len(values) - 1):
            return '{"' + joined + '"}'
    elif values.count(None) == len(values):
        return _bare(["NULL"] * len(values))
    return _bare([_quoted(text) for text in values])


def _quoted(text: str | None) -> str:
    if text is None:
        return "NULL"
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _ids(values: Sequence[UUID | None]) -> str:
    """Hexadecimal digits without dashes, each different id written once: lines and postings repeat theirs."""
    written: dict[UUID | None, str] = {None: "NULL"}
    for value in values:
        if value not in written and value is not None:
            written[value] = f"{value.int:032x}"
    return _bare([written[value] for value in values])


def _instants(values: Sequence[datetime | date | None]) -> str:
    written: dict[datetime | date | None, str] = {None: "NULL"}
    for value in values:
        if value not in written and value is not None:
            written[value] = value.isoformat()
    return _bare([written[value] for value in values])


def _flags(values: Sequence[bool | None]) -> str:
    return _bare(["NULL" if value is None else "t" if value else "f" for value in values])


def _byteas(values: Sequence[bytes | None]) -> str:
    return text_array([None if value is None else "\\x" + value.hex() for value in values])


def _documents(values: Sequence[Any]) -> str:
    return text_array([None if value is None else orjson.dumps(value).decode() for value in values])


def _lists(literal: Callable[[Sequence[Any]], str], values: Sequence[Sequence[Any] | None]) -> str:
    return text_array([None if value is None else literal(value) for value in values])


_DIGITS = int.__repr__  # refuses None instead of writing it

_KINDS: list[tuple[type[Any], str, str | None, Callable[[Sequence[Any]], str]]] = [
    (SmallInteger, "smallint", None, number_array),
    (BigInteger, "bigint", None, number_array),
    (Integer, "integer", None, number_array),
    (Uuid, "uuid", None, _ids),
    (DateTime, "timestamptz", None, _instants),
    (Date, "date", None, _instants),
    (Boolean, "boolean", None, _flags),
    (LargeBinary, "bytea", None, _byteas),
    (JSONB, "text", "jsonb", _documents),
    (Text, "text", None, text_array),
]


@cache
def _columns(model: type[Base], row: type[NamedTuple]) -> list[_Column]:
    return [_column(name, model.__table__.columns[name].type) for name in row._fields]


def _column(name: str, kind: Any) -> _Column:
    if isinstance(kind, ARRAY):  # an array of arrays would have to be rectangular: each travels as its own text
        item = _column(name, kind.item_type)
        return _Column(name, "text", f"{item.sent}[]", partial(_lists, item.literal))
    for known, sent, cast_to, literal in _KINDS:
        if isinstance(kind, known):
            return _Column(name, sent, cast_to, literal)
    raise TypeError(f"no bulk form for column {name}")


@cache
def _statement(model: type[Base], row: type[NamedTuple], on_conflict: str, returning: str) -> bytes:
    columns = _columns(model, row)
    names = ", ".join(column.name for column in columns)
    selected = ", ".join(f"{column.name}::{column.kind}" if column.kind else column.name for column in columns)
    arrays = ", ".join(f"%({column.name})s::{column.sent}[]" for column in columns)
    statement = (
        f"INSERT INTO {model.__tablename__} (program_id, {names}) "  # noqa: S608 -- names come from the models
        f"SELECT %(program_id)s::uuid, {selected} FROM unnest({arrays}) AS given ({names})"
    )
    if on_conflict:
        statement += f" ON CONFLICT {on_conflict}"
    if returning:
        statement += f" RETURNING {returning}"
    return statement.encode()
