"""A load generator: processes that post prepared bodies over one kept-alive connection each."""

import http.client
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of requests took."""

    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Milliseconds within which that share of the requests was answered."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def post_all(
    port: int, path: str, bodies: Sequence[bytes], clients: int, headers: dict[str, str], expected: int
) -> Load:
    """Post every body once, shared among `clients` processes that start together.

    Raises:
        RuntimeError: an answer had another status.
    """
    context = multiprocessing.get_context("fork")
    start = context.Barrier(clients + 1)
    results = context.SimpleQueue()
    workers = [
        context.Process(target=_client, args=(port, path, bodies[n::clients], headers, expected, start, results))
        for n in range(clients)
    ]
    for worker in workers:
        worker.start()
    start.wait()
    began = time.perf_counter()
    answers = [results.get() for _ in workers]
    seconds = time.perf_counter() - began
    for worker in workers:
        worker.join()
    failures = [answer for answer in answers if isinstance(answer, str)]
    if failures:
        raise RuntimeError(failures[0])
    return Load(seconds, [latency for answer in answers for latency in answer])


def _client(port, path, bodies, headers, expected, start, results):  # type: ignore[no-untyped-def]  # runs after a fork
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()
    start.wait()
    latencies = []
    for body in bodies:
        began = time.perf_counter()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        latencies.append(time.perf_counter() - began)
        if answer.status != expected:
            results.put(f"{answer.status}: {text[:300]!r}")
            return
    results.put(latencies)
