"""A backup holds the clicks that were answered and not loaded yet; a restore puts them where the shipper looks."""

from pathlib import Path

import psycopg

from config import paths
from config.settings import load
from core.servers.backup import create_backup, restore_backup
from core.servers.postgres import DATABASE, OWNER, Postgres


def test_clicks_that_are_not_loaded_yet_are_backed_up_and_restored(open_folder: Path) -> None:
    before = load({"DATA_DIR": str(open_folder / "one"), "DEMO": "0"})
    after = load({"DATA_DIR": str(open_folder / "two"), "DEMO": "0"})
    before.data_dir.chmod(0o711)
    after.data_dir.chmod(0o711)
    for settings in (before, after):
        settings.run_dir.mkdir(mode=0o711)
    rejected = before.clicks_dir / "rejected"
    rejected.mkdir(parents=True)
    for path, content in {
        before.clicks_dir / "1.seg": "clicks", before.clicks_dir / "1.pos": "3", rejected / "2.json": "{}",
        before.clicks_dir / "3.draft": "", before.clicks_dir / "shipper.lock": "",
    }.items():  # fmt: skip
        path.write_text(content)
    server = Postgres(paths.postgres_dir(before.data_dir), paths.postgres_socket_dir(before.data_dir))
    server.init()
    server.start()
    try:
        server.ensure_roles_and_database()
        with psycopg.connect(server.url(OWNER, DATABASE).replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE operation_flags (name text PRIMARY KEY, detail jsonb, set_at timestamptz)")
        create_backup(before, open_folder / "backup")
    finally:
        server.stop()
    restore_backup(after, open_folder / "backup")
    kept = {str(path.relative_to(after.clicks_dir)) for path in after.clicks_dir.rglob("*") if path.is_file()}
    assert kept == {"1.seg", "rejected/2.json"}
    assert (after.clicks_dir / "1.seg").read_text() == "clicks"


def test_an_installation_without_clicks_is_backed_up_too(open_folder: Path) -> None:
    settings = load({"DATA_DIR": str(open_folder / "three"), "DEMO": "0"})
    from core.servers.backup import _copy_clicks

    _copy_clicks(settings.clicks_dir, open_folder / "none")
    assert not (open_folder / "none").exists()
