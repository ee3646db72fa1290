"""The product that the data goes through: the one that runs on these settings, else one started for this run."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from config import paths
from config.settings import Settings, load
from core.servers.conditions import database_answers, queue_answers, web_is_ready
from core.servers.processes import process_exists, set_death_signal, wait_until

START_SECONDS = 120.0
STOP_SECONDS = 90.0


class ProductError(Exception):
    """There is no product to go through; says why."""


@contextlib.contextmanager
def running_product() -> Iterator[tuple[Settings, bool]]:
    """The settings of a product that is up, and whether it stays up afterwards.

    Raises:
        ProductError: one is there that does not answer, or none could be started.
    """
    settings = load() if _is_given() or _supervisor_lives() else None
    if settings is not None and _is_up(settings):
        yield settings, True
        return
    if settings is not None:
        raise ProductError("the product is not up, or not yet: start it (make run), then come again")
    with _temporary_folder() as folder, _started(folder) as own:
        yield own, False


def _is_up(settings: Settings) -> bool:
    return web_is_ready(settings) and database_answers(settings) and queue_answers(settings)


def _is_given() -> bool:
    """Servers of the operator's own: only he can start a product on them."""
    return any(os.environ.get(name, "").strip() for name in ("DATABASE_URL", "REDIS_URL"))


def _supervisor_lives() -> bool:
    # looked up without the settings: loading them makes DATA_DIR and its keys
    data_dir = Path(os.environ.get("DATA_DIR", "").strip() or "var").expanduser()
    try:
        number = int((paths.run_dir(data_dir) / "supervisor.pid").read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return False
    return process_exists(number)


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="banyan-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _started(data_dir: Path) -> Iterator[Settings]:
    """A supervised product of its own, stopped in order at the end; it ends as well when this process is killed."""
    environment = os.environ | {"DATA_DIR": str(data_dir), "PORT": str(_free_port()), "HOST": "127.0.0.1", "DEMO": "0"}
    log = data_dir / "product.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "core.servers"], env=environment, stdout=output, stderr=output,
            stdin=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=lambda: set_death_signal(signal.SIGTERM),  # noqa: PLW1509 -- no thread has been started yet
        )  # fmt: skip
    try:
        settings = load(environment)
        ready = wait_until(lambda: process.poll() is not None or web_is_ready(settings), START_SECONDS, 0.1)
        if process.poll() is not None or not ready:
            raise ProductError(
                f"the product did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}"
            )
        yield settings
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
