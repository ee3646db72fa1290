"""Purses opened and closed: the only way to points. Callers hold the transaction; nothing here commits.

Lock order: members (shared), then their balance rows in PTS, each by id; then what a redemption needs: the reward's
count of the member, the coupon, the reward's stock. Money is locked after points. Whoever moves points of several
members opens all their purses at once. Lots are covered by the balance row and not locked themselves.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger import service as ledger
from commission.ledger.service import POINTS, Entry
from community.points.models import PointLotRow
from community.points.purse import Lot, Purse
from core.bulk import insert_rows
from core.clock import now
from core.db import Collision, execute, fetch_all, scalars


def living(program_id: UUID, member_ids: Collection[UUID]) -> set[UUID]:
    """Those members who are not erased, and will not be before the transaction ends."""
    found = scalars(
        """SELECT id FROM members WHERE program_id = %(program_id)s AND id = ANY(%(ids)s) AND status <> 'erased'
           ORDER BY id FOR KEY SHARE""",
        program_id=program_id, ids=list(member_ids),
    )  # fmt: skip
    return set(found)


class _LotRecord(NamedTuple):
    id: UUID
    member_id: UUID
    source_key: str
    earned: int
    left_points: int
    taken_back: int
    expired: int
    forgiven: int
    expires_at: datetime | None
    kind: str
    order_id: UUID | None
    rules_version: int | None


_COLUMNS: LiteralString = """
    SELECT id, member_id, source_key, earned, left_points, taken_back, expired, forgiven, expires_at, kind, order_id,
           rules_version
    FROM point_lots WHERE program_id = %(program_id)s"""

_LOTS: LiteralString = (
    _COLUMNS + " AND member_id = ANY(%(member_ids)s) AND left_points > 0"
    " UNION" + _COLUMNS + " AND source_key = ANY(%(keys)s)"
    " UNION" + _COLUMNS + " AND id = ANY(%(lot_ids)s)"
)  # fmt: skip


def open_purses(
    program_id: UUID, member_ids: Collection[UUID], *, keys: Sequence[str] = (), lot_ids: Sequence[UUID] = ()
) -> dict[UUID, Purse]:
    """The purses of members, locked: what they have, their lots with something left, and those named.

    The members must exist, and be the owners of the lots that are named.
    """
    available = ledger.lock_available(program_id, member_ids, POINTS)
    lots: dict[UUID, list[Lot]] = {member_id: [] for member_id in available}
    for record in fetch_all(
        _LotRecord, _LOTS, program_id=program_id, member_ids=list(available), keys=list(keys), lot_ids=list(lot_ids)
    ):
        lots[record.member_id].append(_lot(record))
    return {member_id: Purse(amount, lots[member_id]) for member_id, amount in available.items()}


def _lot(record: _LotRecord) -> Lot:
    return Lot(
        record.id, record.member_id, record.source_key, record.earned, record.left_points, record.taken_back,
        record.expired, record.forgiven, record.expires_at, record.kind, record.order_id, record.rules_version,
    )  # fmt: skip


class NewLot(NamedTuple):
    """A row of `point_lots` as it begins."""

    id: UUID
    member_id: UUID
    source_key: str
    kind: str
    reason: str | None
    order_id: UUID | None
    rules_version: int | None
    earned: int
    left_points: int
    taken_back: int
    expired: int
    forgiven: int
    earned_at: datetime
    expires_at: datetime | None
    created_at: datetime


def add_lots(program_id: UUID, lots: Sequence[NewLot]) -> None:
    """Raises: Collision: one of the awards was made by somebody else at this moment."""
    rows = sorted(lots, key=lambda lot: lot.source_key)
    written = insert_rows(
        PointLotRow, rows, program_id=program_id, on_conflict="(program_id, source_key) DO NOTHING", returning="id"
    )
    if len(written) < len(rows):
        raise Collision("an award was made twice at once")


def close_purses(program_id: UUID, lots: Sequence[Lot], entries: Sequence[Entry]) -> None:
    """Write what became of lots, each once and with something changed, and book it."""
    _write_lots(program_id, lots)
    ledger.post(program_id, POINTS, entries)


def _write_lots(program_id: UUID, lots: Sequence[Lot]) -> None:
    if not lots:
        return
    written = execute(
        """UPDATE point_lots l SET left_points = t.left_points, taken_back = t.taken_back, expired = t.expired,
                  forgiven = t.forgiven
           FROM unnest(%(ids)s::uuid[], %(before)s::bigint[], %(left)s::bigint[], %(taken_back)s::bigint[],
                       %(expired)s::bigint[], %(forgiven)s::bigint[])
             AS t (id, before, left_points, taken_back, expired, forgiven)
           WHERE l.program_id = %(program_id)s AND l.id = t.id AND l.left_points = t.before""",
        program_id=program_id, ids=[lot.id for lot in lots], before=[lot.before for lot in lots],
        left=[lot.left for lot in lots], taken_back=[lot.taken_back for lot in lots],
        expired=[lot.expired for lot in lots], forgiven=[lot.forgiven for lot in lots],
    )  # fmt: skip
    if written != len(lots):
        raise Collision("a lot was changed past its member's lock")


class _Available(NamedTuple):
    member_id: UUID
    points: int


def spendable(program_id: UUID, member_ids: Sequence[UUID]) -> dict[UUID, int]:
    """What each may spend now, below zero a debt: his balance less what is due to expire. Locks nothing."""
    rows = fetch_all(
        _Available,
        """SELECT b.member_id, (b.available - coalesce((
                    SELECT sum(l.left_points) FROM point_lots l
                    WHERE l.program_id = b.program_id AND l.member_id = b.member_id AND l.left_points > 0
                      AND l.expires_at <= %(at)s), 0))::bigint
           FROM member_balances b
           WHERE b.program_id = %(program_id)s AND b.member_id = ANY(%(member_ids)s) AND b.currency = %(points)s""",
        program_id=program_id, member_ids=list(member_ids), points=POINTS, at=now(),
    )  # fmt: skip
    found = dict(rows)
    return {member_id: found.get(member_id, 0) for member_id in member_ids}
