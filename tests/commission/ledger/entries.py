"""Entries for tests, and the ways into the books that only tests have."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg
from flask import Flask

from commission.ledger.rules import Account, Balance, Entry, Posting, cash_account
from commission.ledger.service import balances_of, post
from core.db import transaction
from core.ids import new_id
from tests.clients import TestProgram

CASH = cash_account("sandbox")


def today() -> date:
    return datetime.now(UTC).date()


def accrued(member_id: UUID, amount: int, *, key: str | None = None, on: date | None = None, **more: Any) -> Entry:
    """What an order earns a member."""
    source, target = Account.COMMISSION_EXPENSE, Account.MEMBER_PENDING
    return moved("commission.accrued", source, target, member_id, amount, key=key, on=on, **more)


def moved(
    kind: str,
    source: str,
    target: str,
    member_id: UUID,
    amount: int,
    *,
    key: str | None = None,
    on: date | None = None,
    **more: Any,
) -> Entry:
    """Money of a member going from one account to another."""
    postings = (Posting(source, _owner(source, member_id), -amount), Posting(target, _owner(target, member_id), amount))
    return Entry(kind, key or f"test:{new_id()}", on or today(), postings, **more)


def _owner(account: str, member_id: UUID) -> UUID | None:
    return None if account.endswith("_expense") else member_id


def post_now(program: TestProgram, entries: Sequence[Entry], currency: str = "GBP") -> list[UUID]:
    """Post in a transaction of its own."""
    with transaction(program.id):
        return post(program.id, currency, entries)


def balance_of(program: TestProgram, member_id: UUID) -> Balance:
    with transaction(program.id, read_only=True):
        return balances_of(program.id, [member_id])[member_id]


@contextmanager
def owner(app: Flask) -> Iterator[psycopg.Connection[Any]]:
    """The owner of the tables, whom grants and row-level security do not hold."""
    address = app.config["SETTINGS"].admin_database_url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        yield connection


def tamper(app: Flask, statement: str, **values: Any) -> None:
    """Change the books as somebody might who has the whole database in his hands: no trigger fires."""
    with owner(app) as connection:
        connection.execute("SET session_replication_role = replica")
        changed = connection.execute(statement, values)  # type: ignore[call-overload]
        assert changed.rowcount > 0, "the tampering did not happen"
