"""The product as a user runs it: its own folder, its own port, real processes; started, killed and started again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(check: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """The first truthy value of `check`, which may raise while things are down."""
    last: Any = None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            last = check()
        except (httpx.HTTPError, OSError) as error:
            last = error
        else:
            if last:
                return last
        time.sleep(0.3)
    raise AssertionError(f"{what} did not happen within {seconds} s; last: {last!r}")


class Product:
    """`python -m core.servers` in a folder of its own."""

    def __init__(self, **environment: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="be-"))
        self.folder.chmod(0o711)
        self.data_dir = self.folder / "var"
        self.port = free_port()
        self.environment = os.environ | {
            "DATA_DIR": str(self.data_dir), "PORT": str(self.port), "DEMO": "0", "JOB_LEASE_SECONDS": "5",
            "RAIL_TIMEOUT_SECONDS": "1", "WEB_WORKERS": "1", "LOG_LEVEL": "warning",
        } | environment  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Product":
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "core.servers"], cwd=ROOT, env=self.environment, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        try:
            eventually(lambda: httpx.get(f"{self.url}/readyz").status_code == 200, seconds=START_SECONDS, what="readyz")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()[-4000:]}") from None

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def stop(self) -> None:
        """As Ctrl-C does."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)

    def kill_everything(self) -> None:
        """SIGKILL to the whole group at once."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def pid(self, name: str) -> int:
        return int((self.data_dir / "run" / f"{name}.pid").read_text())

    def kill(self, name: str) -> None:
        """SIGKILL to one process by its pid file."""
        os.kill(self.pid(name), signal.SIGKILL)

    def wipe_valkey(self) -> None:
        """Kill Valkey and delete its files: nothing that matters may be in them."""
        self.kill("valkey")
        shutil.rmtree(self.data_dir / "valkey", ignore_errors=True)

    def sandbox(self) -> str:
        address = json.loads((self.data_dir / "run" / "sandbox.json").read_text())
        return str(address["url"])

    def flask(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        run = subprocess.run(
            [sys.executable, "-m", "flask", *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Caller:
    """Calls the product with one credential and expects success."""

    def __init__(self, product: Product, credential: str) -> None:
        self._client = httpx.Client(
            base_url=product.url, headers={"Authorization": f"Bearer {credential}"}, timeout=60, trust_env=False
        )

    def get(self, path: str) -> Any:
        answer = self._client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        answer = self._client.post(path, json=body)
        assert answer.status_code < 300, (path, answer.text)
        return answer.json()

    def patch(self, path: str, body: Any) -> Any:
        answer = self._client.patch(path, json=body)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    def all(self, path: str) -> list[Any]:
        """Every page of a list."""
        found, cursor = [], None
        while True:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit=200" + (f"&cursor={cursor}" if cursor else ""))
            found += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found
