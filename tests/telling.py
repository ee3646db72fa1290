"""What a program's event log was told, for the tests of whoever tells it."""

from datetime import datetime
from typing import Any, NamedTuple

from core.db import execute, fetch_all, transaction
from core.ids import parse_public_id
from tests.clients import TestProgram


class Told(NamedTuple):
    """One event as it lies in the log, whether it has a number or not."""

    kind: str
    facts: dict[str, Any]
    happened_at: datetime


def told(program: TestProgram, *kinds: str) -> list[Told]:
    """All events in the order they were told; of these kinds, or of all."""
    with transaction(program.id, read_only=True):
        return fetch_all(
            Told,
            """SELECT kind, facts, happened_at FROM events
               WHERE program_id = %(p)s AND (%(all)s OR kind = ANY(%(kinds)s)) ORDER BY id""",
            p=program.id, all=not kinds, kinds=list(kinds),
        )  # fmt: skip


def facts_of(program: TestProgram, *kinds: str) -> list[dict[str, Any]]:
    return [event.facts for event in told(program, *kinds)]


def kinds_of(program: TestProgram) -> list[str]:
    return [event.kind for event in told(program)]


def plain_id(public: str) -> str:
    """The id behind a public one, as facts have it."""
    found = parse_public_id(public.partition("_")[0], public)
    assert found is not None, public
    return str(found)


def forget(program: TestProgram) -> None:
    """Begin a test's own log: what made its scene was told before."""
    with transaction(program.id):
        execute("DELETE FROM events WHERE program_id = %(p)s", p=program.id)
