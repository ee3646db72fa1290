"""The playing server as a command: loopback only. What it plays stands in the package."""

import argparse
import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import orjson

from community.platforms.played.playing import Playing
from community.platforms.played.serving import listen


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until a signal comes."""
    options = _parser().parse_args(arguments)
    asyncio.run(_serve(Playing(options.window_scale, options.data), options.port, options.address_file))


async def _serve(playing: Playing, port: int, address_file: Path | None) -> None:
    server, ended = await listen(playing, port), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    if address_file is not None:
        _write_address(address_file, playing.origin)
    async with server:
        await ended.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="played", description="Plays chat platforms for tests and integrators.")
    parser.add_argument("--port", type=int, default=0, help="0: any")
    parser.add_argument(
        "--window-scale", type=float, default=1.0, help="how much shorter windows are; 0.01: a minute is 0.6 s"
    )
    parser.add_argument("--data", type=Path, help="keeps the book")
    parser.add_argument("--address-file", type=Path, help="gets the URL as JSON")
    return parser


def _write_address(address_file: Path, url: str) -> None:
    address_file.parent.mkdir(parents=True, exist_ok=True)
    draft = address_file.with_name(f".{address_file.name}.{os.getpid()}")
    draft.write_bytes(orjson.dumps({"url": url}))
    draft.replace(address_file)  # a reader sees the whole of it


if __name__ == "__main__":
    main()
