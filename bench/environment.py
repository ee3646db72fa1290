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
def measured_app() -> Iterator[BenchApp]:
    """An application on durable servers in a fresh folder, inside its context."""
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
        environment = _environment(folder, postgres, valkey)
        app = create_app(load(environment))
        register_migrations(app)
        with app.app_context():
            upgrade()
            yield BenchApp(app, environment)
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


def timed(work: Callable[[], object]) -> float:
    """Seconds of the wall clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_memory_mib() -> int:
    """The highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
