"""The embedded Valkey keeps its queues over a kill, and starts empty when its files are gone."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from core.servers.errors import ServerError
from core.servers.processes import process_exists, processes_in, wait_until
from core.servers.valkey import Valkey


@pytest.fixture
def server(open_folder: Path) -> Iterator[Valkey]:
    server = Valkey(open_folder / "valkey", open_folder / "valkey.sock")
    server.init()
    server.start()
    yield server
    server.stop()


def kill(server: Valkey) -> None:
    (pid,) = processes_in(server.data_dir, "valkey-server")
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not process_exists(pid), 5)


def test_what_it_took_survives_a_kill(server: Valkey) -> None:
    redis.Redis.from_url(server.url()).set("job", "1")
    kill(server)
    server.start()
    assert redis.Redis.from_url(server.url()).get("job") == b"1"


def test_without_its_files_it_starts_empty(server: Valkey) -> None:
    redis.Redis.from_url(server.url()).set("job", "1")
    kill(server)
    shutil.rmtree(server.data_dir)
    server.init()
    server.start()
    assert redis.Redis.from_url(server.url()).get("job") is None


def test_it_refuses_rather_than_drops_when_full_and_listens_on_no_port(server: Valkey) -> None:
    configuration = redis.Redis.from_url(server.url(), decode_responses=True).config_get("*")
    expected = {"maxmemory-policy": "noeviction", "appendonly": "yes", "appendfsync": "everysec", "port": "0"}
    assert expected.items() <= configuration.items()
    assert server.socket.stat().st_mode & 0o077 == 0


def test_a_second_server_on_the_same_socket_is_refused(server: Valkey) -> None:
    with pytest.raises(ServerError, match=str(server.socket)):
        Valkey(server.data_dir, server.socket).start()
    assert server.answers()
