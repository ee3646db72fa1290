"""64 clients in 8 processes who all begin at the same moment, and the bare UPDATE they are compared with."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from statistics import median

import psycopg
from flask import current_app

from bench.environment import BenchApp
from core.db import db

CLIENTS = 64
PROCESSES = 8
EACH = CLIENTS // PROCESSES
SECONDS = 3.0
ROUNDS = 3
BARE = "bare UPDATE of one row"
PLENTY = 10**9
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


def make_bare_stock(bench: BenchApp) -> None:
    """The one row that bare clients take from."""
    with psycopg.connect(bench.owner_url) as connection:
        connection.execute("CREATE TABLE bare_stock (id int PRIMARY KEY, left_units bigint NOT NULL)")
        connection.execute("INSERT INTO bare_stock VALUES (1, %s)", (PLENTY,))
        connection.execute("GRANT SELECT, UPDATE ON bare_stock TO banyan_app")


def bare_units(open_connections: ExitStack, bench: BenchApp) -> list[Unit]:
    """The clients of a process who each take one unit by one guarded UPDATE, over and over."""
    url = bench.environment["DATABASE_URL"].replace("postgresql+psycopg", "postgresql")
    return [_bare_unit(open_connections, url) for _ in range(EACH)]


def _bare_unit(open_connections: ExitStack, url: str) -> Unit:
    connection = open_connections.enter_context(psycopg.connect(url, autocommit=True, prepare_threshold=3))
    return lambda: connection.execute(_BARE)


_BARE = "UPDATE bare_stock SET left_units = left_units - 1 WHERE id = 1 AND left_units > 0"


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


def compare(crowd: Crowd, ways: Sequence[str], goal: int) -> None:
    """Print the rate of every way, in turns, beside that of the first."""
    rates = {way: [] for way in ways}  # type: dict[str, list[float]]
    for _ in range(ROUNDS):
        for way in ways:
            rates[way].append(crowd.rate(way))
    base = median(rates[ways[0]])
    print(f"  {CLIENTS} clients in {PROCESSES} processes, median of {ROUNDS} rounds of {SECONDS:.0f} s in turns:")
    for way in ways:
        rate = median(rates[way])
        name = way if way == ways[0] else f"claims, {way}"
        print(f"  {name:42} {rate:8,.0f}/s  {rate / base:4.1f} x  ({min(rates[way]):,.0f}–{max(rates[way]):,.0f})")
    print(f"  (goal: claims at least {goal} x)")
