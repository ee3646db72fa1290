"""Posting for others: connections are kept, addresses checked when they are made, every exchange ends in its time."""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from core.http.outgoing import NotFetched, trusted
from core.http.posting import NOTHING_SENT, Posted, Poster

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Place:
    """A web server that tells what it was sent, and over which connection."""

    def __init__(self) -> None:
        self.posts: list[tuple[int, dict[str, str], bytes]] = []
        self.status, self.headers, self.answer = 200, {"X-Word": "Yes"}, b"thanks"
        place = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                place.posts.append((self.client_address[1], {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(place.status)
                for name, value in place.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(place.answer)))
                self.end_headers()
                self.wfile.write(place.answer)

            do_PUT = do_POST  # noqa: N815 -- as its base class names them

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/x?y=1"


@pytest.fixture
def place() -> Iterator[Place]:
    one = Place()
    threading.Thread(target=one.server.serve_forever, args=(0.02,), daemon=True).start()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def poster() -> Iterator[Poster]:
    one = Poster(connections=4, allow_private=True)
    yield one
    one.close()


def post(poster: Poster, url: str, body: bytes = b"hello", seconds: float = 2, most: int = 1000) -> Posted:
    return poster.request("POST", url, body, {"X-Key": "k"}, seconds=seconds, most_bytes=most)


def refusal(poster: Poster, url: str, **options: Any) -> str:
    with pytest.raises(NotFetched) as caught:
        post(poster, url, **options)
    assert not url or url not in str(caught.value)
    return caught.value.reason


@contextmanager
def listening(script: Callable[[socket.socket], None], connections: int = 1) -> Iterator[str]:
    """A bare socket server: `script` has each connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            for _ in range(connections):
                try:
                    connection, _ = server.accept()
                    with closing(connection):
                        script(connection)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def request_of(connection: socket.socket) -> bytes:
    read = b""
    while b"hello" not in read:
        read += connection.recv(10_000)
    return read


def test_a_post_arrives_and_its_answer_comes_back(place: Place, poster: Poster) -> None:
    assert post(poster, place.url) == Posted(200, {**post(poster, place.url).headers, "x-word": "Yes"}, b"thanks")
    _, headers, body = place.posts[0]
    assert body == b"hello"
    assert (headers["x-key"], headers["content-length"], headers["user-agent"]) == ("k", "5", "banyan")
    assert headers["host"] == f"127.0.0.1:{place.port}"
    assert poster.request("PUT", place.url, b"", {}, seconds=2, most_bytes=10).status == 200


def test_connections_are_kept(place: Place, poster: Poster) -> None:
    for _ in range(5):
        post(poster, place.url)
    assert len({port for port, _, _ in place.posts}) == 1
    poster.close()
    post(poster, place.url)
    assert len({port for port, _, _ in place.posts}) == 2


def test_threads_share_the_connections(place: Place, poster: Poster) -> None:
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(post(poster, place.url).status for _ in range(20)))
        for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert answers == [200] * 160
    assert len({port for port, _, _ in place.posts}) <= 20  # 4 at a time


def test_a_fork_has_connections_of_its_own(place: Place, poster: Poster) -> None:
    post(poster, place.url)
    child = os.fork()
    if not child:
        try:
            os._exit(0 if post(poster, place.url).status == 200 else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    post(poster, place.url)
    ports = [port for port, _, _ in place.posts]
    assert ports[0] == ports[2] != ports[1]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1"]
)
def test_private_addresses_are_refused(place: Place, host: str) -> None:
    with closing(Poster(connections=1)) as poster:
        assert refusal(poster, f"http://{host}:{place.port}/") in {"address_refused", "not_resolved"}
    assert place.posts == []


def test_every_address_of_a_name_is_judged_and_the_connection_goes_there(place: Place) -> None:
    with closing(Poster(connections=1, resolve=lambda *_: ["93.184.216.34", "127.0.0.1"])) as poster:
        assert refusal(poster, f"http://a.example:{place.port}/") == "address_refused"
    told = iter([["127.0.0.1"], ["10.0.0.1"]])
    with closing(Poster(connections=1, allow_private=True, resolve=lambda *_: next(told))) as poster:
        for _ in range(3):  # looked up once: the connection stays where it was checked
            assert post(poster, f"http://a.example:{place.port}/").status == 200


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://x.example/", "http://a:b@x.example/", "http:///x"])
def test_what_is_no_address_is_refused(poster: Poster, url: str) -> None:
    assert refusal(poster, url) == "bad_url"


def test_a_redirect_is_an_answer_and_not_followed(place: Place, poster: Poster) -> None:
    place.status, place.headers = 302, {"Location": place.url}
    found = post(poster, place.url)
    assert (found.status, found.headers["location"]) == (302, place.url)
    assert len(place.posts) == 1


def test_an_answer_too_large_is_given_up(place: Place, poster: Poster) -> None:
    place.answer = b"x" * 5000
    assert refusal(poster, place.url) == "too_large"
    assert post(poster, place.url, most=5000).body == place.answer


def test_an_endless_answer_is_given_up(poster: Poster) -> None:
    def endless(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"100\r\n" + b"x" * 256 + b"\r\n")

    with listening(endless) as url:
        assert refusal(poster, url) == "too_large"


def test_nobody_listening_means_nothing_was_sent(poster: Poster) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    reason = refusal(poster, f"http://127.0.0.1:{port}/")
    assert reason == "not_connected"
    assert reason in NOTHING_SENT


def test_a_name_that_takes_too_long_to_look_up_means_nothing_was_sent() -> None:
    def slow(_host: str, _port: int) -> list[str]:
        time.sleep(1)
        return ["127.0.0.1"]

    with closing(Poster(connections=1, allow_private=True, resolve=slow)) as poster:
        began = time.monotonic()
        assert refusal(poster, "http://a.example/", seconds=0.1) == "not_connected"
        assert time.monotonic() - began < 0.9


@pytest.mark.parametrize("drip", [b"", b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"])
def test_no_drip_of_bytes_stretches_an_exchange(poster: Poster, drip: bytes) -> None:
    def dripping(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(drip)
        for _ in range(40):
            time.sleep(0.05)
            connection.sendall(b"x")

    with listening(dripping) as url:
        began = time.monotonic()
        assert refusal(poster, url, seconds=0.4) in {"timed_out", "connection_lost"}
        assert time.monotonic() - began < 1.2


def test_a_receiver_that_does_not_read_ends_the_exchange(poster: Poster) -> None:
    with listening(lambda connection: time.sleep(3)) as url:
        began = time.monotonic()
        assert refusal(poster, url, body=b"x" * 30_000_000, seconds=0.4) == "timed_out"
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx", b"nonsense\r\n\r\n"])
def test_a_lost_or_broken_answer_is_told(poster: Poster, answer: bytes) -> None:
    def script(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(answer)

    with listening(script) as url:
        reason = refusal(poster, url)
        assert reason == "connection_lost"
        assert reason not in NOTHING_SENT


def test_a_connection_that_was_closed_while_idle_is_not_used_again(poster: Poster) -> None:
    def once(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(ANSWER)

    with listening(once, connections=3) as url:
        for _ in range(3):
            assert post(poster, url).body == b"ok"
            time.sleep(0.05)


def test_the_time_of_one_post_is_not_that_of_the_next(place: Place, poster: Poster) -> None:
    post(poster, place.url, seconds=0.2)
    time.sleep(0.3)
    assert post(poster, place.url, seconds=0.2).status == 200


def test_a_head_and_its_body_leave_together(poster: Poster) -> None:
    """In one packet: a server is woken once, not twice."""
    pieces: list[bytes] = []

    def script(connection: socket.socket) -> None:
        pieces.append(connection.recv(10_000))
        connection.sendall(ANSWER)

    with listening(script) as url:
        post(poster, url)
    assert pieces[0].startswith(b"POST / HTTP/1.1\r\n")
    assert pieces[0].endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nX: y", "a\rb"])
def test_a_header_is_one_line(poster: Poster, place: Place, value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        poster.request("POST", place.url, b"", {"X-Key": value}, seconds=2, most_bytes=10)
    assert place.posts == []


def certificate(folder: Path) -> Path:
    """A certificate for localhost that nobody but this test trusts, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = datetime.now(UTC)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(day - timedelta(days=1)).not_valid_after(day + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "pair.pem").write_bytes(private + built.public_bytes(Encoding.PEM))
    return folder / "pair.pem"


def test_over_tls_a_name_must_be_proved(poster: Poster, tmp_path: Path) -> None:
    pair = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)

    def script(connection: socket.socket) -> None:
        with suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as secured:
            while request_of(secured):
                secured.sendall(ANSWER)

    with listening(script, connections=2) as url:
        secure = url.replace("http://127.0.0.1", "https://localhost")
        assert refusal(poster, secure) == "not_connected"
        trusted().load_verify_locations(pair)  # of this process, for a certificate that lives no longer than the test
        assert [post(poster, secure).body for _ in range(2)] == [b"ok", b"ok"]
        poster.close()
        assert refusal(poster, secure.replace("localhost", "127.0.0.1")) == "not_connected"
