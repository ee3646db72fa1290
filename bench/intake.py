"""Batch intake of the real orders, from parsed rows, against plain COPY of the very rows it wrote."""

import os
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from bench.environment import measured_app, peak_memory_mib, timed
from commission.orders.intake import Outcome, place_orders
from commission.orders.new_order import NewOrder
from commission.plans.service import publish_plan
from core.auth.actor import Actor, ActorKind, Program
from core.auth.service import program_of
from core.db import execute, transaction
from core.programs.service import create_program
from demo.retail import RetailFolder
from referral.members.service import customers_for

DATA = Path(os.environ.get("DATA", "../shared/data/online_retail"))
BATCH = 500
ROUNDS = 3

# in the order of their foreign keys
TABLES = (
    "orders", "order_lines", "commissions", "ledger_transactions", "ledger_postings", "member_balances", "team_deltas",
)  # fmt: skip

FILLED_BY_TRIGGER = "ledger_unsealed"  # so COPY fills it too


def run() -> None:
    """Print both times for each round and the ratio of their medians."""
    retail = RetailFolder(DATA)
    orders = list(retail.orders())
    lines = sum(len(order.items) for order in orders)
    print(f"{len(orders)} orders, {lines} lines, batches of {BATCH}, {ROUNDS} rounds")
    rounds = [_round(retail, orders) for _ in range(ROUNDS)]
    seconds, copy = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"intake {len(orders) / seconds:,.0f} orders/s, {lines / seconds:,.0f} lines/s")
    print(f"intake : COPY = {seconds / copy:.1f} (goal: at most 5) · peak memory {peak_memory_mib()} MiB")


def _round(retail: RetailFolder, orders: Sequence[NewOrder]) -> tuple[float, float]:
    """Seconds of intake and of COPY, on a database of their own."""
    with measured_app() as bench:
        program = make_program(retail)
        intake = timed(partial(_take_in, program, orders, Outcome.CREATED))
        again = timed(partial(_take_in, program, orders, Outcome.EXISTS))
        copy = _copy_again(bench.owner_url, program.id)
    print(f"  intake {intake:.2f} s · the same again {again:.2f} s · COPY {copy:.2f} s", flush=True)
    return intake, copy


def make_program(retail: RetailFolder) -> Program:
    """A program with the real tree and a plan of 8 % and 4 %."""
    with transaction():
        program_id = create_program("bench", "GBP", "Europe/London")
    with transaction(program_id):
        program = program_of(program_id)
        levels = {"levels": [{"rate_bps": 800}, {"rate_bps": 400}]}
        publish_plan(Actor(program, ActorKind.STAFF, uuid4()), "plan", datetime(2000, 1, 1, tzinfo=UTC), levels)
        _plant(program_id, retail)
    return program


def _plant(program_id: UUID, retail: RetailFolder) -> None:
    pairs = [(one.external_id, one.inviter) for one in retail.members() if one.inviter]
    ids = customers_for(program_id, [one.external_id for one in retail.members()])
    execute(
        """UPDATE members m SET inviter_id = t.inviter
           FROM unnest(%(members)s::uuid[], %(inviters)s::uuid[]) AS t (id, inviter)
           WHERE m.program_id = %(program_id)s AND m.id = t.id""",
        program_id=program_id, members=[ids[member] for member, _ in pairs], inviters=[ids[i] for _, i in pairs],
    )  # fmt: skip


def _take_in(program: Program, orders: Sequence[NewOrder], expected: Outcome) -> None:
    for start in range(0, len(orders), BATCH):
        with transaction(program.id):
            placed = place_orders(program, orders[start : start + BATCH])
        if any(one.outcome is not expected for one in placed):
            raise RuntimeError(f"an order was not {expected}")


def _copy_again(url: str, program_id: UUID) -> float:
    """Empty the tables and COPY their rows back in, as the owner and without any work beside."""
    with psycopg.connect(url) as connection:
        rows = {table: _copied_out(connection, table, program_id) for table in TABLES}
        _empty(connection)
        return timed(partial(_copy_in, connection, rows))


def _copied_out(connection: psycopg.Connection[tuple[object, ...]], table: str, program_id: UUID) -> list[bytes]:
    with connection.cursor().copy(f"COPY (SELECT * FROM {table} WHERE program_id = '{program_id}') TO STDOUT") as copy:
        return [bytes(block) for block in copy]


def _empty(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Fresh files, as they were before intake; append-only tables refuse it unless their triggers are off."""
    for table in TABLES:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    connection.execute(f"TRUNCATE {', '.join(TABLES)}, {FILLED_BY_TRIGGER} CASCADE")
    for table in TABLES:
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    connection.commit()


def _copy_in(connection: psycopg.Connection[tuple[object, ...]], rows: dict[str, list[bytes]]) -> None:
    for table in TABLES:
        with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for block in rows[table]:
                copy.write(block)
    connection.commit()
