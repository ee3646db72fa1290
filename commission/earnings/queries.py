"""Every SELECT on maturations and on lists of commissions. What a period earned is in periods.py."""

from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from core.clock import now
from core.db import fetch_all, fetch_one, scalar
from core.ids import ExternalRef, Ref


class MaturationRecord(NamedTuple):
    """One pass of maturation."""

    id: UUID
    as_of: datetime
    status: str
    source: str
    after_member_id: UUID | None
    commission_count: int
    amount: int
    created_by: UUID | None
    created_at: datetime
    completed_at: datetime | None


class DueCommission(NamedTuple):
    """A commission whose hold has ended."""

    id: UUID
    member_id: UUID


class ListedCommission(NamedTuple):
    """A commission with the shop's own ids of its order and member."""

    id: UUID
    order_id: UUID
    order_external_id: str
    member_id: UUID
    member_external_id: str | None  # None: erased
    level: int
    amount: int
    reversed: int
    status: str
    matures_at: datetime | None
    matured_at: datetime | None
    held_reason: str | None
    earned_at: datetime


_MATURATION: LiteralString = """
    SELECT id, as_of, status, source, after_member_id, commission_count, amount, created_by, created_at, completed_at
    FROM maturations WHERE program_id = %(program_id)s"""


def maturation(program_id: UUID, maturation_id: UUID, *, lock: bool = False) -> MaturationRecord | None:
    return fetch_one(
        MaturationRecord,
        _MATURATION + " AND id = %(id)s" + (" FOR UPDATE" if lock else ""),
        program_id=program_id, id=maturation_id,
    )  # fmt: skip


def maturations(program_id: UUID, after: UUID | None, most: int) -> list[MaturationRecord]:
    """Newest first."""
    return fetch_all(
        MaturationRecord,
        _MATURATION + (" AND id < %(after)s" if after else "") + " ORDER BY id DESC LIMIT %(most)s",
        program_id=program_id, after=after, most=most,
    )  # fmt: skip


_DUE: LiteralString = """
    SELECT id, member_id FROM commissions
    WHERE program_id = %(program_id)s AND status = 'pending' AND held_reason IS NULL
      AND matures_at IS NOT NULL AND matures_at <= %(as_of)s"""


def due_commissions(program_id: UUID, from_member: UUID | None, as_of: datetime, most: int) -> list[DueCommission]:
    """The next due commissions by member id, beginning with `from_member`'s own; read from the partial index."""
    return fetch_all(
        DueCommission,
        _DUE
        + (" AND member_id >= %(from_member)s" if from_member else "")
        + " ORDER BY member_id, matures_at LIMIT %(most)s",
        program_id=program_id, from_member=from_member, as_of=as_of, most=most,
    )  # fmt: skip


def is_anything_due(program_id: UUID) -> bool:
    found = scalar("SELECT EXISTS (" + _DUE + ")", program_id=program_id, as_of=now())
    return bool(found)


class CommissionFilter(NamedTuple):
    """What a list of commissions is narrowed to; None: not narrowed. `since` ≤ earned_at < `until`."""

    member: Ref | None = None
    order: Ref | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_LISTED: LiteralString = """
    SELECT c.id, c.order_id, o.external_id, c.member_id, m.external_id, c.level, c.amount, c.reversed, c.status,
           c.matures_at, c.matured_at, c.held_reason, c.earned_at
    FROM commissions c
    JOIN orders o ON o.program_id = c.program_id AND o.id = c.order_id
    JOIN members m ON m.program_id = c.program_id AND m.id = c.member_id
    WHERE c.program_id = %(program_id)s"""


def commissions(program_id: UUID, only: CommissionFilter, after: UUID | None, most: int) -> list[ListedCommission]:
    """Newest first. Unknown members and orders have none."""
    return fetch_all(
        ListedCommission,
        _LISTED
        + _conditions(only)
        + (" AND c.id < %(after)s" if after else "")
        + " ORDER BY c.id DESC LIMIT %(most)s",
        program_id=program_id, after=after, most=most, status=only.status, since=only.since, until=only.until,
        member=_key(only.member), order=_key(only.order),
    )  # fmt: skip


def _conditions(only: CommissionFilter) -> LiteralString:
    parts: list[LiteralString] = []
    if only.member is not None:
        parts.append(_IS_MEMBER if isinstance(only.member, UUID) else _IS_EXTERNAL_MEMBER)
    if only.order is not None:
        parts.append(_IS_ORDER if isinstance(only.order, UUID) else _IS_EXTERNAL_ORDER)
    if only.status is not None:
        parts.append(" AND c.status = %(status)s")
    if only.since is not None:
        parts.append(" AND c.earned_at >= %(since)s")
    if only.until is not None:
        parts.append(" AND c.earned_at < %(until)s")
    return "".join(parts)


_IS_MEMBER = " AND c.member_id = %(member)s"
_IS_EXTERNAL_MEMBER = """ AND c.member_id = (
    SELECT id FROM members WHERE program_id = %(program_id)s AND external_id = %(member)s)"""
_IS_ORDER = " AND c.order_id = %(order)s"
_IS_EXTERNAL_ORDER = """ AND c.order_id = (
    SELECT id FROM orders WHERE program_id = %(program_id)s AND external_id = %(order)s)"""


def _key(ref: Ref | None) -> UUID | str | None:
    return ref.external_id if isinstance(ref, ExternalRef) else ref
