"""Orders over HTTP: batches a second, and single orders against a bare Flask route that inserts one row."""

import os
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psycopg

from bench.environment import measured_app, peak_of
from bench.intake import BATCH, DATA, make_program
from bench.load import Load, post_all
from commission.orders.new_order import NewOrder
from config import settings
from core.auth import keys
from core.db import transaction
from core.servers.roster import granian
from demo.retail import RetailFolder

SINGLES = 1000
ROUNDS = 3
OURS, BARE = 18400, 18401
_encode = msgspec.json.Encoder().encode


def run() -> None:
    """Print batch intake, and the two routes side by side with 1 and 8 clients."""
    retail = RetailFolder(DATA)
    orders = list(retail.orders())
    with measured_app() as bench:
        program = make_program(retail)
        with transaction(program.id):
            _, key = keys.create_key(program.id, name="bench")
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        with psycopg.connect(bench.owner_url) as connection:  # here: two workers at once would trip over each other
            connection.execute(
                "CREATE TABLE bare_orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body jsonb)"
            )
        bare = bench.environment | {"BARE_DATABASE": bench.owner_url}
        with _server("wsgi:app", OURS, bench.environment) as ours, _server("bench.bare:app", BARE, bare):
            _batches(orders, headers)
            for clients in (1, 8):
                _compare(orders, headers, clients)
            print(f"peak memory of the web's processes: {_memory(ours)}")


def _batches(orders: Sequence[NewOrder], headers: dict[str, str]) -> None:
    bodies = [_encode({"orders": orders[start : start + BATCH]}) for start in range(0, len(orders), BATCH)]
    load = post_all(OURS, "/v1/orders/batch", bodies, 2, headers, 200)
    lines = sum(len(order.items) for order in orders)
    print(
        f"batches of {BATCH} from 2 clients: {len(orders) / load.seconds:,.0f} orders/s,"
        f" {lines / load.seconds:,.0f} lines/s (goal: at least 500 orders/s with {lines / len(orders):.0f} lines each)"
    )


def _compare(orders: Sequence[NewOrder], headers: dict[str, str], clients: int) -> None:
    """Single orders of the real sizes, each new; the two routes in turn, so that a noisy machine hits both."""
    loads: dict[int, list[Load]] = {OURS: [], BARE: []}
    for number in range(ROUNDS):
        bodies = [
            _encode(msgspec.structs.replace(order, external_id=f"{order.external_id}/{clients}/{number}"))
            for order in orders[:SINGLES]
        ]
        for port, path in ((BARE, "/orders"), (OURS, "/v1/orders")):
            loads[port].append(post_all(port, path, bodies, clients, headers, 201))
    ours, bare = _median(loads[OURS]), _median(loads[BARE])
    print(f"single orders, {clients} client(s), median of {ROUNDS} rounds of {SINGLES}:")
    for name, load in (("banyan", ours), ("bare route", bare)):
        print(
            f"  {name:10} {load.per_second:7,.0f}/s"
            f"  p50 {load.percentile(0.5):.2f} ms  p99 {load.percentile(0.99):.2f} ms"
        )
    print(f"  banyan : bare = {ours.seconds / bare.seconds:.1f} (goal: at most 6)")


def _median(loads: Sequence[Load]) -> Load:
    middle = statistics.median_low([load.seconds for load in loads])
    return next(load for load in loads if load.seconds == middle)


@contextmanager
def _server(target: str, port: int, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The target under granian with 2 processes, and as many threads in each as the product takes here."""
    threads = settings.load(environment).web_threads
    command = granian(target, "127.0.0.1", port, 2, threads)
    process = subprocess.Popen(command, env=os.environ | environment)  # noqa: S603 -- our own command line
    try:
        _wait_until_it_answers(port)
        yield process
    finally:
        process.terminate()
        process.wait()


def _wait_until_it_answers(port: int) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nothing answers on port {port}")


def _memory(server: subprocess.Popen[bytes]) -> str:
    """Peak resident memory of the server's processes."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii").split()
    return ", ".join(f"{peak_of(int(pid))[0]} MiB" for pid in (str(server.pid), *children))
