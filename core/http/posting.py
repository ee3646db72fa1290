"""Posting to addresses that somebody else named: as `outgoing` fetches, but connections are kept for the next post.

A connection stays with the address that was looked up and checked when it was made. Share one `Poster` between the
threads of a process; after a fork each process has connections of its own. A connection has one user at a time; it is
not httpcore's pool that keeps them, which may close one that another thread has just taken.
"""

import http.client
import io
import os
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import httpcore

from core.http.outgoing import (
    CheckedBackend,
    NotFetched,
    Resolve,
    anything,
    is_public,
    system_addresses,
    trusted,
    usable_url,
)

NOTHING_SENT = frozenset({"bad_url", "not_resolved", "address_refused", "not_connected"})
"""Reasons of NotFetched after which the other side certainly has nothing of the post."""

_KEPT_SECONDS = 20  # shorter than servers keep idle connections: a post into a closing one has an unknown end
_PIECE = 64 * 1024
_PORTS = {"http": 80, "https": 443}


class Posted(NamedTuple):
    """An answer that arrived whole, whatever its status. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Poster:
    """Posts from any thread. `connections`: how many are kept while nobody uses them."""

    def __init__(self, *, connections: int, allow_private: bool = False, resolve: Resolve = system_addresses) -> None:
        self._resolve, self._judge = resolve, anything if allow_private else is_public
        self._connections, self._kept = connections, _Kept(connections)
        self._process = os.getpid()

    def request(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, most_bytes: int
    ) -> Posted:
        """One exchange within `seconds`, connecting included; redirects are not followed.

        Raises:
            NotFetched: no usable answer, with the reason; of NOTHING_SENT or the end of the post is unknown.
        """
        place, deadline, kept = _place(url), _Deadline(seconds), self._of_this_process()
        connection = kept.take(place) or self._connected(place, deadline)
        try:
            found = connection.exchange(_head(method, place, body, headers) + body, method, deadline, most_bytes)
        except BaseException:
            connection.close()
            raise
        kept.keep(place, connection)
        return found

    def close(self) -> None:
        """Close this process's idle connections; the next post opens new ones."""
        self._of_this_process().close()

    def _of_this_process(self) -> "_Kept":
        """A fork would share its parent's sockets: it begins with none. It has one thread at that moment."""
        if self._process != os.getpid():
            self._process, self._kept = os.getpid(), _Kept(self._connections)
        return self._kept

    def _connected(self, place: "_Place", deadline: "_Deadline") -> "_Connection":
        try:
            stream = CheckedBackend(deadline, self._resolve, self._judge).connect_tcp(place.host, place.port)
            connected: socket.socket = stream.get_extra_info("socket")
            if place.scheme == "https":
                connected.settimeout(deadline.left())  # of the whole handshake
                connected = trusted().wrap_socket(connected, server_hostname=place.host)
        except NotFetched as error:  # without time for the look-up nothing was sent either
            raise NotFetched("not_connected" if error.reason == "timed_out" else error.reason) from error
        except (httpcore.ConnectError, httpcore.ConnectTimeout, OSError) as error:
            raise NotFetched("not_connected") from error
        return _Connection(connected)


class _Place(NamedTuple):
    """Where a connection leads, and what is asked for there."""

    scheme: str
    host: str
    port: int
    netloc: bytes
    path: bytes


@lru_cache(4096)
def _place(url: str) -> _Place:
    """An address taken apart. Raises: NotFetched."""
    found = usable_url(url)
    host = found.raw_host.decode("ascii")
    return _Place(found.scheme, host, found.port or _PORTS[found.scheme], found.netloc, found.raw_path)


def _head(method: str, place: _Place, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Request line and headers. Raises: ValueError when one of them would be two."""
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if told.count("\n") != len(headers) or told.count("\r") != len(headers):
        raise ValueError("a line break in a header")
    first = f"{method} ".encode("ascii") + place.path + b" HTTP/1.1\r\nHost: " + place.netloc
    ours = f"\r\nUser-Agent: banyan\r\nAccept-Encoding: identity\r\nContent-Length: {len(body)}\r\n"
    return first + (ours + told).encode("latin-1") + b"\r\n"


class _Deadline:
    """The time of one exchange: every wait in it ends with it."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise NotFetched("timed_out")
        return left

    def over(self, connected: socket.socket) -> None:
        """Nothing: whoever waits on this connection asks for the time."""


class _Connection:
    """A connection in the hands of one exchange at a time."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket, self.is_whole, self.idle_since = connected, True, 0.0

    def exchange(self, request: bytes, method: str, deadline: _Deadline, most_bytes: int) -> Posted:
        """Send all of it and read all of the answer. Raises: NotFetched."""
        try:
            self._send(request, deadline)
            with http.client.HTTPResponse(_Readable(self._socket, deadline), method=method) as answer:  # type: ignore[arg-type]
                answer.begin()
                body = _body(answer, most_bytes)
                self.is_whole = not answer.will_close
                headers = {name.lower(): value for name, value in answer.getheaders()}
        except TimeoutError as error:
            raise NotFetched("timed_out") from error
        except (OSError, http.client.HTTPException) as error:
            deadline.left()
            raise NotFetched("connection_lost") from error
        return Posted(answer.status, headers, body)

    def _send(self, request: bytes, deadline: _Deadline) -> None:
        """Head and body of a small post leave in one packet."""
        waiting = memoryview(request)
        while waiting:
            self._socket.settimeout(deadline.left())
            waiting = waiting[self._socket.send(waiting[:_PIECE]) :]

    def is_quiet(self) -> bool:
        """Whether the other side has neither closed it nor said anything unasked."""
        asked = select.poll()
        asked.register(self._socket, select.POLLIN)
        return not asked.poll(0)

    def close(self) -> None:
        self._socket.close()


def _body(answer: http.client.HTTPResponse, most_bytes: int) -> bytes:
    """All of it. Raises: NotFetched when it is too large or breaks off."""
    if (answer.length or 0) > most_bytes:
        raise NotFetched("too_large")
    body = answer.read(most_bytes + 1)
    if len(body) > most_bytes:
        raise NotFetched("too_large")
    if answer.length:
        raise NotFetched("connection_lost")
    return body


class _Readable(io.RawIOBase):
    """What http.client reads from: a socket whose waits end with the exchange."""

    def __init__(self, connected: socket.socket, deadline: _Deadline) -> None:
        self._socket, self._deadline = connected, deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv_into(buffer)


class _Kept:
    """Idle connections of one process, the last used first."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._idle: dict[tuple[str, str, int], deque[_Connection]] = {}
        self._count = 0

    def take(self, place: _Place) -> _Connection | None:
        """One that is still good; it is nobody else's until it is kept again."""
        while (found := self._pop(place)) is not None:
            if time.monotonic() - found.idle_since < _KEPT_SECONDS and found.is_quiet():
                return found
            found.close()
        return None

    def keep(self, place: _Place, connection: _Connection) -> None:
        """Keep it for the next; or close it, if it has ended or there are enough."""
        if connection.is_whole:
            connection.idle_since = time.monotonic()
            with self._lock:
                if self._count >= self._most:
                    self._drop_old()
                if self._count < self._most:
                    self._idle.setdefault(place[:3], deque()).append(connection)
                    self._count += 1
                    return
        connection.close()

    def close(self) -> None:
        """Close all of them."""
        with self._lock:
            for connections in self._idle.values():
                for one in connections:
                    one.close()
            self._idle.clear()
            self._count = 0

    def _pop(self, place: _Place) -> _Connection | None:
        with self._lock:
            connections = self._idle.get(place[:3])
            if not connections:
                return None
            self._count -= 1
            return connections.pop()

    def _drop_old(self) -> None:
        """Close what nobody has wanted for long, of hosts that may never be asked again."""
        old = time.monotonic() - _KEPT_SECONDS
        for origin, connections in list(self._idle.items()):
            while connections and connections[0].idle_since < old:
                connections.popleft().close()
                self._count -= 1
            if not connections:
                del self._idle[origin]
