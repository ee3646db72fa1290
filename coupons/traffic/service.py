"""What orders and clicks tell the traffic sums. Callers hold the transaction; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.ids import new_id
from coupons.traffic.models import TrafficDeltaRow
from coupons.traffic.rollups import WHOLE_PROGRAM, Change, Riding, Sums
from coupons.traffic.rollups import add_up as count_now
from coupons.traffic.spans import Asked
from coupons.traffic.stats import Stats, stats_of


class SaleDelta(NamedTuple):
    """What an order adds to, or takes from, the sums of its dimensions; `at` is its paid_at, amounts minor units."""

    at: datetime
    link_id: UUID | None
    member_id: UUID | None
    campaign_id: str | None
    channel: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    orders: int
    sales: int
    commission: int


class _Row(NamedTuple):
    id: UUID
    at: datetime
    link_id: UUID | None
    member_id: UUID | None
    campaign_id: str | None
    channel: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    orders: int
    sales: int
    commission: int


def count_sales(program_id: UUID, deltas: Sequence[SaleDelta]) -> None:
    """Append what changed; the next fold adds it up, at most 5 s later. One statement for any number."""
    insert_rows(TrafficDeltaRow, [_Row(new_id(), *delta) for delta in deltas], program_id=program_id)


__all__ = [
    "WHOLE_PROGRAM", "Asked", "Change", "Riding", "SaleDelta", "Stats", "Sums", "count_now", "count_sales", "stats_of",
]  # fmt: skip
