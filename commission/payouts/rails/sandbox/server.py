"""The sandbox rail as a process: loopback only, a thread per call, no children, safe to kill -9 at any moment."""

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from commission.payouts.rails.sandbox.api import create_app
from commission.payouts.rails.sandbox.book import Book
from commission.payouts.rails.sandbox.faults import Delays

_HOST = "127.0.0.1"
_BACKLOG = 1024  # a burst of callers waits here instead of in the kernel's one-second retry


class QuietHandler(WSGIRequestHandler):
    """Logs errors, not every request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: an access log of a test server is noise."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until a signal comes."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    server = _server(options)
    try:
        server.serve_forever()
    finally:
        server.server_close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sandbox", description="The sandbox rail: see API.md, The sandbox rail.")
    parser.add_argument("--data-dir", type=Path, required=True, help="where the book is kept")
    parser.add_argument(
        "--address-file", type=Path, required=True, help="gets the URL; its port is used again when free"
    )
    parser.add_argument("--port", type=int, default=0, help="this port and no other; 0: as the address file says")
    _add_seconds(parser, "slow", 8, "a slow answer takes (choose more than the client waits)")
    _add_seconds(parser, "processing", 2, "a transfer stays processing")
    _add_seconds(parser, "return", 5, "a transfer stays paid before it is returned")
    parser.add_argument("--faulty-queries", action="store_true", help="faults hit GET /transfers/{key} too")
    return parser


def _add_seconds(parser: argparse.ArgumentParser, name: str, seconds: float, what: str) -> None:
    variable = f"SANDBOX_{name.upper()}_SECONDS"
    default = os.environ.get(variable, str(seconds))  # text, so that argparse checks it like the option
    parser.add_argument(f"--{name}-seconds", type=_seconds, default=default, help=f"how long {what}; or {variable}")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 86_400:  # a day; also refuses nan
        raise ValueError(text)
    return seconds


def _server(options: argparse.Namespace) -> BaseWSGIServer:
    """A listening server whose address is written."""
    options.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    delays = Delays(options.slow_seconds, options.processing_seconds, options.return_seconds)
    app = create_app(Book(options.data_dir / "book.sqlite3"), delays, faulty_queries=options.faulty_queries)
    with _listener(options.port, options.address_file) as listener:
        server = make_server(_HOST, 0, app, threaded=True, request_handler=QuietHandler, fd=listener.fileno())
    _write_address(options.address_file, f"http://{_HOST}:{server.port}")
    return server


def _listener(port: int, address_file: Path) -> socket.socket:
    try:
        return _bound(port or _port_in(address_file))
    except OSError as error:
        if port:
            sys.exit(f"port {port} cannot be used: {error.strerror}")
        return _bound(0)


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of a killed server linger
        listener.bind((_HOST, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _port_in(address_file: Path) -> int:
    """The port used last; 0, any, when the file does not tell."""
    try:
        return int(orjson.loads(address_file.read_bytes())["url"].rpartition(":")[2])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return 0


def _write_address(address_file: Path, url: str) -> None:
    address_file.parent.mkdir(parents=True, exist_ok=True)
    draft = address_file.with_name(f".{address_file.name}.{os.getpid()}")
    draft.write_bytes(orjson.dumps({"url": url}))
    draft.replace(address_file)  # a reader sees the old address or the new one, never half of it


def _exit(*_: Any) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
