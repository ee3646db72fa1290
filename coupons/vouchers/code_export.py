"""A coupon's codes as rows of a file, however many there are. Reads only."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from core.ids import public_id, public_id_or_none
from coupons.vouchers import queries
from coupons.vouchers.queries import CodeRecord
from coupons.vouchers.shapes import code_status

_ROWS_AT_ONCE = 5000

HEADER = ("code_id", "code", "kind", "member_id", "status", "expires_at", "created_at")


def exported_codes(program_id: UUID, coupon_id: UUID) -> Iterator[tuple[str | None, ...]]:
    """Every code of the coupon in the order they were made, a few thousand in memory at a time."""
    after: UUID | None = None
    while records := queries.codes_after(program_id, coupon_id, after, _ROWS_AT_ONCE):
        for record in records:
            yield _cells(record)
        after = records[-1].id


def _cells(record: CodeRecord) -> tuple[str | None, ...]:
    return (
        public_id("cod", record.id), record.code, record.kind, public_id_or_none("mem", record.member_id),
        code_status(record), _written(record.expires_at), _written(record.created_at),
    )  # fmt: skip


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.strftime("%Y-%m-%dT%H:%M:%SZ")
