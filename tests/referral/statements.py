"""Counts the statements that reach the database, so that a loop of them does not creep in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The beginnings of all statements of this process inside the block."""
    seen: list[str] = []
    original = psycopg.Connection.execute

    def counting(self: psycopg.Connection[Any], query: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(" ".join(str(query).split())[:80])
        return original(self, query, *args, **kwargs)

    psycopg.Connection.execute = counting  # type: ignore[method-assign, assignment]
    try:
        yield seen
    finally:
        psycopg.Connection.execute = original  # type: ignore[method-assign]
