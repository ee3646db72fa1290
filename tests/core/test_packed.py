"""Binary arrays: PostgreSQL reads from them what was put in, whatever the sizes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.db import scalar, transaction
from core.packed import Packed, PackedBytes, PackedDays, PackedIds, PackedInstants, PackedNumbers, day_bytes
from tests.clients import TestProgram

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
NOON = datetime(2026, 11, 10, 12, 30, 0, 123_000, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("packed", "read"),
    [
        (PackedIds([ID.bytes, UUID(int=0).bytes]), [ID, UUID(int=0)]),
        (PackedBytes([b"\0\\x'12345", b"12345678"]), [b"\0\\x'12345", b"12345678"]),
        (PackedBytes([b"", b"12345678", b"1"]), [b"", b"12345678", b"1"]),
        (PackedBytes([b"", b""]), [b"", b""]),
        (PackedNumbers([0, -1, 2_147_483_647]), [0, -1, 2_147_483_647]),
        (PackedInstants([(NOON - EPOCH) // timedelta(milliseconds=1), 0]), [NOON, EPOCH]),
        (PackedDays([day_bytes(0), day_bytes((NOON - EPOCH).days)]), [date(1970, 1, 1), NOON.date()]),
        (PackedIds([]), []),
        (PackedNumbers([]), []),
    ],
)
def test_what_goes_in_comes_out(program: TestProgram, packed: Packed, read: Sequence[Any]) -> None:
    with transaction(program.id, read_only=True):
        assert scalar(
            "SELECT array_agg(one ORDER BY n) FROM unnest(%(all)s) WITH ORDINALITY AS given (one, n)", all=packed
        ) == (list(read) or None)
