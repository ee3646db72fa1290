"""What the product fetches for others: public addresses only, checked once and kept to; bounded in time and size."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.http.outgoing import NotFetched, fetch, is_public

PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111"]
PRIVATE = [
    "127.0.0.1", "127.8.8.8", ".".join("0000"), "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::1", "100::1",
]  # fmt: skip


class Place:
    """A local web server whose answers a test gives, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, str]] = []
        place = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                place.asked.append((self.headers.get("Host", ""), self.path))
                place.answers[self.path](self)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def tells(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> str:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.answers[path] = answer
        return self.url + path


@pytest.fixture
def place() -> Iterator[Place]:
    one = Place()
    thread = threading.Thread(target=one.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield one
    one.server.shutdown()
    one.server.server_close()


def refusal(url: str, **options: Any) -> str:
    with pytest.raises(NotFetched) as caught:
        fetch(url, **({"most_bytes": 1000, "seconds": 2} | options))
    assert not url or url not in str(caught.value)
    return caught.value.reason


@contextmanager
def listening(script: Callable[[socket.socket], None]) -> Iterator[int]:
    """A bare socket server: `script` has each connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            try:
                connection, _ = server.accept()
                with closing(connection):
                    script(connection)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_every_other_address_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0x7f000001", "2130706433", "017700000001", "0", "localhost", "LOCALHOST", "localhost.",
        "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "169.254.169.254", "10.0.0.1", "[::]",
    ],
)  # fmt: skip
def test_private_hosts_are_refused_however_they_are_written(place: Place, host: str) -> None:
    place.tells("/")
    # a name the system cannot make an address of is as good as a refused one
    assert refusal(f"http://{host}:{place.port}/") in {"address_refused", "not_resolved"}
    assert place.asked == []


def test_the_odd_spellings_of_loopback_do_lead_there(place: Place) -> None:
    """The test above would pass on hosts that lead nowhere."""
    place.tells("/", b"here")
    for host in ("127.1", "0x7f000001", "2130706433", "localhost"):
        found = fetch(f"http://{host}:{place.port}/", most_bytes=10, seconds=2, allow_private=True)
        assert found.body == b"here"


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["::ffff:10.0.0.1"]])
def test_a_name_is_refused_when_one_of_its_addresses_is_private(place: Place, answers: list[str]) -> None:
    place.tells("/")
    assert refusal(f"http://shop.example:{place.port}/", resolve=lambda *_: answers) == "address_refused"
    assert place.asked == []


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(place: Place) -> None:
    """A name whose second answer would be another address: the classical way around a check."""
    place.tells("/tea?size=1", b"tea")
    looked_up: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    url = f"http://shop.example:{place.port}/tea?size=1"
    found = fetch(url, most_bytes=10, seconds=2, allow_private=True, resolve=resolve)
    assert found.body == b"tea"
    assert looked_up == ["shop.example"]
    assert place.asked == [(f"shop.example:{place.port}", "/tea?size=1")], "the host that was meant is named"


def test_a_redirect_to_a_refused_address_is_refused(place: Place) -> None:
    """The first host's address passes; the second one's is judged as well, and nothing is sent there."""
    place.tells("/secret", b"secret")
    url = place.tells("/", status=302, Location=f"http://inside.example:{place.port}/secret")

    def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.2"] if host == "inside.example" else ["127.0.0.1"]

    def is_allowed(address: str) -> bool:
        return address == "127.0.0.1"

    assert refusal(url, resolve=resolve, is_allowed=is_allowed) == "address_refused"
    assert [path for _, path in place.asked] == ["/"]
    assert refusal(url, resolve=resolve) == "address_refused"


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example/a.png", "ftp://shop.example/a", "file:///etc/passwd", "gopher://shop.example/", "http://",
        "http:///a", "javascript:alert(1)", "http://user:word@shop.example/", "http://shop.example:99999/",
        "http://[::1/", "http://shop.example/" + "a" * 5000, "//shop.example/", "http://a b/",
    ],
)  # fmt: skip
def test_what_is_no_web_address_is_refused_before_anything_is_looked_up(url: str) -> None:
    looked_up: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"]

    assert refusal(url, resolve=resolve) == "bad_url"
    assert looked_up == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://shop.example/", "http://user@127.0.0.1/"])
def test_a_redirect_out_of_the_web_is_refused(place: Place, location: str) -> None:
    url = place.tells("/", status=302, Location=location)
    assert refusal(url, allow_private=True) == "bad_url"


def test_three_redirects_are_followed_and_a_fourth_is_not(place: Place) -> None:
    place.tells("/4", b"end")
    for number in range(4):
        place.tells(f"/{number}", status=302, Location=f"/{number + 1}")
    found = fetch(place.url + "/1", most_bytes=10, seconds=2, allow_private=True)
    assert (found.body, found.url) == (b"end", place.url + "/4")
    assert refusal(place.url + "/0", allow_private=True) == "too_many_redirects"


def test_an_answer_is_told_with_its_status_and_kind(place: Place) -> None:
    url = place.tells("/gone", b"no", status=404, Content_Type="Text/HTML; charset=utf-8")
    found = fetch(url, most_bytes=10, seconds=2, allow_private=True)
    assert (found.status, found.content_type, found.body) == (404, "text/html", b"no")


def test_more_than_was_asked_for_is_refused_when_it_is_announced_and_when_it_comes(place: Place) -> None:
    assert fetch(place.tells("/1", b"x" * 1000), most_bytes=1000, seconds=2, allow_private=True).body == b"x" * 1000
    assert refusal(place.tells("/2", b"x" * 1001), allow_private=True) == "too_large"

    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with listening(endless) as port:
        assert refusal(f"http://127.0.0.1:{port}/", allow_private=True) == "too_large"


@pytest.mark.parametrize("where", ["silence", "headers", "body"])
def test_a_slow_server_is_left_after_the_time_of_the_whole_fetch(where: str) -> None:
    """A byte now and then keeps every single wait short; the sum counts."""

    def drip(connection: socket.socket) -> None:
        opening = {"silence": b"", "headers": b"HTTP/1.1 200 OK\r\nX-A: ", "body": b"HTTP/1.1 200 OK\r\n\r\n"}[where]
        connection.sendall(opening)
        for _ in range(100):
            time.sleep(0.1)
            if where != "silence":
                connection.sendall(b"x")

    with listening(drip) as port:
        began = time.monotonic()
        assert refusal(f"http://127.0.0.1:{port}/", seconds=0.5, allow_private=True) == "timed_out"
        assert time.monotonic() - began < 1.5


def test_a_slow_resolver_is_left_as_well() -> None:
    def resolve(host: str, port: int) -> list[str]:
        time.sleep(2)
        return ["127.0.0.1"]

    began = time.monotonic()
    assert refusal("http://shop.example/", seconds=0.3, resolve=resolve) == "timed_out"
    assert time.monotonic() - began < 1


def test_a_handshake_that_never_ends_is_left() -> None:
    def say_nothing(connection: socket.socket) -> None:
        time.sleep(3)

    with listening(say_nothing) as port:
        began = time.monotonic()
        assert refusal(f"https://127.0.0.1:{port}/", seconds=0.4, allow_private=True) == "timed_out"
        assert time.monotonic() - began < 1.5


def test_what_cannot_be_reached_says_so_without_the_address(place: Place) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    assert refusal(f"http://127.0.0.1:{port}/", allow_private=True) == "not_connected"
    assert refusal("http://nowhere.invalid/") == "not_resolved"
    assert refusal("http://" + "a" * 70 + ".example/") == "not_resolved"
    assert refusal("http://empty.example/", resolve=lambda *_: []) == "not_resolved"


def test_the_next_address_is_tried_when_one_does_not_answer(place: Place) -> None:
    place.tells("/", b"here")
    url = f"http://shop.example:{place.port}/"
    found = fetch(url, most_bytes=10, seconds=2, allow_private=True, resolve=lambda *_: ["127.0.0.2", "127.0.0.1"])
    assert found.body == b"here"


def test_an_answer_that_is_broken_off_is_no_answer(place: Place) -> None:
    def half(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    with listening(half) as port:
        assert refusal(f"http://127.0.0.1:{port}/", allow_private=True) == "connection_lost"
