"""Once at every start: the embedded roles and database, then the migrations. Any number of starts may do it at once."""

import subprocess
import sys
import time

from config import paths
from config.settings import Settings, load
from core.servers.conditions import migrated_mark
from core.servers.postgres import Postgres

TRIES = 3  # the server may be killed in the middle of the first
PAUSE_SECONDS = 2.0


def main() -> int:
    """Exit status: 0 migrated, 1 the migrations cannot be applied."""
    settings = load()
    for attempt in range(1, TRIES + 1):
        if migrate(settings):
            migrated_mark(settings.run_dir).touch()
            return 0
        if attempt < TRIES:
            time.sleep(PAUSE_SECONDS)
    return 1


def migrate(settings: Settings) -> bool:
    """Whether the database is now at the newest migration; the reason why not is on stderr."""
    if settings.embedded_postgres:
        server = Postgres(paths.postgres_dir(settings.data_dir), paths.postgres_socket_dir(settings.data_dir))
        server.ensure_roles_and_database()
    upgrade = subprocess.run([sys.executable, "-m", "flask", "db", "upgrade"], check=False)
    return upgrade.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
