"""The boards as their reader keeps them, and the same counted anew from orders and commissions."""

from collections import Counter
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from flask import Flask

from community.boards.rules import PROGRAM, start_of
from core.clock import day_of
from core.db import fetch_all, transaction
from core.events.reading import number_events
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import TestProgram
from tests.jobs import deliver_now, lease_jobs, run_jobs
from tests.threads import together

Sums = dict[tuple[Any, ...], tuple[int, ...]]


def follow(program: TestProgram) -> None:
    """What worker and scheduler do within a few seconds."""
    with transaction(program.id):
        number_events(program.id)
    publish_where_due(program.id, [SCHEDULES["boards.fold"]])
    run_jobs(program.id)


def follow_at_once(app: Flask, program: TestProgram) -> None:
    """The same, but the one delivery of the reader reaches four workers at once, and another one afterwards."""
    with transaction(program.id):
        number_events(program.id)
    publish_where_due(program.id, [SCHEDULES["boards.fold"]])
    (delivery,) = lease_jobs(program.id, "default")
    together(app, *[lambda: deliver_now(delivery)] * 4)
    deliver_now(delivery)
    run_jobs(program.id)


class _Kept(NamedTuple):
    period: str
    starts_on: date
    scope: str
    member_id: UUID
    sales: int
    orders: int
    commission: int


class _KeptDay(NamedTuple):
    day: date
    scope: str
    sales: int
    orders: int
    commission: int


class _KeptCustomer(NamedTuple):
    customer_id: UUID
    first_order_at: datetime
    last_order_at: datetime
    orders: int
    spent: int


class _KeptProduct(NamedTuple):
    day: date
    scope: str
    sku: str
    quantity: int
    sales: int


class _Order(NamedTuple):
    paid_at: datetime
    group_id: str | None
    member_id: UUID | None
    customer_id: UUID | None
    status: str
    left: int


class _Line(NamedTuple):
    paid_at: datetime
    group_id: str | None
    sku: str
    quantity: int
    base: int
    refunded_quantity: int
    refunded_amount: int

    @property
    def left(self) -> tuple[int, int]:
        """Units and money."""
        money = max(0, self.base - self.base * self.refunded_quantity // self.quantity - self.refunded_amount)
        units = self.quantity - self.refunded_quantity
        return (0 if self.base and not money else units), money


class _Earned(NamedTuple):
    paid_at: datetime
    group_id: str | None
    member_id: UUID
    left: int


def kept(program: TestProgram) -> dict[str, Sums]:
    """Everything that is not nothing."""
    with transaction(program.id, read_only=True):
        members = fetch_all(
            _Kept,
            """SELECT period, starts_on, scope, member_id, sales, orders, commission FROM board_sums
               WHERE program_id = %(p)s AND (sales <> 0 OR orders <> 0 OR commission <> 0)""",
            p=program.id,
        )
        days = fetch_all(
            _KeptDay,
            """SELECT day, scope, sales, orders, commission FROM day_sums
               WHERE program_id = %(p)s AND (sales <> 0 OR orders <> 0 OR commission <> 0)""",
            p=program.id,
        )
        customers = fetch_all(
            _KeptCustomer,
            """SELECT customer_id, first_order_at, last_order_at, orders, spent FROM customer_sums
               WHERE program_id = %(p)s""",
            p=program.id,
        )
        products = fetch_all(
            _KeptProduct,
            """SELECT day, scope, sku, quantity, sales FROM product_days
               WHERE program_id = %(p)s AND (quantity <> 0 OR sales <> 0)""",
            p=program.id,
        )
    return {
        "members": {row[:4]: row[4:] for row in members},
        "days": {row[:2]: row[2:] for row in days},
        "customers": {row[:1]: row[1:] for row in customers},  # type: ignore[misc]
        "products": {row[:3]: row[3:] for row in products},
    }


def counted(program: TestProgram, timezone: str) -> dict[str, Sums]:
    """The same from orders and commissions as they stand, one by one."""
    with transaction(program.id, read_only=True):
        orders = fetch_all(
            _Order,
            """SELECT paid_at, group_id, attributed_member_id, customer_id, status, total - refunded FROM orders
               WHERE program_id = %(p)s AND paid_at IS NOT NULL""",
            p=program.id,
        )
        earned = fetch_all(
            _Earned,
            """SELECT o.paid_at, o.group_id, c.member_id, c.amount - c.reversed
               FROM commissions c JOIN orders o ON o.program_id = c.program_id AND o.id = c.order_id
               WHERE c.program_id = %(p)s""",
            p=program.id,
        )
        lines = fetch_all(
            _Line,
            """SELECT o.paid_at, o.group_id, l.sku, l.quantity, l.base, l.refunded_quantity, l.refunded_amount
               FROM order_lines l JOIN orders o ON o.program_id = l.program_id AND o.id = l.order_id
               WHERE l.program_id = %(p)s AND o.paid_at IS NOT NULL""",
            p=program.id,
        )
    members: dict[str, Counter[tuple[Any, ...]]] = {"sales": Counter(), "orders": Counter(), "commission": Counter()}
    days: dict[str, Counter[tuple[Any, ...]]] = {"sales": Counter(), "orders": Counter(), "commission": Counter()}

    def add(measure: str, row: _Order | _Earned, amount: int) -> None:
        day = day_of(row.paid_at, timezone)
        for scope in {PROGRAM, row.group_id or PROGRAM}:
            days[measure][(day, scope)] += amount
            if row.member_id is not None:
                for period in ("day", "week", "month", "all"):
                    members[measure][(period, start_of(period, day), scope, row.member_id)] += amount

    customers: Sums = {}
    for order in orders:
        add("sales", order, order.left)
        add("orders", order, int(order.status != "canceled"))
        if order.customer_id:
            before = customers.get((order.customer_id,), (order.paid_at, order.paid_at, 0, 0))
            customers[(order.customer_id,)] = (
                min(before[0], order.paid_at), max(before[1], order.paid_at),
                before[2] + int(order.status != "canceled"), before[3] + order.left,
            )  # type: ignore[assignment]  # fmt: skip
    for one in earned:
        add("commission", one, one.left)
    return {"members": _together(members), "days": _together(days), "customers": customers,
            "products": _products(lines, timezone)}  # fmt: skip


def _products(lines: list[_Line], timezone: str) -> Sums:
    found: dict[tuple[Any, ...], tuple[int, int]] = {}
    for line in lines:
        units, money = line.left
        for scope in {PROGRAM, line.group_id or PROGRAM}:
            key = (day_of(line.paid_at, timezone), scope, line.sku)
            before = found.get(key, (0, 0))
            found[key] = (before[0] + units, before[1] + money)
    return {key: row for key, row in found.items() if any(row)}


def _together(sums: dict[str, Counter[tuple[Any, ...]]]) -> Sums:
    keys = {key for counter in sums.values() for key in counter}
    rows = {key: (sums["sales"][key], sums["orders"][key], sums["commission"][key]) for key in keys}
    return {key: row for key, row in rows.items() if any(row)}
