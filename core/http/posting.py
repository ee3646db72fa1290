"""Posting to addresses that somebody else named: as `outgoing` fetches, but connections are kept for the next post.

A connection stays with the address that was looked up and checked when it was made. Share one `Poster` between the
threads of a process; after a fork each process has connections of its own.
"""

import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ssl import SSLContext
from typing import Any, NamedTuple

import httpcore

from core.http.outgoing import (
    CheckedBackend,
    NotFetched,
    Resolve,
    anything,
    bounded_body,
    is_public,
    system_addresses,
    trusted,
    usable_url,
)

NOTHING_SENT = frozenset({"bad_url", "not_resolved", "address_refused", "not_connected"})
"""Reasons of NotFetched after which the other side certainly has nothing of the post."""

_KEPT_SECONDS = 20  # shorter than servers keep idle connections: a post into a closing one has an unknown end
_PIECE = 64 * 1024
_HEADERS = ((b"User-Agent", b"banyan"), (b"Accept-Encoding", b"identity"))


class Posted(NamedTuple):
    """An answer that arrived whole, whatever its status. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Poster:
    """Posts from any thread, over connections that are kept."""

    def __init__(self, *, connections: int, allow_private: bool = False, resolve: Resolve = system_addresses) -> None:
        self._connections, self._resolve = connections, resolve
        self._judge = anything if allow_private else is_public
        self._time = _ThreadTime()
        self._pools: dict[int, httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()

    def request(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, most_bytes: int
    ) -> Posted:
        """One exchange within `seconds`, connecting included; redirects are not followed.

        Raises:
            NotFetched: no usable answer, with the reason; of NOTHING_SENT or the end of the post is unknown.
        """
        target, host = _target(url)
        told = [
            (b"Host", host),
            *_HEADERS,
            (b"Content-Length", str(len(body)).encode()),
            *((name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()),
        ]
        self._time.start(seconds)
        extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)}
        try:
            with self._pool().stream(method, target, headers=told, content=body, extensions=extensions) as answer:
                found = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in answer.headers}
                content = bounded_body(answer, found.get("content-length", ""), most_bytes)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
            raise NotFetched("not_connected") from error
        except httpcore.TimeoutException as error:
            raise NotFetched("timed_out") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise NotFetched("timed_out" if self._time.is_over() else "connection_lost") from error
        return Posted(answer.status, found, content)

    def close(self) -> None:
        """Close this process's connections; the next post opens new ones."""
        with self._lock:
            pool = self._pools.pop(os.getpid(), None)
        if pool is not None:
            pool.close()

    def _pool(self) -> httpcore.ConnectionPool:
        """The pool of this process: one inherited by a fork would share its sockets with the parent."""
        pool = self._pools.get(os.getpid())
        if pool is not None:
            return pool
        with self._lock:
            return self._pools.setdefault(os.getpid(), self._new_pool())

    def _new_pool(self) -> httpcore.ConnectionPool:
        backend = _TimedBackend(self._time, CheckedBackend(self._time, self._resolve, self._judge))
        return httpcore.ConnectionPool(
            ssl_context=trusted(), max_connections=self._connections, max_keepalive_connections=self._connections,
            keepalive_expiry=_KEPT_SECONDS, network_backend=backend,
        )  # fmt: skip


@lru_cache(4096)
def _target(url: str) -> tuple[httpcore.URL, bytes]:
    """An address taken apart, and its host as a header. Raises: NotFetched."""
    found = usable_url(url)
    parts = httpcore.URL(scheme=found.raw_scheme, host=found.raw_host, port=found.port, target=found.raw_path)
    return parts, found.netloc


class _ThreadTime(threading.local):
    """The time of the exchange that this thread is in: each is carried out by one thread from end to end."""

    ends = 0.0

    def start(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds

    def is_over(self) -> bool:
        return time.monotonic() >= self.ends

    def left(self) -> float:
        left = self.ends - time.monotonic()
        if left <= 0:
            raise NotFetched("not_connected")  # asked before connecting only
        return left

    def over(self, connected: socket.socket) -> None:
        """Nothing: every wait on this connection asks for the time."""


class _TimedBackend(httpcore.NetworkBackend):
    """Connections whose every wait ends with the exchange: no drip of bytes stretches it."""

    def __init__(self, moment: _ThreadTime, inner: CheckedBackend) -> None:
        self._time, self._inner = moment, inner

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        try:
            inner = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        except NotFetched as error:  # no time left for the look-up: nothing was sent either
            raise NotFetched("not_connected" if error.reason == "timed_out" else error.reason) from error
        return _TimedStream(self._time, inner)


class _TimedStream(httpcore.NetworkStream):
    """What is written goes out before the next read: head and body of a post in one packet."""

    def __init__(self, moment: _ThreadTime, inner: httpcore.NetworkStream) -> None:
        self._time, self._inner, self._waiting = moment, inner, bytearray()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._flush()
        left = self._time.ends - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return self._inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._waiting += buffer

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, bytearray()
        for start in range(0, len(waiting), _PIECE):
            left = self._time.ends - time.monotonic()
            if left <= 0:
                raise httpcore.WriteTimeout
            self._inner.write(bytes(waiting[start : start + _PIECE]), left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._time, self._inner.start_tls(ssl_context, server_hostname, self._time.left()))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
