"""A run's payouts as a file for finance: CSV or a spreadsheet, written row by row, so that memory stays flat.

No cell is ever a formula: what a member called himself is not run by the spreadsheet of whoever opens the file.
"""

import csv
import io
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO, NamedTuple
from uuid import UUID

import xlsxwriter

from commission.payouts.method_schemas import masked_account
from commission.payouts.methods import in_clear
from core.db import fetch_all
from core.ids import public_id

_ROWS_AT_ONCE = 2000
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

HEADER = (
    "payout_id", "member_id", "member_external_id", "member_name", "rail", "account", "currency", "gross", "tax", "fee",
    "net", "status", "rail_reference", "failure", "paid_at",
)  # fmt: skip


class _Line(NamedTuple):
    id: UUID
    member_id: UUID
    external_id: str | None
    name: str | None
    rail: str
    account: str | None  # encrypted
    method_id: UUID
    currency: str
    gross: int
    tax: int
    fee: int
    net: int
    status: str
    rail_reference: str | None
    failure: str | None
    paid_at: str | None


Cell = str | int | None


def lines(program_id: UUID, run_id: UUID) -> Iterator[tuple[Cell, ...]]:
    """The run's payouts in id order, excluded ones too: their status says so. Minor units; accounts masked."""
    after: UUID | None = None
    while rows := _page(program_id, run_id, after):
        for row in rows:
            yield _cells(row)
        after = rows[-1].id


def _cells(row: _Line) -> tuple[Cell, ...]:
    account, _ = in_clear(row.method_id, row.account, None)
    return (
        public_id("pay", row.id), public_id("mem", row.member_id), row.external_id, row.name, row.rail,
        masked_account(account), row.currency, row.gross, row.tax, row.fee, row.net, row.status, row.rail_reference,
        row.failure, row.paid_at,
    )  # fmt: skip


def _page(program_id: UUID, run_id: UUID, after: UUID | None) -> list[_Line]:
    return fetch_all(
        _Line,
        """SELECT p.id, p.member_id, m.external_id, m.name, p.rail, a.account, p.method_id, p.currency, p.amount, p.tax,
                  p.fee, p.net, p.status, p.rail_reference, p.failure,
                  to_char(p.paid_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
           FROM payouts p
           JOIN members m ON m.program_id = p.program_id AND m.id = p.member_id
           JOIN payout_methods a ON a.program_id = p.program_id AND a.id = p.method_id
           WHERE p.program_id = %(program_id)s AND p.settlement_id = %(run_id)s
             AND (%(after)s::uuid IS NULL OR p.id > %(after)s)
           ORDER BY p.id LIMIT %(most)s""",
        program_id=program_id, run_id=run_id, after=after, most=_ROWS_AT_ONCE,
    )  # fmt: skip


def write_csv(rows: Iterator[tuple[Cell, ...]]) -> IO[bytes]:
    """A temporary file with the rows, at its beginning; it goes when it is closed."""
    target = TemporaryFile()  # noqa: SIM115 -- the response closes it
    # the mark at the front is how Excel knows UTF-8
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    text.detach()
    target.seek(0)
    return target


def _harmless(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula, with the apostrophe that makes it text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def write_xlsx(rows: Iterator[tuple[Cell, ...]]) -> IO[bytes]:
    """The same as a spreadsheet; texts are written as texts, whatever they look like."""
    target = TemporaryFile()  # noqa: SIM115 -- the response closes it
    with xlsxwriter.Workbook(target, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("payouts")
        sheet.freeze_panes(1, 0)
        _write_row(sheet, 0, HEADER)
        for number, row in enumerate(rows, start=1):
            _write_row(sheet, number, row)
    target.seek(0)
    return target


def _write_row(sheet: "xlsxwriter.worksheet.Worksheet", number: int, row: tuple[Cell, ...]) -> None:
    for column, cell in enumerate(row):
        if isinstance(cell, int):
            sheet.write_number(number, column, cell)
        elif cell is not None:
            sheet.write_string(number, column, cell)


WRITERS = {"csv": write_csv, "xlsx": write_xlsx}
MEDIA_TYPES = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
