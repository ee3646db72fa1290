"""Files to take away: every row, as text or as numbers, and never a formula."""

import csv
import io
import zipfile
from collections.abc import Iterator

import pytest
from flask import Flask

from core.http.exports import MEDIA_TYPES, download, write_csv, write_xlsx

HEADER = ("name", "amount", "note")
ROWS = [("=1+1", 5, None), ('茶 "x", y', -3, "+2"), ("@cmd", 0, "-1"), ("\t=1", None, "plain")]


def test_csv_is_read_back_as_it_was_with_formulas_made_text() -> None:
    with write_csv(HEADER, ROWS) as file:
        rows = list(csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline="")))
    assert rows == [
        list(HEADER), ["'=1+1", "5", ""], ['茶 "x", y', "-3", "'+2"], ["'@cmd", "0", "'-1"], ["'\t=1", "", "plain"],
    ]  # fmt: skip


def test_a_spreadsheet_has_texts_and_numbers_and_no_formulas() -> None:
    with write_xlsx(HEADER, ROWS, "things") as file, zipfile.ZipFile(file) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert 'name="things"' in book.read("xl/workbook.xml").decode()
    assert "<f>" not in sheet
    assert "<t>=1+1</t>" in sheet
    assert "<v>-3</v>" in sheet
    assert sheet.count("<row ") == 1 + len(ROWS)


@pytest.mark.parametrize("kind", list(MEDIA_TYPES))
def test_a_download_has_a_name_and_reads_its_rows_at_once(app: Flask, kind: str) -> None:
    read: list[int] = []

    def rows() -> Iterator[tuple[int]]:
        for number in range(10):
            read.append(number)
            yield (number,)

    with app.test_request_context():
        response = download("cpn_1", kind, ("number",), rows(), sheet="numbers")
    assert read == list(range(10)), "the transaction of the request ends before the body is sent"
    assert response.headers["Content-Disposition"] == f'attachment; filename="cpn_1.{kind}"'
    assert response.mimetype == MEDIA_TYPES[kind]
    response.close()
