"""Redirects beside a bare WSGI 302 and a Flask hello-world 302: same server, same client, the shipper running.

All are served as `make run` serves clicks with CLICKS_PORT; REDIRECT_THREADS=2 is how the web does it. Short rounds in
turn, so that a noisy machine hits all of them. A visitor comes for the first time, without a cookie, as most do; those
who come again are measured beside. Requests a second and CPU time a request of the server both count: on a busy machine
only the latter is worth comparing.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import NamedTuple
from uuid import UUID

from flask import Flask

from bench.clicks import cpu_seconds
from bench.environment import descendants, measured_app
from bench.keepalive import Run, client_name, measure, measure_raw, wait_until_it_listens
from core.auth import keys
from core.db import scalar, transaction
from core.programs.service import create_program
from core.servers.roster import CLICKS_THREADS, granian

ROUNDS = int(os.environ.get("REDIRECT_ROUNDS", "9"))
THREADS = int(os.environ.get("REDIRECT_THREADS", str(CLICKS_THREADS)))  # of every server
SECONDS = float(os.environ.get("REDIRECT_SECONDS", "2"))
CONNECTIONS = 32
_PATIENCE_SECONDS = 120
WORKERS = 1  # one, so that the client has a core of its own where there are two
OURS, BARE, FLASK = 18410, 18411, 18412
SERVERS = {OURS: "coupons.clicks.web:app", BARE: "bench.bare_redirect:bare_app", FLASK: "bench.bare_redirect:flask_app"}
FIRST, AGAIN = "banyan", "banyan, cookie"
PORTS = {FIRST: OURS, "bare": BARE, "flask": FLASK, AGAIN: OURS}
_COOKIE = ("Cookie", "bv=AAAAAAAAAAAAAAAAAAAAAA")
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)


class _Prepared(NamedTuple):
    program_id: UUID
    code: str
    key: str


class _Timed(NamedTuple):
    """A round, and the CPU time of the server for each of its answers."""

    run: Run
    cpu_microseconds: float


def run() -> None:
    """Print requests a second and p99 of the three, the ratios, clicks over the API, and that no click is missing."""
    with measured_app() as bench, ExitStack() as running:
        made = _prepare(bench.app)
        servers = {
            port: running.enter_context(_server(target, port, bench.environment)) for port, target in SERVERS.items()
        }
        running.enter_context(_process([sys.executable, "-m", "coupons.clicks.shipper"], bench.environment))
        print(
            f"{client_name()}, {CONNECTIONS} connections, {WORKERS} process, {THREADS} threads, the shipper running;"
            f" load of the machine {os.getloadavg()[0]:.1f}"
        )
        rounds = _compare(f"/r/{made.code}", servers)
        api = _clicks_over_api(made, servers[OURS])
        ours = [*rounds[FIRST], *rounds[AGAIN], *api]
        answered = sum(one.run.answers - one.run.failed for one in ours)
        _print(rounds | {"POST /v1/clicks": api})
        _print_ratios(rounds)
        _count(made.program_id, answered)


def _prepare(app: Flask) -> _Prepared:
    with transaction():
        program_id = create_program("bench", "CNY", "Asia/Shanghai")
        _, secret = keys.create_key(program_id, name="bench")
        _, publishable = keys.create_key(program_id, kind="publishable", name="bench")
    client, headers = app.test_client(), {"Authorization": f"Bearer {secret}"}
    client.post("/v1/members", json={"external_id": "ada"}, headers=headers)
    link = {"member_external_id": "ada", "destination_url": "https://shop.example/tea?utm_source=ada"}
    made = client.post("/v1/links", json=link, headers=headers)
    return _Prepared(program_id, made.json["code"], publishable)  # type: ignore[index]


def _compare(path: str, servers: Mapping[int, int]) -> dict[str, list[_Timed]]:
    """All of them in turn, the first time to warm up."""
    rounds: dict[str, list[_Timed]] = {name: [] for name in PORTS}
    for number in range(ROUNDS + 1):
        for name, port in PORTS.items():
            headers = [("User-Agent", BROWSER), *([_COOKIE] if name == AGAIN else [])]
            seconds = SECONDS if number else 1
            rounds[name].append(_timed(servers[port], partial(measure, port, path, seconds, CONNECTIONS, headers)))
    return rounds


def _timed(server: int, work: Callable[[], Run]) -> _Timed:
    before = _cpu_seconds_below(server)
    run = work()
    return _Timed(run, 1e6 * (_cpu_seconds_below(server) - before) / run.answers)


def _cpu_seconds_below(server: int) -> float:
    """CPU seconds so far of a server and its workers."""
    return cpu_seconds(server) + sum(map(cpu_seconds, descendants(server)))


def _clicks_over_api(made: _Prepared, server: int) -> list[_Timed]:
    body = json.dumps({"code": made.code, "visitor_id": "v-1"})
    head = [
        "POST /v1/clicks HTTP/1.1", f"Host: 127.0.0.1:{OURS}", f"Authorization: Bearer {made.key}",
        "Content-Type: application/json", f"Content-Length: {len(body)}", f"User-Agent: {BROWSER}",
    ]  # fmt: skip
    request = ("\r\n".join(head) + "\r\n\r\n" + body).encode()
    rounds = [1.0, *(SECONDS for _ in range(min(ROUNDS, 3)))]
    return [_timed(server, partial(measure_raw, OURS, request, one, CONNECTIONS, b"}")) for one in rounds]


def _print(rounds: Mapping[str, list[_Timed]]) -> None:
    for name, measured in rounds.items():
        timed = measured[1:]  # the first was to warm up
        each = " ".join(f"{one.run.per_second:,.0f}" for one in timed)
        rate, p99, cpu = (
            statistics.median(column)
            for column in zip(
                *((one.run.per_second, one.run.p99_ms, one.cpu_microseconds) for one in timed), strict=True
            )
        )
        failed = sum(one.run.failed for one in measured)
        print(
            f"  {name:15} {rate:8,.0f}/s  p99 {p99:6.2f} ms  CPU {cpu:5.1f} µs each  (rounds: {each})"
            f"{f'  {failed} FAILED' if failed else ''}"
        )


def _print_ratios(rounds: Mapping[str, list[_Timed]]) -> None:
    """Of the medians, and the median of the rounds' own: where they differ, the machine was not quiet."""
    for name, goal in (("bare", "0.6"), ("flask", "4")):
        ours, theirs = rounds[FIRST][1:], rounds[name][1:]
        medians = _rate(ours) / _rate(theirs)
        pairs = list(zip(ours, theirs, strict=True))
        each = statistics.median(one.run.per_second / other.run.per_second for one, other in pairs)
        by_cpu = statistics.median(other.cpu_microseconds / one.cpu_microseconds for one, other in pairs)
        print(
            f"  banyan : {name} = {medians:.2f} of medians, {each:.2f} round by round, {by_cpu:.2f} by CPU time "
            f"(goal: at least {goal})"
        )


def _rate(timed: Sequence[_Timed]) -> float:
    return statistics.median(one.run.per_second for one in timed)


def _count(program_id: UUID, answered: int) -> None:
    """Wait until everything was shipped; what a client did not wait for at its end was recorded as well."""
    began, stored, before = time.perf_counter(), 0, -1
    while stored > before or stored < answered:
        if time.perf_counter() - began > _PATIENCE_SECONDS:
            break
        before = stored
        time.sleep(1)
        with transaction(program_id, read_only=True):
            stored = scalar("SELECT count(*) FROM clicks WHERE program_id = %(p)s", p=program_id)
    print(f"  {answered:,} clicks answered, {stored:,} stored {time.perf_counter() - began:.0f} s after the last")


def _server(target: str, port: int, environment: Mapping[str, str]) -> AbstractContextManager[int]:
    """The target under granian as `make run` starts processes for clicks."""
    return _process(granian(target, "127.0.0.1", port, WORKERS, THREADS), environment, port)


@contextmanager
def _process(command: list[str], environment: Mapping[str, str], port: int | None = None) -> Iterator[int]:
    """Gives its id."""
    process = subprocess.Popen(command, env=os.environ | environment)  # noqa: S603 -- our own command line
    try:
        if port is not None:
            wait_until_it_listens(port)
        yield process.pid
    finally:
        process.terminate()
        process.wait()
