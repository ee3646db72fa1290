"""WeChat as a process: loopback only, a thread per call, nothing kept. How to run it stands in the package."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from coupons.sharing.wechat.played import PlayedWeChat, create_app

_HOST = "127.0.0.1"


class QuietHandler(WSGIRequestHandler):
    """Logs errors, not every request: tokens are in the addresses."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until a signal comes."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    server = serving(PlayedWeChat(dict(options.app), options.token_seconds), options.port)
    if options.address_file is not None:
        _write_address(options.address_file, f"http://{_HOST}:{server.port}")
    try:
        server.serve_forever()
    finally:
        server.server_close()


def serving(played: PlayedWeChat, port: int = 0) -> BaseWSGIServer:
    """A listening server; port 0: any."""
    return make_server(_HOST, port, create_app(played), threaded=True, request_handler=QuietHandler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wechat", description="Plays the WeChat API for tests and integrators.")
    parser.add_argument("--app", type=_app, action="append", default=[], help="app id and secret, as wx…:secret")
    parser.add_argument("--port", type=int, default=0, help="0: any")
    parser.add_argument("--address-file", type=Path, help="gets the URL as JSON")
    parser.add_argument("--token-seconds", type=int, default=7200, help="how long an access token lives")
    return parser


def _app(text: str) -> tuple[str, str]:
    app_id, colon, secret = text.partition(":")
    if not colon or not app_id or not secret:
        raise argparse.ArgumentTypeError("expected appid:secret")
    return app_id, secret


def _write_address(address_file: Path, url: str) -> None:
    address_file.parent.mkdir(parents=True, exist_ok=True)
    draft = address_file.with_name(f".{address_file.name}.{os.getpid()}")
    draft.write_bytes(orjson.dumps({"url": url}))
    draft.replace(address_file)  # a reader sees the whole of it


if __name__ == "__main__":
    main()
