"""How many statements orders cost. A query for each row would pass every other test; these numbers are the guard."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from core.clock import frozen_at
from core.db import db
from tests.commission.orders.conftest import COMPLETED_AT, PAID_AT, REFUNDED_AT, Shop, order_body

BATCH = 100
MANY = [{"sku": f"s{number}", "quantity": 2, "unit_price": 100 + number} for number in range(300)]


@pytest.fixture(autouse=True)
def in_april() -> Iterator[None]:
    """What is posted into an earlier month asks whether that is closed, so the day counts."""
    with frozen_at(datetime(2026, 4, 15, tzinfo=UTC)):
        yield


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that the application's connections carry out meanwhile."""
    statements: list[str] = []

    class CountingCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **options: Any) -> Any:
            statements.append(query if isinstance(query, str) else bytes(query).decode())
            return super().execute(query, *args, **options)

        def executemany(self, query: Any, rows: Any, **options: Any) -> None:
            rows = list(rows)
            statements.extend([str(query)] * len(rows))
            super().executemany(query, rows, **options)

    def count(connection: psycopg.Connection[Any], *_: Any) -> None:
        connection.cursor_factory = CountingCursor

    def stop(connection: psycopg.Connection[Any], *_: Any) -> None:
        connection.cursor_factory = psycopg.Cursor

    event.listen(db.engine, "checkout", count)
    event.listen(db.engine, "checkin", stop)
    try:
        yield statements
    finally:
        event.remove(db.engine, "checkout", count)
        event.remove(db.engine, "checkin", stop)


def cost(call: Callable[[], object]) -> int:
    """Statements of a call between BEGIN and COMMIT, and the look-up of its credential."""
    with counted() as statements:
        call()
    counts = [statement for statement in statements if not statement.startswith(("BEGIN", "COMMIT"))]
    assert "api_keys" in counts[0]  # else nothing was counted
    return len(counts)


def test_a_single_order(shop: Shop) -> None:
    shop.order("warm")
    # two of them since there are links: the clicks of the customer, and what the sale adds to traffic; two more since
    # there is an event log: whether the customer bought before, and all that is told; one for a customer who is new
    assert cost(lambda: shop.order("o1")) <= 17
    assert cost(lambda: shop.order("o2", items=MANY)) <= 17
    assert cost(lambda: shop.order("o3", "new")) <= 15
    assert cost(lambda: shop.order("o4", None)) <= 7
    assert cost(lambda: shop.post("/v1/orders", order_body("o1"), 200)) <= 6


def test_a_batch_costs_what_one_order_costs(shop: Shop) -> None:
    shop.order("warm")
    customers = ["c", "b", "a", None, "new", *(f"new-{number}" for number in range(20))]
    orders = [order_body(f"o{number}", customers[number % 25], items=MANY[:30]) for number in range(BATCH)]
    assert cost(lambda: shop.batch(orders)) <= 20
    assert cost(lambda: shop.batch(orders)) <= 2
    assert cost(lambda: shop.batch([*orders[:50], *(order_body(f"p{number}") for number in range(50))])) <= 17


def test_refunds(shop: Shop) -> None:
    # one of them tells the event log, however much there is to tell; so everywhere below
    shop.batch([order_body(f"o{number}", items=MANY[:20]) for number in range(BATCH)])
    items = [{"sku": line["sku"], "quantity": 1} for line in MANY[:20]]
    assert cost(lambda: shop.refund("o0", "r0", items=items)) <= 19
    refunds = [
        {"external_id": f"r{number}", "order_external_id": f"o{number}", "items": items} for number in range(1, BATCH)
    ]
    assert cost(lambda: shop.refunds(refunds)) <= 19
    assert cost(lambda: shop.refunds(refunds)) <= 7


def test_steps(shop: Shop) -> None:
    orders = [f"o{number}" for number in range(BATCH)]
    shop.batch([order_body(name) for name in orders] + [order_body("late", paid_at=None)])
    assert cost(lambda: shop.pay("late", PAID_AT)) <= 22  # one of them has the guard look at it afterwards
    completions = {"orders": [{"external_id": name, "completed_at": COMPLETED_AT} for name in orders]}
    assert cost(lambda: shop.post("/v1/orders/complete-batch", completions)) <= 7
    assert cost(lambda: shop.cancel("o1", REFUNDED_AT)) <= 24


def test_reads(shop: Shop) -> None:
    shop.batch([order_body(f"o{number}", items=MANY[:10]) for number in range(BATCH)])
    assert cost(lambda: shop.shown("o1")) <= 6
    assert cost(lambda: shop.client.get("/v1/orders?limit=100")) <= 6
    assert cost(lambda: shop.explained("o1")) <= 9
    items = {"items": MANY, "customer_external_id": "c"}
    assert cost(lambda: shop.post("/v1/commission-quotes", items)) <= 4
