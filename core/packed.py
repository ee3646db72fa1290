"""Arrays of values of one size, sent to PostgreSQL in its own binary form: made by joining bytes, a value at no cost.

For the few statements that send tens of thousands of values; core/bulk.py serves all others.
"""

from collections.abc import Sequence
from struct import Struct
from typing import ClassVar

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = Struct(">iiIii")  # dimensions, whether any is null, type of the elements, how many, number of the first
_LENGTH = Struct(">i")
_EPOCH_MILLISECONDS = 946_684_800_000  # PostgreSQL counts from 2000-01-01
EPOCH_DAYS = 10_957
_MICROSECONDS = Struct(">q")
_INTEGER = Struct(">i")


class Packed:
    """An array in PostgreSQL's binary form. Each kind is a type of its own, so that statements need no casts."""

    oid: ClassVar[int]
    element: ClassVar[int]
    __slots__ = ("binary",)

    def __init__(self, values: Sequence[bytes]) -> None:
        """`values`: each in its binary form; of different lengths they cost more."""
        head = _HEAD.pack(1, 0, self.element, len(values), 1)
        sizes = set(map(len, values))
        if len(sizes) == 1:
            length = _LENGTH.pack(sizes.pop())
            self.binary = head + length + length.join(values)
        else:
            self.binary = head + b"".join([_LENGTH.pack(len(value)) + value for value in values])


class PackedIds(Packed):
    """16 bytes each: uuid[]."""

    oid, element = 2951, 2950


class PackedBytes(Packed):
    """bytea[]."""

    oid, element = 1001, 17


class PackedDays(Packed):
    """What `day_bytes` makes: date[]."""

    oid, element = 1182, 1082


class PackedNumbers(Packed):
    """int[]."""

    oid, element = 1007, 23

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__(list(map(_INTEGER.pack, numbers)))


class PackedInstants(Packed):
    """timestamptz[], from milliseconds since 1970."""

    oid, element = 1185, 1184

    def __init__(self, milliseconds: Sequence[int]) -> None:
        pack = _MICROSECONDS.pack
        super().__init__([pack((at - _EPOCH_MILLISECONDS) * 1000) for at in milliseconds])


def day_bytes(ordinal: int) -> bytes:
    """The binary form of the day with this number since 1970-01-01."""
    return _INTEGER.pack(ordinal - EPOCH_DAYS)


def _dumper(kind: type[Packed]) -> type[Dumper]:
    class PackedDumper(Dumper):
        format = Format.BINARY
        oid = kind.oid

        def dump(self, obj: Packed) -> Buffer:
            return obj.binary

    return PackedDumper


for _kind in (PackedIds, PackedBytes, PackedDays, PackedNumbers, PackedInstants):
    psycopg.adapters.register_dumper(_kind, _dumper(_kind))
