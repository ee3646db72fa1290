"""Rows of commissions as plain tuples, field by field as the tables have them."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class CommissionRecord(NamedTuple):
    """One row of `commissions` without program_id."""

    id: UUID
    order_id: UUID
    member_id: UUID
    level: int
    attribution_version: int
    amount: int
    line_amounts: list[int]
    reversed: int
    status: str
    matures_at: datetime | None
    matured_at: datetime | None
    maturation_id: UUID | None
    held_reason: str | None
    earned_at: datetime
    created_at: datetime


class ReversalRecord(NamedTuple):
    """One row of `commission_reversals` without program_id."""

    refund_id: UUID
    commission_id: UUID
    amount: int
    line_amounts: list[int]
    from_status: str
    created_at: datetime
