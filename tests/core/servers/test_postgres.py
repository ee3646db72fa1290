"""The embedded PostgreSQL comes back from every kind of end, and tells what keeps it from starting."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.servers.errors import ServerError
from core.servers.postgres import Postgres
from core.servers.processes import process_exists, wait_until

BUSY = "SELECT sum(generate_series) FROM generate_series(1, 2000000000)"


@pytest.fixture(scope="module")
def cluster(open_folder: Path) -> Iterator[Postgres]:
    server = Postgres(open_folder / "data", open_folder / "s", durable=False)
    server.init()
    yield server
    server.stop()


@pytest.fixture
def server(cluster: Postgres) -> Postgres:
    """Running, with its roles and database."""
    if cluster.postmaster_pid() is None:
        cluster.start()
    cluster.ensure_roles_and_database()
    return cluster


def connect(server: Postgres, role: str = "banyan", database: str = "banyan") -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(server.url(role, database).replace("+psycopg", ""), autocommit=True)


def kill(server: Postgres) -> None:
    pid = server.postmaster_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not process_exists(pid), 5)


def test_committed_rows_survive_stop_and_kill(server: Postgres) -> None:
    with connect(server) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('stopped')")
    server.stop()
    server.start()
    with connect(server) as connection:
        connection.execute("INSERT INTO kept VALUES ('killed')")
    kill(server)
    server.start()
    with connect(server) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("stopped",), ("killed",)]


def test_a_backend_that_outlives_its_master_does_not_block_the_next_start(server: Postgres) -> None:
    with contextlib.closing(connect(server)) as connection:
        backend = connection.info.backend_pid
        connection.pgconn.send_query(BUSY.encode())
        kill(server)
        assert process_exists(backend), "this statement should have gone on without its master"
        server.start()
        assert not process_exists(backend)
    assert server.answers()


def test_a_left_over_pid_file_that_names_a_stranger_is_no_server(server: Postgres) -> None:
    kill(server)
    stranger = subprocess.Popen(["sleep", "60"], **server.account.popen_arguments())
    path = server.data_dir / "postmaster.pid"
    _, rest = path.read_text().split("\n", 1)
    path.write_text(f"{stranger.pid}\n{rest}")
    try:
        assert server.postmaster_pid() is None
        server.start()
    finally:
        stranger.kill()
        stranger.wait()
    assert server.answers()


def test_a_second_server_on_the_same_folder_is_refused_by_name(server: Postgres) -> None:
    second = Postgres(server.data_dir, server.socket_dir)
    with pytest.raises(ServerError, match=rf"already runs on {server.data_dir} \(process {server.postmaster_pid()}\)"):
        second.start()
    assert server.answers()


def test_a_server_started_by_another_object_can_be_stopped(server: Postgres) -> None:
    Postgres(server.data_dir, server.socket_dir).stop()
    assert server.postmaster_pid() is None


def test_the_application_role_is_an_ordinary_one(server: Postgres) -> None:
    server.ensure_roles_and_database()  # again: nothing happens
    with connect(server) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = %s",
            ["banyan_app"],
        ).fetchone()
    assert row == (False, False, False, False, True)
    with connect(server, role="banyan_app") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE public.mine (id int)")


def test_it_is_reached_by_its_socket_alone(server: Postgres) -> None:
    assert server.socket_dir.stat().st_mode & 0o077 == 0
    with connect(server) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_a_database_can_be_copied_and_dropped_under_its_users(server: Postgres) -> None:
    server.create_database("first")
    with connect(server, database="first") as connection:
        connection.execute("CREATE TABLE things (id int)")
    server.create_database("second", template="first")
    user = connect(server, database="second")
    assert user.execute("SELECT count(*) FROM things").fetchone() == (0,)
    server.drop_database("second")
    server.drop_database("second")
    with pytest.raises(psycopg.OperationalError):
        user.execute("SELECT 1")


def test_it_dies_with_the_process_that_started_it(cluster: Postgres) -> None:
    cluster.stop()
    script = (
        "import sys, time; from pathlib import Path; from core.servers.postgres import Postgres\n"
        "Postgres(Path(sys.argv[1]), Path(sys.argv[2]), durable=False).start(); print('up', flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script, cluster.data_dir, cluster.socket_dir], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == "up\n"
    pid = cluster.postmaster_pid()
    assert pid is not None
    starter.kill()
    starter.communicate()
    assert wait_until(lambda: not process_exists(pid), 5)


def test_a_cluster_that_was_made_half_way_is_made_anew(open_folder: Path) -> None:
    server = Postgres(open_folder / "half", open_folder / "hs", durable=False)
    (open_folder / "half.new" / "base").mkdir(parents=True)
    (open_folder / "half").mkdir()
    server.init()
    assert (open_folder / "half" / "PG_VERSION").exists()
    assert not (open_folder / "half.new").exists()


def test_a_folder_with_other_files_is_left_alone(open_folder: Path) -> None:
    (open_folder / "mine").mkdir()
    (open_folder / "mine" / "thesis.txt").touch()
    with pytest.raises(ServerError, match=str(open_folder / "mine")):
        Postgres(open_folder / "mine", open_folder / "ms").init()
    assert (open_folder / "mine" / "thesis.txt").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's server runs as himself")
def test_as_root_a_closed_parent_is_named_and_not_opened(open_folder: Path) -> None:
    closed = open_folder / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(ServerError, match=rf"chmod o\+x {closed}$"):
        Postgres(closed / "data" / "postgres", closed / "data" / "s").init()
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_as_root_files_that_root_put_back_become_the_server_s(server: Postgres) -> None:
    server.stop()
    for path in (server.data_dir, *server.data_dir.rglob("*")):
        os.chown(path, 0, 0)
    restored = Postgres(server.data_dir, server.socket_dir, durable=False)
    restored.init()
    restored.start()
    restored.stop()
