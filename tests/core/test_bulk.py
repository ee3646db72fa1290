"""Rows written in bulk are read back as they were given, whatever they hold."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Date, Float, MetaData, SmallInteger, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.schema import CreateTable

from core.bulk import insert_rows
from core.db import (
    Amount,
    Amounts,
    Base,
    Hash,
    Ids,
    Instant,
    Json,
    ProgramKey,
    Words,
    connection,
    fetch_all,
    transaction,
)
from core.ids import new_id


class Scratch(Base):
    """Tables of this file: not of the product's metadata, and gone with their transaction."""

    __abstract__ = True
    metadata = MetaData()


class SampleRow(Scratch):
    """Every type that a column may have, each of them nullable."""

    __tablename__ = "bulk_samples"
    __table_args__ = ({"prefixes": ["TEMPORARY"], "postgresql_on_commit": "DROP"},)

    program_id: Mapped[ProgramKey]
    position: Mapped[int] = mapped_column(primary_key=True)
    small: Mapped[int | None] = mapped_column(SmallInteger)
    amount: Mapped[Amount | None]
    flag: Mapped[bool | None]
    words: Mapped[str | None]
    day: Mapped[date | None] = mapped_column(Date)
    instant: Mapped[Instant | None]
    ref: Mapped[UUID | None]
    digest: Mapped[Hash | None]
    content: Mapped[Json | None]
    amounts: Mapped[Amounts | None]
    tags: Mapped[Words | None]
    refs: Mapped[Ids | None]


class Sample(NamedTuple):
    """A row of it, but for program_id and position."""

    small: int | None = None
    amount: int | None = None
    flag: bool | None = None
    words: str | None = None
    day: date | None = None
    instant: datetime | None = None
    ref: UUID | None = None
    digest: bytes | None = None
    content: dict[str, Any] | None = None
    amounts: list[int | None] | None = None
    tags: list[str | None] | None = None
    refs: list[UUID | None] | None = None


class Positioned(NamedTuple):
    """A row of the table but for program_id."""

    position: int
    small: int | None
    amount: int | None
    flag: bool | None
    words: str | None
    day: date | None
    instant: datetime | None
    ref: UUID | None
    digest: bytes | None
    content: dict[str, Any] | None
    amounts: list[int | None] | None
    tags: list[str | None] | None
    refs: list[UUID | None] | None


NASTY = [
    "", " ", "NULL", "null", '"', '""', "\\", "\\\\", '\\"', "{", "}", "{}", ",", "a,b", "{a,NULL}", "'", "''", "\n\t",
    "%s", "%(amount)s", "$1", "\\N", "\\x41", " lead and trail ", "券码 ¥", "\U0001f388", "a\u0301", "\x7f", '","',
]  # fmt: skip
texts = st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
bigints = st.integers(-(2**63), 2**63 - 1)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
documents = st.recursive(
    st.none() | st.booleans() | bigints | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
samples = st.builds(
    Sample,
    small=st.none() | st.integers(-(2**15), 2**15 - 1),
    amount=st.none() | bigints,
    flag=st.none() | st.booleans(),
    words=st.none() | texts,
    day=st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
    instant=st.none() | st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=zones),  # noqa: DTZ001 -- the zone is drawn
    ref=st.none() | st.uuids(),
    digest=st.none() | st.binary(max_size=20),
    content=st.none() | st.dictionaries(texts, documents, max_size=3),
    amounts=st.none() | st.lists(st.none() | bigints, max_size=4),
    tags=st.none() | st.lists(st.none() | texts, max_size=4),
    refs=st.none() | st.lists(st.none() | st.uuids(), max_size=3),
)


@contextmanager
def an_empty_table() -> Iterator[UUID]:
    with transaction():
        table = SampleRow.__table__
        assert isinstance(table, Table)
        statement = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        connection().execute(statement)
        yield new_id()


def positioned(given_rows: Sequence[Sample]) -> list[Positioned]:
    return [Positioned(position, *row) for position, row in enumerate(given_rows)]


def stored() -> list[Positioned]:
    """In the order in which they were written."""
    columns = ", ".join(Positioned._fields)
    return fetch_all(Positioned, f"SELECT {columns} FROM bulk_samples ORDER BY ctid")  # type: ignore[arg-type]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(samples, min_size=1, max_size=6))
@example([Sample()])
@example([Sample(words=""), Sample()])
@example([Sample(words=word, tags=[word], content={word: word}) for word in NASTY])
@example([Sample(tags=NASTY), Sample(tags=[]), Sample(tags=[None]), Sample(tags=[""])])  # type: ignore[arg-type]
@example([Sample(amount=0, small=-1), Sample(amount=None, small=None), Sample(amount=-5)])
def test_rows_are_read_back_as_they_were_given(app: Flask, rows: list[Sample]) -> None:
    expected = positioned(rows)
    with an_empty_table() as program_id:
        assert insert_rows(SampleRow, expected, program_id=program_id) == []
        found = stored()
    assert found == expected
    assert [type(value) for row in found for value in row] == [type(value) for row in expected for value in row]


def test_rows_are_written_in_the_given_order_and_for_one_program(app: Flask) -> None:
    rows = positioned([Sample(amount=number) for number in range(50)])[::-1]
    with an_empty_table() as program_id:
        insert_rows(SampleRow, rows, program_id=program_id)
        assert stored() == rows
        assert {row[0] for row in connection().execute("SELECT program_id FROM bulk_samples")} == {program_id}


def test_conflicts_and_returned_columns_are_the_callers(app: Flask) -> None:
    rows = positioned([Sample(words="first"), Sample(words="second")])
    with an_empty_table() as program_id:
        insert_rows(SampleRow, rows[:1], program_id=program_id)
        written = insert_rows(
            SampleRow, rows, program_id=program_id, on_conflict="(program_id, position) DO NOTHING",
            returning="position, words",
        )  # fmt: skip
        assert written == [(1, "second")]
        moved = insert_rows(
            SampleRow, [rows[0]._replace(words="again")], program_id=program_id,
            on_conflict="(program_id, position) DO UPDATE SET words = excluded.words", returning="words",
        )  # fmt: skip
        assert moved == [("again",)]


def test_no_rows_are_no_statement() -> None:
    assert insert_rows(SampleRow, [], program_id=new_id(), returning="position") == []  # no transaction is open


def test_equal_instants_of_different_zones_are_one_instant(app: Flask) -> None:
    here = datetime(2026, 3, 1, 18, tzinfo=timezone(timedelta(hours=8)))
    with an_empty_table() as program_id:
        insert_rows(
            SampleRow, positioned([Sample(instant=here), Sample(instant=here.astimezone(UTC))]), program_id=program_id
        )
        assert [row.instant for row in stored()] == [datetime(2026, 3, 1, 10, tzinfo=UTC)] * 2


def test_a_type_that_has_no_bulk_form_is_refused(app: Flask) -> None:
    class InexactRow(Scratch):
        __tablename__ = "inexact"
        program_id: Mapped[ProgramKey]
        share: Mapped[float] = mapped_column(Float)

    class Inexact(NamedTuple):
        share: float

    with transaction(), pytest.raises(TypeError, match="share"):
        insert_rows(InexactRow, [Inexact(0.5)], program_id=new_id())
