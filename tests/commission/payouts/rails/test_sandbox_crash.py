"""The sandbox as a process: kill -9 at any moment, its port, its address, its end."""

import signal
import socket
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

import httpx
import orjson
import pytest

from commission.payouts.rails.sandbox.book import Book, Step, Transfer
from commission.payouts.rails.sandbox.server import main


def test_kill_in_a_storm_keeps_every_acknowledged_transfer_once(new_sandbox, new_body, at_once):
    sandbox = new_sandbox()
    bodies = [new_body(amount=amount) for amount in range(1, 201)]
    acknowledged, enough = [], threading.Event()

    def post(body):
        with suppress(httpx.TransportError):
            if sandbox.post(body).status_code == 201:
                acknowledged.append(body["key"])
        if len(acknowledged) >= 40:
            enough.set()

    def kill():
        enough.wait(30)
        sandbox.kill()

    at_once([kill, *(lambda body=body: post(body) for body in bodies)])
    assert 40 <= len(acknowledged) < 200, "the kill must come in the middle"
    sandbox.start()
    booked = {entry["key"]: entry["amount"] for entry in sandbox.book()}
    assert set(acknowledged) <= booked.keys()
    assert {sandbox.post(body).status_code for body in bodies} == {200, 201}
    after = sandbox.book()
    assert Counter(entry["key"] for entry in after) == Counter(body["key"] for body in bodies)
    assert {entry["key"]: entry["amount"] for entry in after} == {body["key"]: body["amount"] for body in bodies}
    assert [entry["key"] for entry in after][: len(booked)] == list(booked), "what was booked keeps its place"


def test_a_restart_keeps_the_port_and_how_transfers_go_on(new_sandbox, new_body, eventually):
    sandbox = new_sandbox("--processing-seconds", "1")
    sandbox.faults(processing=1, **{"return": 1})
    body, url = new_body(), sandbox.url
    assert sandbox.post(body).json()["status"] == "processing"
    sandbox.kill()
    sandbox.start()
    assert sandbox.url == url
    assert sandbox.call("GET", "/faults").json()["processing"] == 0
    path = f"/transfers/{body['key']}"
    assert eventually(lambda: sandbox.call("GET", path).json()["status"], "returned") == "returned"
    [entry] = sandbox.book()
    assert [step["status"] for step in entry["history"]] == ["processing", "paid", "returned"]


def test_a_taken_port_is_left_alone(new_sandbox, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        leave_address(tmp_path, orjson.dumps({"url": f"http://127.0.0.1:{port}"}))
        assert not new_sandbox().url.endswith(f":{port}")


def test_a_garbled_address_file_is_replaced(new_sandbox, tmp_path):
    leave_address(tmp_path, b'{"url": 7')
    assert new_sandbox().url.startswith("http://127.0.0.1:")


def leave_address(tmp_path, content):
    """What an earlier server of the folder `one` left behind."""
    (tmp_path / "one" / "run").mkdir(parents=True)
    (tmp_path / "one" / "run" / "sandbox.json").write_bytes(content)


def test_a_port_asked_for_is_used_or_refused(new_sandbox):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(RuntimeError, match=f"port {port} cannot be used"):
            new_sandbox("--port", port, name="refused")
    assert new_sandbox("--port", port, name="used").url == f"http://127.0.0.1:{port}"


def test_it_is_one_private_process_on_loopback(sandbox):
    port = f"{int(sandbox.url.rpartition(':')[2]):04X}"
    sockets = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    listening = [local for _, local, _, state, *_ in sockets if state == "0A" and local.endswith(f":{port}")]
    assert listening == [f"0100007F:{port}"]  # 127.0.0.1
    threads = Path(f"/proc/{sandbox.process.pid}/task")
    assert not (threads / str(sandbox.process.pid) / "children").read_text()
    assert (sandbox.folder / "sandbox").stat().st_mode & 0o777 == 0o700


def test_a_signal_ends_it_at_once_with_slow_calls_open(new_sandbox, new_body):
    sandbox = new_sandbox("--slow-seconds", "60")
    sandbox.faults(slow=1)
    with pytest.raises(httpx.ReadTimeout):
        sandbox.call("POST", "/transfers", new_body(), timeout=0.3)
    sandbox.process.send_signal(signal.SIGTERM)
    assert sandbox.process.wait(3) == 0
    with pytest.raises(httpx.ConnectError):
        sandbox.book()


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
@pytest.mark.parametrize("name", ["slow", "processing", "return"])
def test_impossible_seconds_are_refused(tmp_path, monkeypatch, capsys, name, seconds):
    monkeypatch.setenv(f"SANDBOX_{name.upper()}_SECONDS", seconds)
    with pytest.raises(SystemExit, match="2"):
        main(["--data-dir", str(tmp_path / "book"), "--address-file", str(tmp_path / "address")])
    assert f"--{name}-seconds" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_two_books_on_one_file_book_a_key_once(tmp_path, at_once):
    books = [Book(tmp_path / "book.sqlite3") for _ in range(2)]
    paid = (Step("paid", "2026-01-01T00:00:00.000000Z"),)
    transfers = [Transfer(f"k{number}", "a", "n", 1, "CNY", paid) for number in range(50)]
    calls = [lambda b=book, t=transfer: b.accept(t)[1] for transfer in transfers for book in books]
    assert sum(at_once(calls)) == 50
    assert len(list(books[0].moved())) == 50
    for book in books:
        book.close()


def test_every_commit_is_synced_to_disk(tmp_path):
    book = Book(tmp_path / "book.sqlite3")
    pragmas = [book._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    assert pragmas == [2, "wal"]  # 2 is FULL: no test can cut the power
    book.close()
