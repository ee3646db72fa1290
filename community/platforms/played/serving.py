"""HTTP/1.1 as far as clients of these platforms speak it: bodies with a length, kept connections, one loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import parse_qsl, unquote

from community.platforms.played.playing import Playing
from community.platforms.played.replies import Asked, Reply

HOST = "127.0.0.1"
_LARGEST = 32 * 1024 * 1024
_REASONS = {200: "OK", 204: "No Content"}
_BROKEN = Reply(400, b"Bad Request", ())


class Connection(asyncio.Protocol):
    """One client's connection; its requests are answered one after another."""

    def __init__(self, playing: Playing, open_ones: set[asyncio.Transport]) -> None:
        self._playing, self._open = playing, open_ones
        self._read, self._is_busy = bytearray(), False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answers go here."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits any more."""
        if self._transport is not None:
            self._open.discard(self._transport)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Some of a request, or more than one."""
        self._read += data
        self._go_on()

    def _go_on(self) -> None:
        while not self._is_busy:
            end = self._read.find(b"\r\n\r\n")
            if end < 0:
                return
            asked = self._request(end)
            if asked is not None:
                self._answer(asked)
            elif not self._is_busy:
                return

    def _request(self, end: int) -> Asked | None:
        """The next whole request; None while some of it is missing."""
        try:
            first, *rest = bytes(self._read[:end]).decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
            length = int(headers.get("content-length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= _LARGEST:
            self._write(_BROKEN._replace(is_lost=False))
            self._close()
            return None
        if len(self._read) < end + 4 + length:
            return None
        body = bytes(self._read[end + 4 : end + 4 + length])
        del self._read[: end + 4 + length]
        path, _, query = target.partition("?")
        return Asked(method, unquote(path), dict(parse_qsl(query, keep_blank_values=True)), headers, body)

    def _answer(self, asked: Asked) -> None:
        reply = self._playing.answer(asked)
        loop = asyncio.get_running_loop()
        if isinstance(reply, Reply) and not reply.after:
            self._write(reply)
            return
        self._is_busy = True
        if isinstance(reply, Reply):
            loop.call_later(reply.after, self._finish, reply)
        else:
            loop.run_in_executor(None, reply).add_done_callback(lambda done: self._finish(_result(done)))

    def _finish(self, reply: Reply) -> None:
        self._is_busy = False
        self._write(reply)
        self._go_on()

    def _write(self, reply: Reply) -> None:
        if self._transport is None:
            return
        if reply.is_lost:
            self._transport.abort()
            return
        headers = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        length = "" if reply.status == 204 else f"Content-Length: {len(reply.body)}\r\n"
        head = f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Other')}\r\n{headers}{length}\r\n"
        self._transport.write(head.encode("latin-1") + reply.body)

    def _close(self) -> None:
        self._read.clear()
        if self._transport is not None:
            self._transport.close()


def _result(done: "asyncio.Future[Reply]") -> Reply:
    error = done.exception()
    return done.result() if error is None else Reply(502, type(error).__name__.encode(), ())


async def listen(playing: Playing, port: int, open_ones: set[asyncio.Transport] | None = None) -> asyncio.Server:
    """A listening server on this machine; port 0: any. `open_ones` gets its connections."""
    connected = partial(Connection, playing, set() if open_ones is None else open_ones)
    server = await asyncio.get_running_loop().create_server(connected, HOST, port, backlog=1024)
    playing.origin = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
    return server


@contextmanager
def in_thread(playing: Playing) -> Iterator[Playing]:
    """Play in a thread of this process, for tests."""
    loop, listening = asyncio.new_event_loop(), threading.Event()
    open_ones: set[asyncio.Transport] = set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(listen(playing, 0, open_ones))
        listening.set()
        loop.run_forever()
        server.close()
        for one in list(open_ones):
            one.abort()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run, daemon=True, name="played")
    thread.start()
    listening.wait()
    try:
        yield playing
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
