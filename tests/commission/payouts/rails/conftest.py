"""A real sandbox server per need, and a stub that answers any bytes. Nothing here is shared with another test run."""

import itertools
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

import commission
from commission.payouts.rails.protocol import Timeouts, TransferRequest
from commission.payouts.rails.sandbox.client import SandboxRail
from core.servers.processes import set_death_signal

REPOSITORY = Path(commission.__file__).parents[1]
SHORT = ("--slow-seconds", "0.8", "--processing-seconds", "0.4", "--return-seconds", "0.4")
_numbers = itertools.count(1)


class Sandbox:
    """One sandbox server process on a folder of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.options = folder, options
        self.address_file = folder / "run" / "sandbox.json"
        self.http = httpx.Client(timeout=15, trust_env=False, limits=httpx.Limits(max_connections=None))
        self.start()

    def start(self) -> None:
        module = [sys.executable, "-m", "commission.payouts.rails.sandbox.server"]
        places = ["--data-dir", str(self.folder / "sandbox"), "--address-file", str(self.address_file)]
        self.log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            [*module, *places, *SHORT, *self.options],
            cwd=REPOSITORY,
            stdout=self.log,
            stderr=self.log,
            preexec_fn=partial(set_death_signal, signal.SIGKILL),  # noqa: PLW1509 - one call, nothing is imported
        )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.url = orjson.loads(self.address_file.read_bytes())["url"]
                self.http.get(f"{self.url}/faults", timeout=0.5)
            except (OSError, ValueError, httpx.TransportError):
                time.sleep(0.02)
            else:
                return
        raise RuntimeError((self.folder / "server.log").read_text())

    def kill(self) -> None:
        """kill -9, whatever it is doing."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.log.close()

    def call(self, method: str, path: str, body: object = None, **options: Any) -> httpx.Response:
        content = None if body is None else orjson.dumps(body)
        options.setdefault("headers", {"Content-Type": "application/json"})
        return self.http.request(method, self.url + path, content=content, **options)

    def faults(self, **probabilities: float) -> None:
        assert self.call("PUT", "/faults", probabilities).status_code == 200

    def post(self, body: object) -> httpx.Response:
        return self.call("POST", "/transfers", body)

    def book(self) -> list[dict[str, Any]]:
        transfers: list[dict[str, Any]] = self.call("GET", "/book").json()["transfers"]
        return transfers

    def booked(self, key: str) -> list[dict[str, Any]]:
        return [transfer for transfer in self.book() if transfer["key"] == key]


class Stub:
    """Accepts connections, reads one request each, answers the bytes it was given; RESET ends them without a word."""

    RESET = b"RESET"

    def __init__(self, answer: bytes, *, piece_seconds: float = 0) -> None:
        self.answer, self.piece_seconds, self.calls = answer, piece_seconds, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.calls += 1
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.recv(65_536)
        if self.answer == self.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        pieces = [self.answer] if not self.piece_seconds else [bytes([byte]) for byte in self.answer]
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(self.piece_seconds)
        except OSError:
            return  # the caller has had enough


@pytest.fixture
def new_sandbox(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Starts servers of the test's own."""
    started: list[Sandbox] = []

    def start(*options: str, name: str = "one") -> Sandbox:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        started.append(Sandbox(folder, *options))
        return started[-1]

    yield start
    for sandbox in started:
        sandbox.kill()


@pytest.fixture(scope="session")
def _shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("sandbox"))
    yield sandbox
    sandbox.kill()


@pytest.fixture
def sandbox(_shared_sandbox: Sandbox) -> Sandbox:
    """A running server without faults; its book has other tests' transfers too."""
    _shared_sandbox.faults()
    return _shared_sandbox


@pytest.fixture
def stub() -> Iterator[Callable[..., Stub]]:
    """Makes servers that answer what they are told."""
    made: list[Stub] = []

    def make(answer: bytes, **options: Any) -> Stub:
        made.append(Stub(answer, **options))
        return made[-1]

    yield make
    for one in made:
        one.listener.close()


class Address:
    """A base URL that can be changed under a client."""

    def __init__(self) -> None:
        self.ask: Callable[[], str] = str

    def __call__(self) -> str:
        return self.ask()


@pytest.fixture(scope="session")
def _rails() -> Iterator[dict[Timeouts, tuple[SandboxRail, Address]]]:
    """One client for each set of time-outs, as in a process that lives; to make one takes longer than most tests."""
    rails: dict[Timeouts, tuple[SandboxRail, Address]] = {}
    yield rails
    for rail, _ in rails.values():
        rail.close()


@pytest.fixture
def rail_at(_rails: dict[Timeouts, tuple[SandboxRail, Address]]) -> Callable[..., SandboxRail]:
    """A client of an address; asked again with the same time-outs in one test, it moves to the new address."""

    def at(url: str | Callable[[], str], read_seconds: float = 5, total_seconds: float = 10) -> SandboxRail:
        timeouts = Timeouts(1, read_seconds, total_seconds)
        if timeouts not in _rails:
            address = Address()
            _rails[timeouts] = SandboxRail(address, timeouts), address
        rail, address = _rails[timeouts]
        address.ask = url if callable(url) else lambda: url
        return rail

    return at


@pytest.fixture
def new_request() -> Callable[..., TransferRequest]:
    """Makes requests under fresh keys."""

    def make(**content: Any) -> TransferRequest:
        body = {"key": f"K{os.getpid()}n{next(_numbers)}", "account": "6222000011112222", "account_name": "王小明"}
        return TransferRequest(**{**body, "amount": 1999, "currency": "CNY", **content})

    return make


@pytest.fixture
def new_body(new_request: Callable[..., TransferRequest]) -> Callable[..., dict[str, Any]]:
    """Makes bodies of POST /transfers under fresh keys."""

    def make(**content: Any) -> dict[str, Any]:
        request = new_request(**content)
        return {name: getattr(request, name) for name in request.__slots__}

    return make


@pytest.fixture
def at_once() -> Callable[..., list[Any]]:
    """Runs calls in threads that all start together; answers their results in order."""

    def run(calls: list[Callable[[], Any]]) -> list[Any]:
        gate = threading.Barrier(len(calls))

        def one(call: Callable[[], Any]) -> Any:
            gate.wait(30)
            return call()

        with ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(one, calls))

    return run


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Asks until the answer is as wanted; answers the last one either way, for the test to judge."""

    def ask(question: Callable[[], Any], wanted: Any, seconds: float = 5) -> Any:
        deadline = time.monotonic() + seconds
        while (answer := question()) != wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        return answer

    return ask
