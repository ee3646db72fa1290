"""Rows written in bulk are read back as they were given, whatever they hold."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Date, Float, Integer, SmallInteger, String, create_engine, text
from sqlalchemy.orm import Mapped, mapped_column

from core.bulk import insert_rows
from core.db import Amount, Amounts, Base, Hash, Ids, Instant, Json, ProgramKey, Words, connection, fetch_all, transaction
from core.ids import new_id


class SampleRow(Base):
    """Every type a column may have, each of them nullable."""

    __tablename__ = "bulk_samples"
    __table_args__ = {"info": {"test": True}}  # noqa: RUF012 -- as SQLAlchemy wants it

    program_id: Mapped[ProgramKey]
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    small: Mapped[int | None] = mapped_column(SmallInteger)
    amount: Mapped[Amount | None]
    flag: Mapped[bool | None]
    words: Mapped[str | None]
    short: Mapped[str | None] = mapped_column(String(300))
    day: Mapped[date | None] = mapped_column(Date)
    instant: Mapped[Instant | None]
    ref: Mapped[UUID | None]
    digest: Mapped[Hash | None]
    content: Mapped[Json | None]
    amounts: Mapped[Amounts | None]
    tags: Mapped[Words | None]
    refs: Mapped[Ids | None]


class Sample(NamedTuple):
    position: int
    small: int | None = None
    amount: int | None = None
    flag: bool | None = None
    words: str | None = None
    short: str | None = None
    day: date | None = None
    instant: datetime | None = None
    ref: UUID | None = None
    digest: bytes | None = None
    content: dict[str, Any] | None = None
    amounts: list[int] | None = None
    tags: list[str] | None = None
    refs: list[UUID] | None = None
