"""Backup and restore of the embedded database: `python -m core.servers.backup create|restore FOLDER`.

A backup is a base copy of the running cluster with the log it needs, the clicks that are not in it yet, and the keys
without which payee accounts in it cannot be read. A restored installation sends no payouts until somebody has
reconciled them with the rails: what was paid after the backup is not in its books.
"""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from config import paths
from config.settings import Settings, SettingsError, load
from core.servers.errors import ServerError
from core.servers.postgres import BINARIES, DATABASE, OWNER, Postgres

MANIFEST = "banyan-backup.json"
PAYOUTS_LOCKED = "payouts_locked"
_NOT_COPIED = {".lock", ".draft", ".pos"}  # of running processes; without places segments are loaded from the start


def create_backup(settings: Settings, folder: Path) -> None:
    """Copy the running embedded database and the keys into a new folder, readable by its owner alone.

    Raises:
        ServerError: the database is not the embedded one or does not run, or the folder is in use.
    """
    server = _server(settings)
    if folder.exists() and any(folder.iterdir()):
        raise ServerError(f"{folder} is not empty: a backup goes into a new folder")
    if not server.answers():
        raise ServerError("PostgreSQL does not answer: start it with make run, a backup is made while it runs")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    started = datetime.now(UTC)
    # before the database: a click that is loaded meanwhile is then in both, which does no harm, and in none never
    _copy_clicks(settings.clicks_dir, folder / "clicks")
    _base_backup(server, folder / "postgres")
    shutil.copytree(settings.data_dir / "secrets", folder / "secrets", dirs_exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps({"started_at": started.isoformat()}), encoding="utf-8")


def _copy_clicks(source: Path, target: Path) -> None:
    """Clicks that were answered and not loaded yet; nothing where there are none."""
    for path in sorted(source.rglob("*")):
        if path.is_file() and path.suffix not in _NOT_COPIED:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # loaded at this very moment
                shutil.copyfile(path, copy)


def _base_backup(server: Postgres, folder: Path) -> None:
    command = [
        str(BINARIES / "pg_basebackup"), "--pgdata", str(folder), "--host", str(server.socket_dir), "--username", OWNER,
        "--wal-method", "stream", "--checkpoint", "fast", "--no-password",
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own command line
    if run.returncode != 0:
        raise ServerError(f"pg_basebackup failed:\n{run.stderr}")


def restore_backup(settings: Settings, folder: Path) -> None:
    """Put a backup into a DATA_DIR that has no database yet, and lock its payouts.

    Raises:
        ServerError: the folder is no backup, or the DATA_DIR has a database.
    """
    server = _server(settings)
    if not (folder / MANIFEST).is_file():
        raise ServerError(f"{folder} is not a finished backup: {MANIFEST} is missing")
    if server.data_dir.exists():
        raise ServerError(f"{server.data_dir} exists: restore into an empty DATA_DIR")
    draft = server.data_dir.with_name(f"{server.data_dir.name}.restored")
    shutil.rmtree(draft, ignore_errors=True)  # of a restore that was killed half-way
    shutil.copytree(folder / "postgres", draft)
    shutil.copytree(folder / "secrets", settings.data_dir / "secrets", dirs_exist_ok=True)
    _copy_clicks(folder / "clicks", settings.clicks_dir)
    _lock_payouts(Postgres(draft, server.socket_dir), json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    draft.rename(server.data_dir)  # last: a half restored database is never started


def _lock_payouts(server: Postgres, manifest: dict[str, str]) -> None:
    """Start the copy once, on its own, and write down that it was restored."""
    server.account.own(server.data_dir)
    server.account.own(server.socket_dir)
    server.start()
    try:
        with psycopg.connect(server.url(OWNER, DATABASE).replace("postgresql+psycopg", "postgresql")) as connection:
            connection.execute(
                """INSERT INTO operation_flags (name, detail, set_at) VALUES (%s, %s, %s)
                   ON CONFLICT (name) DO UPDATE SET detail = excluded.detail, set_at = excluded.set_at""",
                (
                    PAYOUTS_LOCKED,
                    json.dumps({"reason": "restored", "backup_at": manifest["started_at"]}),
                    datetime.now(UTC),
                ),
            )
    finally:
        server.stop()


def _server(settings: Settings) -> Postgres:
    if not settings.embedded_postgres:
        raise ServerError(
            "DATABASE_URL names a server of your own: back it up with its own tools, see docs/operations.md"
        )
    return Postgres(paths.postgres_dir(settings.data_dir), paths.postgres_socket_dir(settings.data_dir))


def main(arguments: Sequence[str]) -> int:
    verbs = {"create": create_backup, "restore": restore_backup}
    if len(arguments) != 2 or arguments[0] not in verbs:
        print("usage: python -m core.servers.backup create|restore FOLDER", file=sys.stderr)
        return 2
    verb, folder = arguments[0], Path(arguments[1]).absolute()
    try:
        verbs[verb](load(), folder)
    except (ServerError, SettingsError) as error:
        print(str(error), file=sys.stderr)
        return 1
    if verb == "create":
        print(f"Backup made in {folder}. It holds the keys: keep it as safe as the database.")
    else:
        print(
            "Restored. Payouts are locked until they are reconciled: make run, then .venv/bin/flask payouts reconcile"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
