"""Where things lie under DATA_DIR; the same folder gives the same paths to every process, whatever its TMPDIR."""

import hashlib
import os
import re
from pathlib import Path

POSTGRES_SOCKET_NAME = ".s.PGSQL.5432"
UNREADABLE = re.compile(r"[\s=]")  # redis-py, and so RQ, cannot read the list of clients with these in a path
LONGEST_SOCKET_PATH = 99  # the kernel cuts at 107 bytes, PostgreSQL adds ".lock"


def run_dir(data_dir: Path) -> Path:
    """Pid files, addresses and the supervisor's own files."""
    return data_dir / "run"


def postgres_dir(data_dir: Path) -> Path:
    """The embedded server's cluster (PGDATA)."""
    return data_dir / "postgres"


def valkey_dir(data_dir: Path) -> Path:
    """The embedded Valkey's append-only files."""
    return data_dir / "valkey"


def clicks_dir(data_dir: Path) -> Path:
    """Segment files of clicks: answered, not loaded yet. As dear as the database until they are."""
    return data_dir / "clicks"


def sockets_dir(data_dir: Path) -> Path:
    """The run folder, or a short folder of this DATA_DIR's own where a socket path in there could not be used."""
    longest = str(run_dir(data_dir) / "postgres" / POSTGRES_SOCKET_NAME)
    if len(os.fsencode(longest)) <= LONGEST_SOCKET_PATH and not UNREADABLE.search(longest):
        return run_dir(data_dir)
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path("/tmp") / f"banyan-{digest}"  # noqa: S108 - the launcher checks its owner and mode before use


def postgres_socket_dir(data_dir: Path) -> Path:
    """The folder that holds PostgreSQL's socket; only its owner may enter it."""
    return sockets_dir(data_dir) / "postgres"


def valkey_socket(data_dir: Path) -> Path:
    """Valkey's socket; only its owner may connect."""
    return sockets_dir(data_dir) / "valkey.sock"
