"""Bytes of a segment that are no records: found between those that are, and kept aside for whoever wants to look."""

from collections.abc import Iterator
from pathlib import Path
from struct import Struct

from coupons.clicks.records import MAGIC, decode

SUFFIX = ".bad"
_HEAD = Struct("<4sII")  # of a frame, as records.py writes it


def keep_damage(segment: Path, start: int, end: int, records: int) -> int:
    """Copy what lies between `start` and `end` beside the `records` whole ones to the segment's .bad file.

    The number of bytes. Doing it again, after a place was lost, writes them again.
    """
    with segment.open("rb") as file:
        file.seek(start)
        buffer = file.read(end - start)
    if not records:
        buffer = buffer.rstrip(b"\0")  # room that nobody came to need
    if _is_sound(buffer, records):
        return 0
    pieces = list(_damaged(buffer))
    if pieces:
        with segment.with_suffix(SUFFIX).open("ab") as kept:
            kept.writelines(pieces)
    return sum(map(len, pieces))


def _is_sound(buffer: bytes, records: int) -> bool:
    """From head to head there are just as many as were read: the usual case, seen without reading them again."""
    at = 0
    while at + _HEAD.size <= len(buffer):
        magic, length, _ = _HEAD.unpack_from(buffer, at)
        if magic != MAGIC:
            return False
        at += _HEAD.size + length
        records -= 1
    return at == len(buffer) and records == 0


def _damaged(buffer: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(buffer):
        found, used = decode(buffer[at:], 1)
        if not found:
            yield buffer[at:]
            return
        whole = _HEAD.size + _HEAD.unpack_from(buffer, _start_of_last(buffer, at, at + used))[1]
        if used > whole:
            yield buffer[at : at + used - whole]
        at += used


def _start_of_last(buffer: bytes, start: int, end: int) -> int:
    """Where the record that ends at `end` begins: the one head whose length leads there."""
    at = buffer.find(MAGIC, start)
    while _HEAD.size + at + _HEAD.unpack_from(buffer, at)[1] != end or not decode(buffer[at:end], 1)[0]:
        at = buffer.find(MAGIC, at + 1)
    return at
