"""What must be so before anything starts: the folders, one copy per DATA_DIR, nothing left over, a free port."""

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from config import paths
from config.settings import Settings
from core.servers import account
from core.servers.errors import ServerError
from core.servers.postgres import Postgres
from core.servers.processes import end_processes, marked_processes, wait_until
from core.servers.valkey import Valkey

STOPPING_SECONDS = 10.0  # an earlier copy may just be stopping
PORT_SECONDS = 3.0  # a killed server's port is free a moment later


def make_folders(settings: Settings) -> None:
    """DATA_DIR's own folders. Raises: ServerError where one belongs to somebody else."""
    account.let_pass(settings.data_dir)
    for folder in {settings.run_dir, paths.sockets_dir(settings.data_dir)}:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        _require_own(folder)
        account.let_pass(folder)


def empty_metrics(run_dir: Path) -> None:
    """Counters start at zero with the product, and files of processes that are gone do not pile up."""
    folder = run_dir / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)


@contextlib.contextmanager
def only_copy(run_dir: Path, *, patience_seconds: float = STOPPING_SECONDS) -> Iterator[None]:
    """Hold the lock of this DATA_DIR; the kernel frees it however the process ends.

    Raises: ServerError while another copy works here and does not stop within some seconds.
    """
    with (run_dir / "supervisor.lock").open("a") as lock:
        if not wait_until(lambda: _locked(lock.fileno()), patience_seconds):
            raise ServerError(
                f"Banyan already runs on {run_dir.parent} (process {_pid_in(run_dir / 'supervisor.pid')}): "
                "stop it, or choose another DATA_DIR and PORT"
            )
        yield


def make_servers(settings: Settings) -> None:
    """The embedded servers' folders and files, so that what stands in their way is said before anything starts."""
    if settings.embedded_postgres:
        _postgres(settings).init()
    if settings.embedded_valkey:
        server = Valkey(paths.valkey_dir(settings.data_dir), paths.valkey_socket(settings.data_dir))
        server.init()
        server.command()


def clear_left_overs(settings: Settings) -> list[int]:
    """End what an earlier start of this DATA_DIR left behind, the database last; who it was. Hold the lock."""
    left = marked_processes(settings.data_dir)
    end_processes(left, grace_seconds=5)
    if settings.embedded_postgres:
        _postgres(settings).stop()
    for name in ("*.pid", "migrated", "sandbox.json", "chats.json"):
        for path in settings.run_dir.glob(name):
            path.unlink(missing_ok=True)
    return left


def require_free_ports(settings: Settings) -> None:
    """Raises: ServerError naming the variable when nobody could listen where the web and the clicks shall."""
    require_free_port(settings.host, settings.port)
    if settings.clicks_port:
        require_free_port(settings.host, settings.clicks_port, "CLICKS_PORT")


def require_free_port(host: str, port: int, name: str = "PORT", *, patience_seconds: float = PORT_SECONDS) -> None:
    """Raises: ServerError naming the port's variable or HOST when nobody could listen there."""
    wait_until(lambda: _bind_error(host, port) != errno.EADDRINUSE, patience_seconds)
    number = _bind_error(host, port)
    if number == errno.EADDRINUSE:
        raise ServerError(f"{name} {port} on {host} is taken by another program: set {name} to a free one")
    if number:
        raise ServerError(f"the web cannot listen on HOST {host}, {name} {port}: {os.strerror(number)}")


def _postgres(settings: Settings) -> Postgres:
    return Postgres(paths.postgres_dir(settings.data_dir), paths.postgres_socket_dir(settings.data_dir))


def _bind_error(host: str, port: int) -> int:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise ServerError(f"HOST is {host!r}: {error.strerror}") from error
    with socket.socket(family, kind, protocol) as probe:
        # without SO_REUSEPORT, which the web uses: with it two copies would share a port and nobody would notice
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return error.errno or errno.EIO
    return 0


def _require_own(folder: Path) -> None:
    status = folder.lstat()
    mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    if not mine or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ServerError(f"{folder} must be a folder of this user's own that nobody else may write to")


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pid_in(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
