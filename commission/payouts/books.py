"""Reads a rail's own book, where a rail has one to read. Callers hold no transaction."""

import httpx
import orjson
from flask import current_app

from commission.payouts.book_rules import BookEntry
from commission.payouts.rules import SANDBOX
from core.errors import Unavailable

RAILS_WITH_BOOK = (SANDBOX,)


def book_of(rail: str) -> list[BookEntry]:
    """Everything that the rail ever moved, oldest first.

    Raises:
        Unavailable: the rail does not answer, or not with its book.
    """
    if rail not in RAILS_WITH_BOOK:
        raise Unavailable(f"The rail {rail} has no book that can be read.")
    address = current_app.config["SETTINGS"].sandbox_address()
    if address is None:
        raise Unavailable("The sandbox rail does not run: start it, or set SANDBOX_URL.")
    try:
        answer = httpx.get(f"{address.rstrip('/')}/book", timeout=60, trust_env=False).raise_for_status()
        return [_entry(transfer) for transfer in orjson.loads(answer.content)["transfers"]]
    except (httpx.HTTPError, orjson.JSONDecodeError, LookupError, TypeError) as error:
        raise Unavailable(f"The book of the rail {rail} cannot be read: {error}") from error


def _entry(transfer: dict[str, object]) -> BookEntry:
    return BookEntry(*(transfer[name] for name in BookEntry._fields))  # type: ignore[arg-type]  # compared, not trusted
