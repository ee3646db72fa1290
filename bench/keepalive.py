"""Clients that ask again as soon as they are answered: `wrk` where it is installed, else processes with raw sockets."""

import multiprocessing
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from typing import NamedTuple

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_WAIT_SECONDS = 10
Headers = Sequence[tuple[str, str]]


class Run(NamedTuple):
    """What came out of one run; answers with another status than 302 or 201 count as failed."""

    per_second: float
    p99_ms: float
    answers: int
    failed: int


def client_name() -> str:
    """Which client `measure` uses here."""
    return "wrk" if shutil.which("wrk") else "own client"


def measure(port: int, path: str, seconds: float, connections: int, headers: Headers = ()) -> Run:
    """GET the path over and over from that many connections, each kept open, without pipelining."""
    if client_name() == "wrk":
        return _by_wrk(f"http://127.0.0.1:{port}{path}", seconds, connections, headers)
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{name}: {value}" for name, value in headers)]
    return measure_raw(port, ("\r\n".join(lines) + "\r\n\r\n").encode(), seconds, connections)


def wait_until_it_listens(port: int) -> None:
    """Raises: RuntimeError when nobody does within half a minute."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nothing listens on port {port}")


def _by_wrk(url: str, seconds: float, connections: int, headers: Headers) -> Run:
    given = [word for name, value in headers for word in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", *given, url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 -- our own words
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    answers = re.search(r"(\d+) requests in", text)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if not (p99 and rate and answers):
        raise RuntimeError(text)
    return Run(float(rate[1]), float(p99[1]) * _UNITS[p99[2]], int(answers[1]), int(failed[1]) if failed else 0)


def measure_raw(
    port: int, request: bytes, seconds: float, connections: int, ending: bytes = b"\r\n\r\n", processes: int = 1
) -> Run:
    """The same with any prepared request, from processes that share the connections; `ending`: of a whole answer."""
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    share = connections // processes
    workers = [
        context.Process(target=_ask, args=(port, request, seconds, share, ending, results)) for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    parts: list[tuple[list[float], int]] = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    latencies = sorted(one for part, _ in parts for one in part)
    p99 = latencies[int(0.99 * len(latencies))]
    return Run(len(latencies) / seconds, 1000 * p99, len(latencies), sum(failed for _, failed in parts))


def _ask(port, request, seconds, connections, ending, results):  # type: ignore[no-untyped-def]  # runs after a fork
    poll, sockets, asked = select.epoll(), {}, {}
    for _ in range(connections):
        made = socket.create_connection(("127.0.0.1", port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[made.fileno()] = made
        poll.register(made, select.EPOLLIN)
    clock = time.perf_counter
    answers: dict[int, bytes] = {}
    latencies, failed, end = [], 0, clock() + seconds
    for number, one in sockets.items():
        asked[number] = clock()
        one.send(request)
    while (at := clock()) < end:
        for number, _ in poll.poll(_WAIT_SECONDS):
            answer = answers[number] = answers.get(number, b"") + sockets[number].recv(65536)
            if not answer.endswith(ending):
                continue
            answers[number] = b""
            at = clock()
            latencies.append(at - asked[number])
            if answer[9:12] not in {b"302", b"201"}:
                failed += 1
            asked[number] = at
            sockets[number].send(request)
    results.put((latencies, failed))
