"""The tests' own PostgreSQL and Valkey: one pair a run, one database and one Valkey number each xdist worker."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.servers.postgres import Postgres
from core.servers.valkey import Valkey

TEMPLATE = "banyan_template"
VARIABLE = "BANYAN_TEST_SERVERS"


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the servers of this run are."""

    folder: Path

    def postgres(self) -> Postgres:
        return Postgres(self.folder / "postgres", self.folder / "s", durable=False)

    def valkey(self) -> Valkey:
        return Valkey(self.folder / "valkey", self.folder / "s" / "valkey.sock")


@contextmanager
def running_servers() -> Iterator[Servers]:
    """Both servers in a fresh folder under the system's temporary one, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bt-"))
    folder.chmod(0o711)  # as root, PostgreSQL runs as somebody else
    servers = Servers(folder)
    postgres, valkey = servers.postgres(), servers.valkey()
    try:
        postgres.init()
        postgres.start()
        postgres.ensure_roles_and_database()
        valkey.init()
        valkey.start()
        yield servers
    finally:
        valkey.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def environment(servers: Servers, database: str, number: int) -> dict[str, str]:
    """The environment of an application on these servers."""
    postgres = servers.postgres()
    return {
        "DATA_DIR": str(servers.folder / f"data-{database}"),
        "DATABASE_URL": postgres.url("banyan_app", database),
        "DATABASE_ADMIN_URL": postgres.url("banyan", database),
        "REDIS_URL": f"unix://{servers.folder / 's' / 'valkey.sock'}?db={number}",
        "SIGNING_KEY": "dGVzdHMtc2lnbmluZy1rZXktb2YtMzItYnl0ZXMhISE=",
        "ENCRYPTION_KEYS": "t1:dGVzdHMtZW5jcnlwdGlvbi1rZXktMzItYnl0ZXMhISE=",
        "LOOKUP_KEY": "dGVzdHMtbG9va3VwLWtleS1vZi0zMi1ieXRlcyEhISE=",
        "LOG_LEVEL": "warning",
        "DEMO": "0",
    }


def this_worker() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "gw0")
