"""A hot coupon: claims by 64 clients against one guarded UPDATE of one row by the same clients, durable, in turns.

Both are answered after their commit. The comparison is all that a shop would write by hand: `left = left - 1 WHERE
left > 0`, committed each by itself; a claim also finds the coupon and the customer, counts him and writes his code.
Claims go the way of the endpoint, where those of one moment share a transaction, and for comparison each alone, as
under an Idempotency-Key. Then as many clients sell 1,000 out over HTTP.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from statistics import median
from uuid import UUID

import psycopg
from flask import current_app

from bench.coupon_sale import coupon_terms, sell_out
from bench.environment import measured_app
from core.db import Collision, db, transaction
from core.ids import ExternalRef
from core.programs.service import create_program
from coupons.vouchers.definitions import create_coupon
from coupons.vouchers.gathered_claims import claim_for
from referral.members.service import customers_for

CLIENTS = 64
PROCESSES = 8
SECONDS = 3.0
ROUNDS = 3
CUSTOMERS = 2000
GOAL = 3
BARE = "bare UPDATE of one row"
ALONE = "limit for each, each claim alone"
_PLENTY = 10**9
WAYS = {"no limit for a customer": None, "a limit for each customer": _PLENTY, ALONE: _PLENTY}
_EACH = CLIENTS // PROCESSES
_WARM_UP = 0.5  # of every turn: connections are opened and statements prepared


Unit = Callable[[], object]
MakeUnits = Callable[[ExitStack, str, int], list[Unit]]
"""What the clients of a process do in a turn of that way, given what is to be closed after it and whose number."""


class Crowd:
    """Processes with several clients each, which all begin a turn at the same moment."""

    def __init__(self, make_units: MakeUnits) -> None:
        context = multiprocessing.get_context("fork")
        self._start: Barrier = context.Barrier(PROCESSES + 1)
        self._turns: list[SimpleQueue[str | None]] = [context.SimpleQueue() for _ in range(PROCESSES)]
        self._done: SimpleQueue[int | None] = context.SimpleQueue()
        self._processes = [
            context.Process(target=_work, args=(make_units, n, self._start, turns, self._done), daemon=True)
            for n, turns in enumerate(self._turns)
        ]
        for process in self._processes:
            process.start()

    def rate(self, way: str) -> float:
        """Units a second of all clients together."""
        for turns in self._turns:
            turns.put(way)
        self._start.wait(60)
        counts = [self._done.get() for _ in self._processes]
        if None in counts:
            raise RuntimeError("a client failed; it said why")
        return sum(count or 0 for count in counts) / SECONDS

    def go_home(self) -> None:
        for turns in self._turns:
            turns.put(None)
        for process in self._processes:
            process.join()


def _work(
    make_units: MakeUnits, number: int, start: Barrier, turns: "SimpleQueue[str | None]",
    done: "SimpleQueue[int | None]",
) -> None:  # fmt: skip
    db.engine.dispose(close=False)  # what the parent has open stays its own
    try:
        while (way := turns.get()) is not None:
            with ExitStack() as open_connections:
                units = make_units(open_connections, way, number)
                _all_together(_WARM_UP, units)
                start.wait(60)
                done.put(_all_together(SECONDS, units))
    except BaseException:
        start.abort()
        done.put(None)
        raise


def _bare_unit(open_connections: ExitStack, url: str) -> Unit:
    connection = open_connections.enter_context(psycopg.connect(url, autocommit=True, prepare_threshold=3))
    return lambda: connection.execute(_BARE)


def _claiming(program_id: UUID, coupon_id: UUID, customers: Sequence[str], *, alone: bool) -> Unit:
    mine = cycle(customers)

    def by_itself(name: str) -> None:
        with transaction(program_id):
            claim_for(program_id, coupon_id, ExternalRef(name))

    def together(name: str) -> None:
        try:
            claim_for(program_id, coupon_id, ExternalRef(name))
        except Collision:  # as the endpoint does
            by_itself(name)

    return lambda: (by_itself if alone else together)(next(mine))


def _all_together(seconds: float, units: Sequence[Unit]) -> int:
    """How often all of them together came round, each in a thread of its own."""
    end = time.perf_counter() + seconds
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # threads have no context of their own

    def client(unit: Unit) -> int:
        count = 0
        with app.app_context():
            while time.perf_counter() < end:
                unit()
                count += 1
        return count

    with ThreadPoolExecutor(len(units)) as pool:
        return sum(pool.map(client, units))


_BARE = "UPDATE bare_stock SET left_units = left_units - 1 WHERE id = 1 AND left_units > 0"


def run() -> None:
    with measured_app() as bench:
        with transaction():
            program_id = create_program("bench", "GBP", "UTC")
        with transaction(program_id):
            customers = list(customers_for(program_id, [f"c{n}" for n in range(CUSTOMERS)]))
            coupon_ids = {
                way: create_coupon(program_id, coupon_terms(_PLENTY, limit)).id for way, limit in WAYS.items()
            }
        with psycopg.connect(bench.owner_url) as connection:
            connection.execute("CREATE TABLE bare_stock (id int PRIMARY KEY, left_units bigint NOT NULL)")
            connection.execute("INSERT INTO bare_stock VALUES (1, %s)", (_PLENTY,))
            connection.execute("GRANT SELECT, UPDATE ON bare_stock TO banyan_app")
        url = bench.environment["DATABASE_URL"].replace("postgresql+psycopg", "postgresql")

        def make_units(open_connections: ExitStack, way: str, number: int) -> list[Unit]:
            if way == BARE:
                return [_bare_unit(open_connections, url) for _ in range(_EACH)]
            open_connections.callback(db.engine.dispose)  # the server has room for the clients of one way
            mine = customers[number::PROCESSES]
            return [
                _claiming(program_id, coupon_ids[way], mine[client::_EACH], alone=way == ALONE)
                for client in range(_EACH)
            ]

        crowd = Crowd(make_units)
        try:
            _compare(crowd, [BARE, *coupon_ids])
        finally:
            crowd.go_home()
        sell_out(bench, program_id)


def _compare(crowd: Crowd, ways: Sequence[str]) -> None:
    rates = {way: [] for way in ways}  # type: dict[str, list[float]]
    for _ in range(ROUNDS):
        for way in ways:
            rates[way].append(crowd.rate(way))
    base = median(rates[BARE])
    print(f"  {CLIENTS} clients in {PROCESSES} processes, median of {ROUNDS} rounds of {SECONDS:.0f} s in turns:")
    for way in ways:
        rate = median(rates[way])
        name = way if way == BARE else f"claims, {way}"
        print(f"  {name:42} {rate:8,.0f}/s  {rate / base:4.1f} x  ({min(rates[way]):,.0f}–{max(rates[way]):,.0f})")
    print(f"  (goal: claims at least {GOAL} x)")
