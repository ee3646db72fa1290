"""The one terminal that all processes share: whole lines, each with its process's name in front."""

import contextlib
from typing import BinaryIO

ERASE_LINE = b"\r\x1b[2K"
NAME_WIDTH = 14


class Terminal:
    """Writes to `stream`. A process in `raw` draws on the terminal itself, as a progress bar does."""

    def __init__(self, stream: BinaryIO, *, raw: frozenset[str] = frozenset()) -> None:
        self._stream = stream
        self._raw = raw
        self._unfinished: dict[str, bytes] = {}
        self._line_is_open = False  # the last thing drawn was no whole line

    def show(self, name: str, output: bytes) -> None:
        """What a process printed, in whatever pieces it arrives."""
        if name in self._raw:
            self._line_is_open = not output.endswith(b"\n")
            self._write(output)
            return
        *lines, self._unfinished[name] = (self._unfinished.get(name, b"") + output).split(b"\n")
        self._write_lines(name, lines)

    def end(self, name: str) -> None:
        """The process is gone: what it had not finished is a line as well."""
        rest = self._unfinished.pop(name, b"")
        self._write_lines(name, [rest] if rest else [])

    def say(self, text: str) -> None:
        """A line of the supervisor itself."""
        self._write_lines("banyan", [text.encode()])

    def _write_lines(self, name: str, lines: list[bytes]) -> None:
        if not lines:
            return
        prefix = f"{name:<{NAME_WIDTH}} | ".encode()
        erase = ERASE_LINE if self._line_is_open else b""  # the bar is drawn anew below these lines
        self._line_is_open = False
        self._write(erase + b"".join(prefix + line + b"\n" for line in lines))

    def _write(self, output: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more: no reason to stop serving
            self._stream.write(output)
            self._stream.flush()
