"""Counts the SQL statements of a block, so that a test can hold their number."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from core import db


class _Counting:
    """The open transaction's connection, taking notes."""

    def __init__(self, connection: psycopg.Connection[Any], seen: list[str]) -> None:
        self._connection, self._seen = connection, seen

    def execute(self, sql: Any, *values: Any, **options: Any) -> Any:
        self._seen.append(str(sql))
        return self._connection.execute(sql, *values, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Inside an open transaction: every statement of the block."""
    seen: list[str] = []
    token = db._connection.set(_Counting(db.connection(), seen))  # type: ignore[arg-type]
    try:
        yield seen
    finally:
        db._connection.reset(token)
