"""Redirects beside a bare WSGI 302 and a Flask hello-world 302: same server, same client, the shipper running."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NamedTuple
from uuid import UUID

from flask import Flask

from bench.environment import measured_app
from bench.keepalive import Run, client_name, measure, measure_raw, wait_until_it_listens
from config.settings import load
from core.auth import keys
from core.db import scalar, transaction
from core.programs.service import create_program

ROUNDS = int(os.environ.get("REDIRECT_ROUNDS", "5"))
SECONDS = float(os.environ.get("REDIRECT_SECONDS", "3"))
CONNECTIONS = 32
_PATIENCE_SECONDS = 120
WORKERS = 1  # one, so that the client has a core of its own where there are two
OURS, BARE, FLASK = 18410, 18411, 18412
TARGETS = {"banyan": ("wsgi:app", OURS), "bare": ("bench.bare_redirect:bare_app", BARE),
           "flask": ("bench.bare_redirect:flask_app", FLASK)}  # fmt: skip
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)


class _Prepared(NamedTuple):
    program_id: UUID
    code: str
    key: str


def run() -> None:
    """Print requests a second and p99 of the three, the ratios, clicks over the API, and that no click is missing."""
    with measured_app() as bench, ExitStack() as running:
        made = _prepare(bench.app)
        threads = load(bench.environment).web_threads
        for target, port in TARGETS.values():
            running.enter_context(_server(target, port, threads, bench.environment))
        running.enter_context(_process([sys.executable, "-m", "coupons.clicks.shipper"], bench.environment))
        print(
            f"{client_name()}, {CONNECTIONS} connections, {WORKERS} process with {threads} threads, the shipper running"
        )
        runs = _compare(f"/r/{made.code}")
        api = _clicks_over_api(made)
        answered = sum(one.answers - one.failed for one in (*runs["banyan"], *api))
        _print(runs, api)
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


def _compare(path: str) -> dict[str, list[Run]]:
    """The three in turn, so that a noisy machine hits all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in TARGETS}
    for number in range(ROUNDS + 1):
        for name, (_, port) in TARGETS.items():
            one = measure(port, path, SECONDS if number else 1, CONNECTIONS, [("User-Agent", BROWSER)])
            runs[name].append(one)
    return runs


def _clicks_over_api(made: _Prepared) -> list[Run]:
    body = json.dumps({"code": made.code, "visitor_id": "v-1"})
    head = [
        "POST /v1/clicks HTTP/1.1", f"Host: 127.0.0.1:{OURS}", f"Authorization: Bearer {made.key}",
        "Content-Type: application/json", f"Content-Length: {len(body)}", f"User-Agent: {BROWSER}",
    ]  # fmt: skip
    request = ("\r\n".join(head) + "\r\n\r\n" + body).encode()
    rounds = [1.0, *(SECONDS for _ in range(ROUNDS))]
    return [measure_raw(OURS, request, seconds, CONNECTIONS, b"}") for seconds in rounds]


def _print(runs: Mapping[str, list[Run]], api: list[Run]) -> None:
    rates = {name: statistics.median(one.per_second for one in measured[1:]) for name, measured in runs.items()}
    for name, measured in (*runs.items(), ("POST /v1/clicks", api)):
        timed = measured[1:]  # the first was to warm up
        each = " ".join(f"{one.per_second:,.0f}" for one in timed)
        rate, p99 = (statistics.median(column) for column in list(zip(*timed, strict=True))[:2])
        failed = sum(one.failed for one in measured)
        print(
            f"  {name:15} {rate:8,.0f}/s  p99 {p99:6.2f} ms  (rounds: {each}){f'  {failed} FAILED' if failed else ''}"
        )
    ours = rates["banyan"]
    print(f"  banyan : bare = {ours / rates['bare']:.2f} (goal: at least 0.6)")
    print(f"  banyan : Flask = {ours / rates['flask']:.1f} (goal: at least 4)")


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


def _server(target: str, port: int, threads: int, environment: Mapping[str, str]) -> AbstractContextManager[None]:
    """The target under granian as `make run` starts it, but for the number of processes."""
    words = ["--interface", "wsgi", "--no-ws", "--host", "127.0.0.1", "--port", str(port), "--workers", str(WORKERS),
             "--blocking-threads", str(threads), "--log-level", "error", target]  # fmt: skip
    return _process([sys.executable, "-m", "granian", *words], environment, port)


@contextmanager
def _process(command: list[str], environment: Mapping[str, str], port: int | None = None) -> Iterator[None]:
    process = subprocess.Popen(command, env=os.environ | environment)  # noqa: S603 -- our own command line
    try:
        if port is not None:
            wait_until_it_listens(port)
        yield
    finally:
        process.terminate()
        process.wait()
