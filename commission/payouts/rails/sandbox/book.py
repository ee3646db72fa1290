"""The sandbox's own book in SQLite: one row per key, synced to disk before anybody is told."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from core.errors import Conflict, NotFound

_SCHEMA = """
CREATE TABLE IF NOT EXISTS transfers (
    number INTEGER PRIMARY KEY,    -- order of acceptance
    key TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    account_name TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),    -- minor units
    currency TEXT NOT NULL,
    moves INTEGER NOT NULL,    -- 0 when it fails: then it is not in the book that is shown
    timeline TEXT NOT NULL    -- [[status, from when on], …], future steps as well
)"""
_INSERT = """
INSERT INTO transfers (key, account, account_name, amount, currency, timeline, moves) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO NOTHING"""
_FIND = "SELECT key, account, account_name, amount, currency, timeline FROM transfers WHERE key = ?"
_MOVED = "SELECT key, account, account_name, amount, currency, timeline FROM transfers WHERE moves ORDER BY number"


class KeyConflict(Conflict):
    code = "key_conflict"
    title = "This key was used with another body"


class TransferNotFound(NotFound):
    code = "transfer_not_found"
    title = "No transfer has this key"


class Step(NamedTuple):
    """A status and the instant from which it holds (RFC 3339 UTC, fixed width: sorts as text)."""

    status: str
    at: str


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with six decimals."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer with its whole life, past and future."""

    key: str
    account: str
    account_name: str
    amount: int
    currency: str
    timeline: tuple[Step, ...]

    def history_at(self, moment: datetime) -> list[Step]:
        """The steps that have happened; the first always has, even if the clock was set back."""
        return [self.timeline[0], *(step for step in self.timeline[1:] if step.at <= instant(moment))]

    def asks_the_same_as(self, other: "Transfer") -> bool:
        return self._order() == other._order()

    def moves_money(self) -> bool:
        return all(step.status != "failed" for step in self.timeline)

    def row(self) -> tuple[str, str, str, int, str, str, bool]:
        return (*self._order(), json.dumps(self.timeline), self.moves_money())

    def _order(self) -> tuple[str, str, str, int, str]:
        return self.key, self.account, self.account_name, self.amount, self.currency


class Book:
    """The book in one file. Thread-safe; a second process on the same file cannot book a key twice either."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._writer = self._connection()
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")  # fsync in every commit, before the answer
        self._writer.execute(_SCHEMA)

    def accept(self, transfer: Transfer) -> tuple[Transfer, bool]:
        """Book it unless its key is there; answers what the book holds and whether that is new. Durable on return.

        Raises:
            KeyConflict: the key is there with another body.
        """
        with self._lock:
            is_new = self._writer.execute(_INSERT, transfer.row()).rowcount == 1
        kept = transfer if is_new else self.find(transfer.key)
        if not kept.asks_the_same_as(transfer):
            raise KeyConflict()
        return kept, is_new

    def find(self, key: str) -> Transfer:
        """The transfer of a key.

        Raises:
            TransferNotFound: the book does not have it.
        """
        with self._lock:
            row = self._writer.execute(_FIND, (key,)).fetchone()
        if row is None:
            raise TransferNotFound()
        return _transfer(row)

    def moved(self) -> Iterator[Transfer]:
        """Everything accepted to be moved, oldest first, as of one moment."""
        with closing(self._connection()) as reader:  # a long list keeps nobody from writing
            for row in reader.execute(_MOVED):
                yield _transfer(row)

    def close(self) -> None:
        self._writer.close()

    def _connection(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, isolation_level=None, check_same_thread=False, timeout=10)


def _transfer(row: tuple[str, str, str, int, str, str]) -> Transfer:
    key, account, account_name, amount, currency, timeline = row
    return Transfer(key, account, account_name, amount, currency, tuple(Step(*step) for step in json.loads(timeline)))
