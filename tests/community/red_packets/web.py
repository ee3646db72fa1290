"""The web as `make run` starts it, on the test's own database: two processes of granian that can be killed."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from core.servers.roster import granian
from tests.end_to_end.product import free_port

ROOT = Path(__file__).resolve().parents[3]
_START_SECONDS = 40


class Web:
    """A web server and its process group."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self._environment = os.environ | environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Web":
        self._process = subprocess.Popen(
            granian("wsgi:app", "127.0.0.1", self.port, workers=2, threads=4),
            cwd=ROOT, env=self._environment, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert time.monotonic() < deadline, "the web does not answer"
            time.sleep(0.1)
        return self

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """SIGKILL to all of its processes at once."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)


class Answer(NamedTuple):
    """None as status: the connection broke before there was one."""

    status: int | None
    body: dict[str, Any]


class Caller:
    """One client with a connection that is kept open."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, path: str, body: Any) -> Answer:
        try:
            self._connection.request("POST", path, orjson.dumps(body), self._headers)
            answer = self._connection.getresponse()
            return Answer(answer.status, orjson.loads(answer.read()))
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return Answer(None, {})
