"""Click records for tests, and what the database holds of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.clock import now
from core.db import fetch_all, transaction
from core.ids import new_id
from coupons.clicks.records import ClickRecord

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
LINK, MEMBER = UUID(int=7 << 64), UUID(int=9 << 64)


def click(program_id: UUID, at: datetime | None = None, visitor: int = 1, **other: Any) -> ClickRecord:
    """A click of a visitor at a time (None: now) on LINK, which is MEMBER's, by a browser."""
    plain = ClickRecord(
        program_id=program_id, id=id_at(at or now()), link_id=LINK, member_id=MEMBER,
        visitor_key=visitor.to_bytes(8, "big"), address_hash=b"", user_agent=BROWSER, via="redirect", prefetch=False,
        campaign_id=None, channel=None, group_id=None, content_id=None, session_id=None, sub_ids=(),
    )  # fmt: skip
    return plain._replace(**other)


def id_at(at: datetime) -> UUID:
    """A fresh UUIDv7 of that millisecond."""
    milliseconds = round(at.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | (new_id().int & ((1 << 80) - 1)))


class StoredClick(NamedTuple):
    id: UUID
    kind: str
    is_unique: bool


def stored_clicks(program_id: UUID) -> dict[UUID, StoredClick]:
    with transaction(program_id, read_only=True):
        rows = fetch_all(
            StoredClick, "SELECT id, kind, is_unique FROM clicks WHERE program_id = %(p)s ORDER BY id", p=program_id
        )
    return {row.id: row for row in rows}


class Sums(NamedTuple):
    clicks: int
    unique_clicks: int
    bot_clicks: int
    orders: int
    sales: int
    commission: int


class _Row(NamedTuple):
    dimension: str
    key: str
    at: Any
    sums: Sequence[int]


def hours_of(program_id: UUID) -> dict[tuple[str, str, Any], Sums]:
    """Every hour's sums by dimension, key and hour."""
    return _sums(program_id, "SELECT dimension, key, hour, {} FROM traffic_hours WHERE program_id = %(p)s")


def days_of(program_id: UUID) -> dict[tuple[str, str, Any], Sums]:
    """Every day's sums by dimension, key and day."""
    return _sums(program_id, "SELECT dimension, key, day, {} FROM traffic_days WHERE program_id = %(p)s")


def _sums(program_id: UUID, sql: Any) -> dict[tuple[str, str, Any], Sums]:
    columns = "ARRAY[clicks, unique_clicks, bot_clicks, orders, sales, commission]"
    with transaction(program_id, read_only=True):
        rows = fetch_all(_Row, sql.format(columns), p=program_id)
    return {(row.dimension, row.key, row.at): Sums(*row.sums) for row in rows}


def agree(program_id: UUID) -> None:
    """Sums of hours, sums of days and the raw clicks say the same, in every dimension of theirs."""
    clicks = stored_clicks(program_id).values()
    raw = Sums(
        sum(one.kind == "counted" for one in clicks), sum(one.is_unique for one in clicks),
        sum(one.kind == "bot" for one in clicks), 0, 0, 0,
    )  # fmt: skip
    for found in (hours_of(program_id), days_of(program_id)):
        for dimension in ("program", "link", "member"):
            parts = [sums[:3] for (of, _, _), sums in found.items() if of == dimension]
            assert tuple(map(sum, zip(*parts, strict=True))) in {raw[:3], ()}, dimension
            assert parts or not any(raw), dimension
