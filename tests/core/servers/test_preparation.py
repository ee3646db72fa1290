"""Before anything starts: one copy, a free port, folders of one's own."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import load
from core.servers import preparation
from core.servers.errors import ServerError
from core.servers.processes import MARK, marked_processes, process_exists, wait_until


def test_a_second_copy_on_the_same_folder_is_refused_by_number(tmp_path: Path) -> None:
    (tmp_path / "supervisor.pid").write_text("4711\n")
    with (tmp_path / "supervisor.lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        with (
            pytest.raises(ServerError, match=r"already runs on .* \(process 4711\)"),
            preparation.only_copy(tmp_path, patience_seconds=0),
        ):
            pass
    with preparation.only_copy(tmp_path, patience_seconds=0):
        pass


def test_a_taken_port_is_named_even_when_its_owner_would_share_it() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=f"PORT {port} on 127.0.0.1 is taken"):
            preparation.require_free_port("127.0.0.1", port, patience_seconds=0)
    preparation.require_free_port("127.0.0.1", port, patience_seconds=0)


def test_a_port_for_clicks_that_is_taken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation.require_free_port, "__kwdefaults__", {"patience_seconds": 0})
    with socket.socket() as other, socket.socket() as free:
        for one in (other, free):
            one.bind(("127.0.0.1", 0))
        other.listen()
        port = free.getsockname()[1]
        free.close()
        taken = other.getsockname()[1]
        settings = load({"DATA_DIR": str(tmp_path), "PORT": str(port), "CLICKS_PORT": str(taken)})
        with pytest.raises(ServerError, match=f"CLICKS_PORT {taken} on 127.0.0.1 is taken"):
            preparation.require_free_ports(settings)
    preparation.require_free_ports(settings)


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(ServerError, match=r"HOST is 'nowhere\.invalid'"):
        preparation.require_free_port("nowhere.invalid", 8000)


def test_folders_are_closed_to_others_and_may_not_be_somebody_else_s(tmp_path: Path) -> None:
    settings = load({"DATA_DIR": str(tmp_path)})
    preparation.make_folders(settings)
    preparation.make_folders(settings)
    passage = 0o001 if os.geteuid() == 0 else 0
    assert settings.run_dir.stat().st_mode & 0o077 == passage
    settings.run_dir.chmod(0o777)
    with pytest.raises(ServerError, match=str(settings.run_dir)):
        preparation.make_folders(settings)


def test_a_folder_for_short_sockets_that_is_a_link_is_refused(tmp_path: Path) -> None:
    settings = load({"DATA_DIR": str(tmp_path / ("a" * 90))})
    short = Path(settings.redis_url.removeprefix("unix://")).parent
    short.symlink_to(tmp_path)
    try:
        with pytest.raises(ServerError, match=str(short)):
            preparation.make_folders(settings)
    finally:
        short.unlink()


def test_what_an_earlier_start_left_is_ended_and_nothing_else(tmp_path: Path) -> None:
    settings = load({"DATA_DIR": str(tmp_path / "mine"), "DATABASE_URL": "", "REDIS_URL": ""})
    settings.run_dir.mkdir()
    sleep = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_DFL); time.sleep(60)"]
    mine = subprocess.Popen(sleep, env={MARK: str(tmp_path / "mine")})
    neighbour = subprocess.Popen(sleep, env={MARK: str(tmp_path / "mine-too")})
    stranger = subprocess.Popen(sleep, env={"DATA_DIR": str(tmp_path / "mine")})
    (settings.run_dir / "web.pid").write_text(f"{stranger.pid}\n")  # a number that was given anew
    try:
        assert wait_until(lambda: marked_processes(settings.data_dir) == [mine.pid], 5)
        assert preparation.clear_left_overs(settings) == [mine.pid]
        assert not process_exists(mine.pid)
        assert process_exists(neighbour.pid)
        assert process_exists(stranger.pid)
        assert not (settings.run_dir / "web.pid").exists()
    finally:
        for process in (mine, neighbour, stranger):
            process.kill()
            process.wait()
