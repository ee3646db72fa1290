"""Fetching addresses that somebody else named: only checked ones are connected to, and nothing waits past its time."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import httpcore
import httpx

REDIRECTS = 3
LONGEST_URL = 4096
_FOLLOWED = frozenset({301, 302, 303, 307, 308})
_SCHEMES = frozenset({"http", "https"})
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_NAT64 = IPv6Network("64:ff9b::/96")
_AGENT = "banyan"

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host as texts. Raises: OSError when there are none."""


class Fetched(NamedTuple):
    """An answer that arrived whole, whatever its status."""

    url: str  # where it was found, after redirects
    status: int
    content_type: str  # lower case, without parameters
    body: bytes


class NotFetched(Exception):
    """No answer. `reason` is a word for logs and metrics and never has anything of the address in it:

    bad_url | not_resolved | address_refused | not_connected | timed_out | connection_lost | too_large |
    too_many_redirects
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def system_addresses(host: str, port: int) -> list[str]:
    """What the system's resolver knows; it also reads the odd spellings of numbers: 127.1, 0x7f000001."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def fetch(
    url: str, *, most_bytes: int, seconds: float, allow_private: bool = False, accept: str = "*/*",
    resolve: Resolve = system_addresses, is_allowed: Callable[[str], bool] | None = None,
) -> Fetched:  # fmt: skip
    """GET an http(s) address: within `seconds` for all of it, at most `most_bytes`, over at most 3 redirects.

    Every host's addresses are looked up once, all of them are checked, and the connection goes to one of those: a name
    that changes its address between check and use gains nothing. Call it outside of transactions. `is_allowed` judges
    an address; it is `is_public` unless `allow_private`.

    Raises:
        NotFetched: nothing usable came back, with the reason.
    """
    judge = is_allowed or (anything if allow_private else is_public)
    with _Watch(seconds) as watch, httpcore.ConnectionPool(
        ssl_context=trusted(), network_backend=CheckedBackend(watch, resolve, judge)
    ) as pool:  # fmt: skip
        for _ in range(REDIRECTS + 1):
            found = _get(pool, usable_url(url), watch, most_bytes, accept)
            if isinstance(found, Fetched):
                return found
            url = found
    raise NotFetched("too_many_redirects")


def is_public(text: str) -> bool:
    """Whether an address belongs to the open internet, and every address that is written inside it does too."""
    address = ip_address(text)
    inner = _inside(address) if isinstance(address, IPv6Address) else []
    refused = (
        not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified
        or getattr(address, "is_site_local", False)
    )  # fmt: skip
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address in _NAT64):
        refused = False  # only ways of writing the address inside
    return not refused and all(is_public(str(one)) for one in inner)


def anything(_address: str) -> bool:
    """The judge of an installation that may reach private networks."""
    return True


def _inside(address: IPv6Address) -> list[IPv4Address]:
    """IPv4 addresses that an IPv6 address leads to: mapped, 6to4, Teredo, NAT64."""
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]


def usable_url(text: str) -> httpx.URL:
    """An http(s) address that may be asked. Raises: NotFetched."""
    if len(text) > LONGEST_URL:
        raise NotFetched("bad_url")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise NotFetched("bad_url") from error
    # a name and password in an address are somebody's secret, or a disguise of the host
    host, port = url.raw_host.decode(), url.port or 1
    if url.scheme not in _SCHEMES or not _HOST.fullmatch(host) or url.userinfo or not 0 < port < 65536:
        raise NotFetched("bad_url")
    return url


def _get(pool: httpcore.ConnectionPool, url: httpx.URL, watch: "_Watch", most_bytes: int, accept: str) -> Fetched | str:
    """One exchange: what was found, or where to look instead."""
    headers: list[tuple[bytes | str, bytes | str]] = [
        ("Host", url.netloc), ("Accept", accept), ("Accept-Encoding", "identity"), ("User-Agent", _AGENT)
    ]  # fmt: skip
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), watch.left())
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    try:
        with pool.stream("GET", target, headers=headers, extensions={"timeout": timeouts}) as answer:
            told = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
            if answer.status in _FOLLOWED and b"location" in told:
                return _joined(url, told[b"location"])
            body = _body(answer, told.get(b"content-length", ""), most_bytes)
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise NotFetched(_reason(error, watch)) from error
    watch.left()  # a body cut short by the watch may look like a whole one
    kind = told.get(b"content-type", "").partition(";")[0].strip().lower()
    return Fetched(str(url), answer.status, kind, body)


def _joined(url: httpx.URL, location: str) -> str:
    try:
        return str(url.join(location))
    except httpx.InvalidURL as error:
        raise NotFetched("bad_url") from error


def _body(answer: httpcore.Response, announced: str, most_bytes: int) -> bytes:
    """All of an answer's body. Raises: NotFetched when it is too large."""
    if announced.isdecimal() and int(announced[:18]) > most_bytes:
        raise NotFetched("too_large")
    body = bytearray()
    for piece in answer.iter_stream():
        body += piece
        if len(body) > most_bytes:
            raise NotFetched("too_large")
    return bytes(body)


def _reason(error: Exception, watch: "_Watch") -> str:
    if isinstance(error, httpcore.TimeoutException) or watch.is_over():
        return "timed_out"
    return "not_connected" if isinstance(error, httpcore.ConnectError) else "connection_lost"


@cache
def trusted() -> ssl.SSLContext:
    """Whom to believe to be who they say."""
    return httpcore.default_ssl_context()


class Time(Protocol):
    """How long something may take, and who cuts its connections then."""

    def left(self) -> float:
        """Seconds left. Raises: NotFetched when there are none."""

    def over(self, connected: socket.socket) -> None:
        """Take note of a connection."""


class _Watch:
    """The time of one fetch. When it is over, every connection made in it is cut: no drip of bytes stretches it."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_Watch":
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            for one in self._sockets:
                one.close()
            self._sockets.clear()

    def is_over(self) -> bool:
        return time.monotonic() >= self._ends

    def left(self) -> float:
        """Seconds left. Raises: NotFetched when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise NotFetched("timed_out")
        return left

    def over(self, connected: socket.socket) -> None:
        """Watch a connection; of a copy of its handle, because TLS takes the original away."""
        with self._lock:
            self._sockets.append(connected.dup())
        self.left()  # after it is listed: it was either cut just now or is refused here

    def _cut(self) -> None:
        with self._lock:
            for one in self._sockets:
                with suppress(OSError):  # the other side was quicker
                    one.shutdown(socket.SHUT_RDWR)


class CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were looked up and checked here, whatever the name says a moment later."""

    def __init__(self, watch: Time, resolve: Resolve, is_allowed: Callable[[str], bool]) -> None:
        self._watch, self._resolve, self._is_allowed = watch, resolve, is_allowed
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        addresses = list(dict.fromkeys(self._addresses(host, port)))
        if not addresses:
            raise NotFetched("not_resolved")
        if not all(map(self._is_allowed, addresses)):
            raise NotFetched("address_refused")
        for place, address in enumerate(addresses, start=1):
            try:
                stream = self._sockets.connect_tcp(address, port, self._watch.left(), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if place == len(addresses):
                    raise
            else:
                self._watch.over(stream.get_extra_info("socket"))
                return stream
        raise AssertionError("unreachable")

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        """The look-up in a thread of its own: a resolver cannot be told to hurry."""
        answers: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

        def look_up() -> None:
            try:
                answers.put(self._resolve(host, port))
            except (OSError, ValueError) as error:  # ValueError: no name that could be asked for
                answers.put(error)

        threading.Thread(target=look_up, daemon=True).start()
        try:
            found = answers.get(timeout=self._watch.left())
        except Empty:
            raise NotFetched("timed_out") from None
        if isinstance(found, Exception):
            raise NotFetched("not_resolved") from found
        return found


__all__ = [
    "CheckedBackend", "Fetched", "NotFetched", "Time", "anything", "fetch", "is_public",
    "system_addresses", "trusted", "usable_url",
]  # fmt: skip
