"""The reader of the Online Retail folder."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demo.retail import MEMBERS, ORDER_ITEMS, REFUND_ITEMS, RetailFolder, SourceError
from tests.demo.conftest import write_file

PAID = "2010-12-01T08:26:00Z"
LINES = [
    ["1", "7", PAID, "x", "goods", "6", "255"],
    ["1", "7", PAID, "x", "goods", "1", "339"],
    ["1", "7", PAID, "POST", "service", "1", "1800"],
    ["2", "", "2010-12-03T00:00:00Z", "y", "", "2", "0"],
]
REFUNDS = [
    ["C9", "1", "x", "255", "2", "2010-12-05T00:00:00Z"],
    ["C9", "2", "y", "0", "1", "2010-12-05T00:00:00Z"],
    ["C9", "1", "x", "339", "1", "2010-12-05T00:00:00Z"],
]


@pytest.fixture
def folder(tmp_path: Path) -> RetailFolder:
    write_file(tmp_path, MEMBERS, [["7", "", "2010-11-01T00:00:00Z"], ["8", "7", "2010-11-02T00:00:00Z"]])
    write_file(tmp_path, ORDER_ITEMS, LINES)
    write_file(tmp_path, REFUND_ITEMS, REFUNDS)
    return RetailFolder(tmp_path)


def test_rows_of_one_number_are_one_order(folder: RetailFolder) -> None:
    first, second = folder.orders()
    assert (first.external_id, first.customer_external_id, first.currency) == ("1", "7", "GBP")
    assert first.paid_at == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    assert [(line.sku, line.quantity, line.unit_price, line.category) for line in first.items] == [
        ("x", 6, 255, "goods"), ("x", 1, 339, "goods"), ("POST", 1, 1800, "service"),
    ]  # fmt: skip
    assert (second.customer_external_id, second.items[0].category) == (None, None)


def test_a_guests_order_has_no_customer(folder: RetailFolder) -> None:
    assert [order.customer_external_id for order in folder.orders()] == ["7", None]


def test_the_parts_of_a_refund_number_are_refunds_of_their_own(folder: RetailFolder) -> None:
    first, second = folder.refunds()
    assert (first.external_id, first.order_no) == ("C9/1", "1")
    assert first.items == [
        {"sku": "x", "unit_price": 255, "quantity": 2}, {"sku": "x", "unit_price": 339, "quantity": 1},
    ]  # fmt: skip
    assert (second.external_id, second.order_no) == ("C9/2", "2")


def test_members_know_their_inviters(folder: RetailFolder) -> None:
    assert [(member.external_id, member.inviter) for member in folder.members()] == [("7", None), ("8", "7")]


def test_the_extent_counts_without_reading_it_all_in(folder: RetailFolder) -> None:
    extent = folder.extent()
    assert (extent.members, extent.orders, extent.lines, extent.refunds) == (2, 2, 4, 2)
    assert extent.last_paid_at == datetime(2010, 12, 3, tzinfo=UTC)


def test_orders_are_read_one_by_one(folder: RetailFolder) -> None:
    damaged = gzip.compress(gzip.decompress((folder.path / ORDER_ITEMS).read_bytes()) + b"3,7\r\n")
    (folder.path / ORDER_ITEMS).write_bytes(damaged)
    orders = folder.orders()
    assert next(orders).external_id == "1"
    with pytest.raises(SourceError, match="line 6"):
        list(orders)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "is not there"),
        (lambda path: path.write_bytes(b"order_no,member"), "cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:-12]), "cannot be read"),
        (lambda path: path.write_bytes(gzip.compress(b"a,b\n")), "columns"),
        (lambda path: write_file(path.parent, ORDER_ITEMS, []), "no order"),
        (lambda path: write_file(path.parent, ORDER_ITEMS, [["1", "", "never", "x", "", "1", "1"]]), "never"),
    ],
)
def test_a_folder_that_is_not_the_data_is_named(folder: RetailFolder, spoil: object, reason: str) -> None:
    spoil(folder.path / ORDER_ITEMS)  # type: ignore[operator]
    with pytest.raises(SourceError, match=reason):
        folder.extent()


def test_a_quantity_that_is_no_number_is_refused(folder: RetailFolder) -> None:
    write_file(folder.path, ORDER_ITEMS, [["1", "7", PAID, "x", "goods", "six", "255"]])
    with pytest.raises(SourceError, match="order 1"):
        list(folder.orders())
