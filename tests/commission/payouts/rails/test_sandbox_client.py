"""What the sandbox client makes of everything a rail, a network or a stranger on the port can do."""

import os
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
import pytest

from commission.payouts.rails.protocol import (
    KEY_CONFLICT,
    Failed,
    NotFound,
    Paid,
    Processing,
    Returned,
    Throttled,
    Timeouts,
    Unknown,
)
from commission.payouts.rails.sandbox.client import SandboxRail
from core import clock

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNREADABLE = Unknown("unreadable_answer")
ECHO = {"account": "6222000011112222", "amount": 1999, "currency": "CNY"}


def http(status: int, body: object = b"", *headers: str) -> bytes:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + content


# ── with the real server ──


def test_paid(sandbox, rail_at, new_request):
    rail, request = rail_at(sandbox.url), new_request()
    assert rail.send(request) == rail.query(request.key, request) == rail.query(request.key) == Paid(request.key)
    assert len(sandbox.booked(request.key)) == 1


def test_processing_then_paid(sandbox, rail_at, new_request, eventually):
    sandbox.faults(processing=1)
    rail, request = rail_at(sandbox.url), new_request()
    assert rail.send(request) == Processing(request.key)
    assert eventually(lambda: rail.query(request.key, request), Paid(request.key)) == Paid(request.key)


def test_paid_then_returned(sandbox, rail_at, new_request, eventually):
    sandbox.faults(**{"return": 1})
    rail, request, returned = rail_at(sandbox.url), new_request(), Returned("refused_by_bank")
    assert rail.send(request) == Paid(request.key)
    assert eventually(lambda: rail.query(request.key, request), returned) == returned
    assert rail.send(request) == returned


def test_failed_is_final(sandbox, rail_at, new_request):
    rail, request = rail_at(sandbox.url), new_request(account="fail-7")
    assert rail.send(request) == rail.query(request.key, request) == rail.send(request) == Failed("account_closed")
    assert sandbox.booked(request.key) == []


def test_refused_is_failed_with_the_fields(sandbox, rail_at, new_request):
    rail, request = rail_at(sandbox.url), new_request(amount=0, currency="RMB¥")
    assert rail.send(request) == Failed("refused invalid /amount /currency")
    assert rail.query(request.key) == NotFound()


def test_an_error_before_is_unknown_then_not_found_then_paid_once(sandbox, rail_at, new_request):
    sandbox.faults(error_before=1)
    rail, request = rail_at(sandbox.url), new_request()
    assert rail.send(request) == Unknown("http_500")
    assert rail.query(request.key, request) == NotFound()
    sandbox.faults()
    assert rail.send(request) == Paid(request.key)
    assert len(sandbox.booked(request.key)) == 1


@pytest.mark.parametrize(("fault", "reason"), [("error_after", "http_500"), ("lose_answer", "connection_lost")])
def test_executed_without_a_good_answer_is_unknown_then_paid_once(sandbox, rail_at, new_request, fault, reason):
    sandbox.faults(**{fault: 1})
    rail, request = rail_at(sandbox.url), new_request()
    assert rail.send(request) == Unknown(reason)
    assert rail.query(request.key, request) == Paid(request.key)
    assert rail.send(request) == Unknown(reason)
    assert len(sandbox.booked(request.key)) == 1


def test_slow_is_unknown_then_not_found_then_paid_once(sandbox, rail_at, new_request, eventually):
    sandbox.faults(slow=1)
    rail, request = rail_at(sandbox.url, read_seconds=0.15), new_request()
    assert rail.send(request) == Unknown("timed_out")
    assert rail.query(request.key, request) == NotFound()
    assert rail.send(request) == Unknown("timed_out")  # both are now under way in the rail
    assert eventually(lambda: rail.query(request.key, request), Paid(request.key)) == Paid(request.key)
    time.sleep(0.4)
    assert len(sandbox.booked(request.key)) == 1


def test_the_same_key_with_another_body_is_unknown_and_named(sandbox, rail_at, new_request):
    rail, request = rail_at(sandbox.url), new_request()
    rail.send(request)
    assert rail.send(new_request(key=request.key, amount=1)) == Unknown(KEY_CONFLICT)
    assert [entry["amount"] for entry in sandbox.booked(request.key)] == [1999]


@pytest.mark.parametrize(
    ("change", "field"), [({"amount": 1}, "amount"), ({"account": "x"}, "account"), ({"currency": "GBP"}, "currency")]
)
def test_a_query_about_another_transfer_is_unknown(sandbox, rail_at, new_request, change, field):
    rail, request = rail_at(sandbox.url), new_request()
    rail.send(request)
    assert rail.query(request.key, new_request(key=request.key, **change)) == Unknown(f"contradictory_{field}")


def test_one_client_serves_many_threads(sandbox, rail_at, new_request, at_once):
    rail, request = rail_at(sandbox.url), new_request()
    assert at_once([lambda: rail.send(request)] * 50) == [Paid(request.key)] * 50
    assert len(sandbox.booked(request.key)) == 1


def test_a_fork_does_not_use_its_parents_connections(sandbox, rail_at, new_request):
    rail, request = rail_at(sandbox.url), new_request()
    rail.send(request)
    parents = dict(rail._clients)
    child = os.fork()
    if child == 0:
        fine = rail.query(request.key) == Paid(request.key) and rail._clients[os.getpid()] not in parents.values()
        os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert rail.query(request.key) == Paid(request.key)


def test_the_address_is_asked_for_at_every_call(sandbox, rail_at, new_request, tmp_path):
    file, request = tmp_path / "sandbox.json", new_request()
    rail = rail_at(lambda: orjson.loads(file.read_bytes())["url"])
    assert rail.send(request) == rail.query(request.key) == Unknown("no_address")
    for garbage in (b"", b"[]", b"{}", b'{"url": null}', b'{"url": ""}'):
        file.write_bytes(garbage)
        assert rail.send(request) == Unknown("no_address")
    file.write_bytes(orjson.dumps({"url": sandbox.url}))
    assert rail.send(request) == Paid(request.key)


def test_a_proxy_in_the_environment_reroutes_no_money(sandbox, new_request, stub, monkeypatch):
    proxy, request = stub(http(200, {"key": "x"})), new_request()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    fresh = SandboxRail(lambda: sandbox.url, Timeouts(1, 5, 10))  # the environment is read when a client is made
    assert fresh.send(request) == Paid(request.key)
    assert proxy.calls == 0
    fresh.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(sandbox, rail_at, new_request, stub, status):
    request = new_request()
    elsewhere = stub(http(status, b"", f"Location: {sandbox.url}/transfers"))
    assert rail_at(elsewhere.url).send(request) == Unknown(f"http_{status}")
    assert sandbox.booked(request.key) == []


# ── with a stranger on the port ──


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (http(201, {"key": "K", "status": "paid"}), Paid("K")),
        (http(200, {"key": "K", "status": "paid", **ECHO}), Paid("K")),
        (http(200, {"key": "K", "status": "processing"}), Processing("K")),
        (http(200, {"key": "K", "status": "failed", "reason": "closed"}), Failed("closed")),
        (http(200, {"key": "K", "status": "failed", "reason": 7}), Failed("failed")),
        (http(200, {"key": "K", "status": "returned"}), Returned("returned")),
        (http(200, {"key": "K", "status": "PAID"}), Unknown("unknown_status")),
        (http(200, {"key": "K", "status": ["paid"]}), Unknown("unknown_status")),
        (http(200, {"key": "K"}), Unknown("unknown_status")),
        (http(200, {"key": "L", "status": "paid"}), Unknown("contradictory_key")),
        (http(200, {"key": "L", "status": "failed"}), Unknown("contradictory_key")),
        (http(200, {"status": "failed"}), Unknown("contradictory_key")),
        (http(200, {"key": "K", "status": "failed", **ECHO, "amount": 2000}), Unknown("contradictory_amount")),
        (http(200, {"key": "K", "status": "paid", **ECHO, "amount": 1999.0}), Unknown("contradictory_amount")),
        (http(200, {"key": "K", "status": "paid", **ECHO, "account": None}), Unknown("contradictory_account")),
        (http(200, {"key": "K", "status": "paid", **ECHO, "currency": "cny"}), Unknown("contradictory_currency")),
        (http(200), UNREADABLE),
        (http(200, b'{"key": "K", "status": "fai'), UNREADABLE),
        (http(200, b"<html>"), UNREADABLE),
        (http(200, b"\xff\xfe"), UNREADABLE),
        (http(200, b"[" * 60_000), UNREADABLE),
        (http(200, b'{"key": "K", "status": "paid"}' + b" " * 70_000), UNREADABLE),  # no end to it
        (http(200, ["paid"]), UNREADABLE),
        (http(200, {"key": "K", "status": "paid"}, "Content-Encoding: gzip"), Paid("K")),
        (http(202, {"key": "K", "status": "paid"}), Unknown("http_202")),
        (http(204), Unknown("http_204")),
        (http(400, {"code": "malformed"}), Unknown("http_400")),
        (http(401), Unknown("http_401")),
        (http(404, {"code": "transfer_not_found"}), Unknown("http_404")),
        (http(409), Unknown(KEY_CONFLICT)),
        (http(422, {"code": "invalid", "errors": [{"pointer": "/key"}]}), Failed("refused invalid /key")),
        (http(422, {"code": "invalid", "errors": 7}), Failed("refused invalid")),
        (http(422, b"Unprocessable"), Unknown("http_422")),
        (http(422, {"code": 7}), Unknown("http_422")),
        (http(500, {"key": "K", "status": "failed"}), Unknown("http_500")),
        (http(502), Unknown("http_502")),
        (http(503, b"", "Retry-After: 5"), Unknown("http_503")),
        (http(999), Unknown("http_999")),
        (b"", Unknown("connection_lost")),
        (b"RESET", Unknown("connection_lost")),
        (b"SSH-2.0-OpenSSH\r\n", Unknown("connection_lost")),
        (http(200, {"key": "K", "status": "paid"})[:-4], Unknown("connection_lost")),
        (http(422, {"code": "invalid"})[:-4], Unknown("connection_lost")),
    ],
)
def test_what_an_answer_to_a_send_means(stub, rail_at, new_request, answer, outcome):
    request = new_request(key="K", account=ECHO["account"])
    assert rail_at(stub(answer).url).send(request) == outcome


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (http(200, {"key": "K", "status": "paid", **ECHO}), Paid("K")),
        (http(200, {"key": "K", "status": "processing", **ECHO}), Processing("K")),
        (http(200, {"key": "K", "status": "failed", **ECHO}), Failed("failed")),
        (http(200, {"key": "K", "status": "returned", "reason": "bounced", **ECHO}), Returned("bounced")),
        (http(200, {"key": "K", "status": "paid"}), UNREADABLE),
        (http(200, {"key": "L", "status": "failed", **ECHO}), Unknown("contradictory_key")),
        (http(200, {"key": "K", "status": "failed", **ECHO, "amount": 1}), Unknown("contradictory_amount")),
        (http(201, {"key": "K", "status": "paid", **ECHO}), Unknown("http_201")),
        (http(404, {"code": "transfer_not_found"}), NotFound()),
        (http(404, {"code": "not_found"}), Unknown("http_404")),
        (http(404, b"<html>"), Unknown("http_404")),
        (http(409), Unknown("http_409")),
        (http(410), Unknown("http_410")),
        (http(422, {"code": "invalid"}), Unknown("http_422")),
        (http(500, {"code": "transfer_not_found"}), Unknown("http_500")),
        (b"", Unknown("connection_lost")),
    ],
)
def test_what_an_answer_to_a_query_means(stub, rail_at, new_request, answer, outcome):
    request = new_request(key="K", account=ECHO["account"])
    assert rail_at(stub(answer).url).query("K", request) == outcome


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("9" * 40, 86_400),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(days=9), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=900), usegmt=True), 86_400),
        ("soon", 60),
        ("-5", 60),
        (None, 60),
    ],
)
def test_throttled_says_when_to_come_again(stub, rail_at, new_request, retry_after, seconds):
    headers = [] if retry_after is None else [f"Retry-After: {retry_after}"]
    rail, request = rail_at(stub(http(429, b"", *headers)).url), new_request()
    with clock.frozen_at(NOW):
        assert rail.send(request) == rail.query(request.key) == Throttled(NOW + timedelta(seconds=seconds))


def test_nobody_on_the_port_is_unknown(rail_at, new_request):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    rail, request = rail_at(f"http://127.0.0.1:{port}"), new_request()
    assert rail.send(request) == rail.query(request.key) == Unknown("not_connected")


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port"])
def test_an_address_that_is_none_is_unknown(rail_at, new_request, url):
    assert rail_at(url).send(new_request()) == Unknown("no_address")


def test_silence_is_unknown_within_the_time_given(rail_at, new_request):
    with socket.create_server(("127.0.0.1", 0)) as listener:  # the kernel accepts, nobody answers
        rail = rail_at(f"http://127.0.0.1:{listener.getsockname()[1]}", read_seconds=0.2)
        started = time.monotonic()
        assert rail.send(new_request()) == Unknown("timed_out")
    assert time.monotonic() - started < 1


def test_a_trickle_is_unknown_within_the_time_given(stub, rail_at, new_request):
    head, _, body = http(200, b" " * 200).partition(b"\r\n\r\n")
    slow = stub(b"HTTP/1.1 200 X\r\n\r\n" + body, piece_seconds=0.02)
    started = time.monotonic()
    assert rail_at(slow.url, read_seconds=1, total_seconds=0.6).send(new_request()) == Unknown("timed_out")
    assert time.monotonic() - started < 2
    assert head


def test_a_request_does_not_print_its_payee(new_request):
    text = repr(new_request(account="6222999", account_name="Zhang"))
    assert "6222999" not in text
    assert "Zhang" not in text
