"""What becomes of points when their owner is erased: they lapse, and so does a debt. Callers hold the transaction."""

from uuid import UUID

from community.points import booking
from community.points.purses import close_purses, open_purses
from community.points.redemptions import open_gifts_of
from core.auth.service import program_of
from core.clock import day_of, now
from core.db import execute


def open_gift(program_id: UUID, member_id: UUID) -> str | None:
    """What keeps a member from being erased: the shop has to know where a gift goes."""
    return "A gift for points is not delivered or canceled." if open_gifts_of(program_id, member_id) else None


def forfeit(program_id: UUID, member_id: UUID) -> None:
    """End a member's points and blank what people wrote about them."""
    purse = open_purses(program_id, [member_id])[member_id]
    lots = [lot for lot in purse.lots if lot.left]
    for lot in lots:
        lot.left, lot.expired = 0, lot.expired + lot.left
    today = day_of(now(), program_of(program_id).settings.timezone)
    entries = [booking.forfeited(member_id, purse.available, today)] if purse.available else []
    close_purses(program_id, lots, entries)
    for statement in _WORDS:
        execute(statement, program_id=program_id, id=member_id)


_WORDS = (
    "UPDATE point_adjustments SET reason = NULL WHERE program_id = %(program_id)s AND member_id = %(id)s",
    "UPDATE point_lots SET reason = NULL WHERE program_id = %(program_id)s AND member_id = %(id)s",
    "UPDATE reward_redemptions SET note = NULL WHERE program_id = %(program_id)s AND member_id = %(id)s",
)
