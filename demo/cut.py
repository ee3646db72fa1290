"""Cuts one month out of the full data: its orders, their refunds whenever they came, their customers with all uplines.

The rows are copied as they stand and the files carry no date, so that the same cut is the same bytes.
"""

import csv
import gzip
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from demo.retail import COLUMNS, MEMBERS, ORDER_ITEMS, REFUND_ITEMS, SourceError, rows_of


class Cut(NamedTuple):
    """What was written."""

    members: int
    orders: int
    lines: int
    refund_lines: int
    size: int  # bytes of the three files


def cut(source: Path, target: Path, month: str) -> Cut:
    """Write the part of `month` ("2010-12", by `paid_at` in UTC) into the folder `target`.

    Raises:
        SourceError: the source is not the data set, or has nothing in that month.
    """
    lines = [row for row in rows_of(source / ORDER_ITEMS) if row[2].startswith(f"{month}-")]
    if not lines:
        raise SourceError(f"{source / ORDER_ITEMS} has no order of {month}")
    orders = {row[0] for row in lines}
    refund_lines = [row for row in rows_of(source / REFUND_ITEMS) if row[1] in orders]
    members = uplines(list(rows_of(source / MEMBERS)), {row[1] for row in lines} - {""})
    target.mkdir(parents=True, exist_ok=True)
    size = sum(
        _write(target / name, rows)
        for name, rows in ((MEMBERS, members), (ORDER_ITEMS, lines), (REFUND_ITEMS, refund_lines))
    )
    return Cut(len(members), len(orders), len(lines), len(refund_lines), size)


def uplines(members: list[list[str]], customers: set[str]) -> list[list[str]]:
    """The customers' rows and those of everybody above them, in the given order: parents before children."""
    inviter_of = {row[0]: row[1] for row in members}
    wanted: set[str] = set()
    for customer in customers:
        member = customer
        while member and member not in wanted:
            wanted.add(member)
            member = inviter_of[member]
    return [row for row in members if row[0] in wanted]


def _write(path: Path, rows: Iterable[list[str]]) -> int:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS[path.name])
    writer.writerows(rows)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.getvalue().encode())
    return path.stat().st_size
