"""Reads the Online Retail folder: members, orders with their lines, refunds. One order at a time, never a file."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from commission.orders.new_order import NewLine, NewOrder
from core.http.fields import utc_instant

CURRENCY = "GBP"
MEMBERS, ORDER_ITEMS, REFUND_ITEMS = "members.csv.gz", "order_items.csv.gz", "refund_items.csv.gz"
COLUMNS = {
    MEMBERS: ["member", "inviter", "joined_at"],
    ORDER_ITEMS: ["order_no", "member", "paid_at", "sku", "category", "quantity", "unit_price_pence"],
    REFUND_ITEMS: ["refund_no", "order_no", "sku", "unit_price_pence", "quantity", "refunded_at"],
}


class SourceError(Exception):
    """The folder is not the data set, with the file and the reason."""


class RetailMember(NamedTuple):
    """A customer and who invited him (None: a root)."""

    external_id: str
    inviter: str | None
    joined_at: datetime


class RetailRefund(NamedTuple):
    """Units of one order's lines that came back. `items` as `POST /v1/refunds/batch` takes them."""

    external_id: str
    order_no: str
    refunded_at: datetime
    items: list[dict[str, Any]]


class Extent(NamedTuple):
    """How much there is, for progress bars, and when the last order was paid."""

    members: int
    orders: int
    lines: int
    refunds: int
    last_paid_at: datetime


class RetailFolder:
    """One folder of the data set. Every method reads its file anew, in the file's order."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def members(self) -> Iterator[RetailMember]:
        """Parents stand before children."""
        for member, inviter, joined_at in rows_of(self.path / MEMBERS):
            yield RetailMember(member, inviter or None, _instant(joined_at))

    def orders(self) -> Iterator[NewOrder]:
        """Orders by the time they were paid; guests' have no customer. Amounts in pence."""
        for order_no, rows in groupby(rows_of(self.path / ORDER_ITEMS), key=itemgetter(0)):
            yield _order(order_no, list(rows))

    def payments(self) -> Iterator[tuple[str, datetime]]:
        """Order number and instant of every payment, without the lines."""
        for order_no, rows in groupby(rows_of(self.path / ORDER_ITEMS), key=itemgetter(0)):
            yield order_no, _instant(next(rows)[2])

    def refunds(self) -> Iterator[RetailRefund]:
        """Refunds by time. The parts of one refund number that touch several orders are refunds of their own."""
        for refund_no, rows in groupby(rows_of(self.path / REFUND_ITEMS), key=itemgetter(0)):
            parts: dict[str, list[list[str]]] = {}
            for row in rows:
                parts.setdefault(row[1], []).append(row)
            for order_no, part in parts.items():
                yield _refund(refund_no, order_no, part)

    def extent(self) -> Extent:
        """One pass over the files.

        Raises:
            SourceError: a file is missing or not what it should be, or there is no order.
        """
        members = sum(1 for _ in rows_of(self.path / MEMBERS))
        refunds = sum(1 for _ in self.refunds())
        orders, lines, last = 0, 0, ""
        for _, rows in groupby(rows_of(self.path / ORDER_ITEMS), key=itemgetter(0)):
            orders += 1
            for row in rows:
                lines += 1
                last = max(last, row[2])  # written alike, so that the later one is the greater text
        if not orders:
            raise SourceError(f"{self.path / ORDER_ITEMS} holds no order")
        return Extent(members, orders, lines, refunds, _instant(last))


def rows_of(path: Path) -> Iterator[list[str]]:
    """The rows of one file below its heading, as they stand.

    Raises:
        SourceError: the file is missing, damaged, or has other columns.
    """
    columns = COLUMNS[path.name]
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            rows = csv.reader(text)
            if next(rows, None) != columns:
                raise SourceError(f"{path}: the columns should be {', '.join(columns)}")
            for row in rows:
                if len(row) != len(columns):
                    raise SourceError(f"{path}, line {rows.line_num}: {len(columns)} values should stand there")
                yield row
    except FileNotFoundError as error:
        raise SourceError(f"{path} is not there: name the folder of the Online Retail data") from error
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error


def _order(order_no: str, rows: list[list[str]]) -> NewOrder:
    member, paid_at = rows[0][1], rows[0][2]
    try:
        items = [NewLine(sku=r[3], quantity=int(r[5]), unit_price=int(r[6]), category=r[4] or None) for r in rows]
    except ValueError as error:
        raise SourceError(f"order {order_no}: {error}") from error
    return NewOrder(
        external_id=order_no, currency=CURRENCY, paid_at=_instant(paid_at), items=items,
        customer_external_id=member or None,
    )  # fmt: skip


def _refund(refund_no: str, order_no: str, rows: list[list[str]]) -> RetailRefund:
    try:
        items = [{"sku": row[2], "unit_price": int(row[3]), "quantity": int(row[4])} for row in rows]
    except ValueError as error:
        raise SourceError(f"refund {refund_no}: {error}") from error
    return RetailRefund(f"{refund_no}/{order_no}", order_no, _instant(rows[0][5]), items)


def _instant(text: str) -> datetime:
    try:
        return utc_instant(datetime.fromisoformat(text))
    except ValueError as error:
        raise SourceError(f"{text!r} is no instant: {error}") from error
