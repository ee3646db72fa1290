"""What every measurement runs on: durable servers of its own, migrated, and an application beside them."""

import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from flask import Flask
from flask_migrate import upgrade

from config.settings import load
from core.app import create_app, register_migrations
from core.servers.postgres import Postgres
from core.servers.valkey import Valkey


@dataclass(frozen=True, slots=True)
class BenchApp:
    """The application, the environment that other processes of it need, and the owner's address for psycopg."""

    app: Flask
    environment: dict[str, str]

    @property
    def owner_url(self) -> str:
        return self.environment["DATABASE_ADMIN_URL"].replace("postgresql+psycopg", "postgresql")


@contextmanager
def measured_app(**more: str) -> Iterator[BenchApp]:
    """An application on durable servers in a fresh folder, inside its context; `more`: of its environment."""
    folder = Path(tempfile.mkdtemp(prefix="banyan-bench-", dir=os.environ.get("BENCH_DIR")))
    folder.chmod(0o711)  # as root, PostgreSQL runs as somebody else
    postgres = Postgres(folder / "postgres", folder / "s")
    valkey = Valkey(folder / "valkey", folder / "s" / "valkey.sock")
    try:
        postgres.init()
        postgres.start()
        postgres.ensure_roles_and_database()
        valkey.init()
        valkey.start()
        environment = _environment(folder, postgres, valkey) | more
        app = create_app(load(environment))
        register_migrations(app)
        with app.app_context():
            upgrade()
            yield BenchApp(app, environment)
            print(f"  peak memory: {_peaks()}", flush=True)
    finally:
        valkey.stop()
        postgres.stop()
        rmtree(folder, ignore_errors=True)


def _environment(folder: Path, postgres: Postgres, valkey: Valkey) -> dict[str, str]:
    key = "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2ghISE="
    return {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": postgres.url("banyan_app"),
        "DATABASE_ADMIN_URL": postgres.url("banyan"),
        "REDIS_URL": valkey.url(),
        "SIGNING_KEY": key,
        "ENCRYPTION_KEYS": f"b1:{key}",
        "LOOKUP_KEY": key,
        "LOG_LEVEL": "error",
        "DEMO": "0",
    }


def _peaks() -> str:
    """The highest resident memory of this process and of the largest of each server's (PostgreSQL's share a buffer)."""
    peaks: dict[str, int] = {}
    for pid in descendants(os.getpid()):
        peak, name = peak_of(pid)
        peaks[name] = max(peak, peaks.get(name, 0))
    return ", ".join(f"{name} {peak} MiB" for name, peak in {"this process": peak_memory_mib(), **peaks}.items())


def descendants(pid: int) -> Iterator[int]:
    """The processes it started, and theirs."""
    for task in Path(f"/proc/{pid}/task").iterdir():  # a server is the child of the thread that started it
        for child in map(int, (task / "children").read_text(encoding="ascii").split()):
            yield child
            yield from descendants(child)


def peak_of(pid: int) -> tuple[int, str]:
    """The highest resident memory of a process in MiB, and its name."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return int(values["VmHWM"].split()[0]) // 1024, values["Name"]


def timed(work: Callable[[], object]) -> float:
    """Seconds of the wall clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_memory_mib() -> int:
    """The highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
