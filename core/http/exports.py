"""Rows as a file to take away: CSV or a spreadsheet, written row by row, so that memory stays flat.

No cell is ever a formula: what somebody called himself is not run by the spreadsheet of whoever opens the file.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from tempfile import TemporaryFile
from typing import IO, Any

import xlsxwriter
from flask import Response
from marshmallow import fields, validate
from werkzeug.wsgi import FileWrapper

from core.http.schemas import Body

MEDIA_TYPES = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Cell = str | int | None
Row = Sequence[Cell]


class ExportQuery(Body):
    format = fields.String(load_default="csv", validate=validate.OneOf(list(MEDIA_TYPES)))


def download(name: str, kind: str, header: Sequence[str], rows: Iterable[Row], *, sheet: str) -> Response:
    """The rows under a header as the file `<name>.<kind>`; they are read to the end before this returns."""
    written = write_csv(header, rows) if kind == "csv" else write_xlsx(header, rows, sheet)
    response = Response(FileWrapper(written), mimetype=MEDIA_TYPES[kind], direct_passthrough=True)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


def write_csv(header: Sequence[str], rows: Iterable[Row]) -> IO[bytes]:
    """A temporary file with the rows, at its beginning; it goes when it is closed."""
    target = TemporaryFile()  # noqa: SIM115 -- the response closes it
    # the mark at the front is how Excel knows UTF-8
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    text.detach()
    target.seek(0)
    return target


def _harmless(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula, with the apostrophe that makes it text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def write_xlsx(header: Sequence[str], rows: Iterable[Row], sheet: str) -> IO[bytes]:
    """The same as a spreadsheet; texts are written as texts, whatever they look like."""
    target = TemporaryFile()  # noqa: SIM115 -- the response closes it
    with xlsxwriter.Workbook(target, {"constant_memory": True}) as book:
        page = book.add_worksheet(sheet)
        page.freeze_panes(1, 0)
        _write_row(page, 0, header)
        for number, row in enumerate(rows, start=1):
            _write_row(page, number, row)
    target.seek(0)
    return target


def _write_row(page: Any, number: int, row: Row) -> None:
    for column, cell in enumerate(row):
        if isinstance(cell, int):
            page.write_number(number, column, cell)
        elif cell is not None:
            page.write_string(number, column, cell)
