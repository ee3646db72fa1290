"""Who a visitor turned out to be. A shared device may be several members, and a member has several devices."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.db import execute
from coupons.clicks.models import VisitorMemberRow


class _Join(NamedTuple):
    visitor_key: bytes
    member_id: UUID
    source: str
    joined_at: datetime


def join_visitors(program_id: UUID, joins: Sequence[tuple[bytes, UUID, str]]) -> None:
    """Remember which members these visitors are: (visitor's key, member, "order" | "registration").

    What is known already stays as it is. One statement; safe beside others that join the same.
    """
    at = now()
    # in the order of the key, so that two batches with the same visitors cannot deadlock
    rows = sorted(_Join(key, member_id, source, at) for key, member_id, source in set(joins))
    insert_rows(VisitorMemberRow, rows, program_id=program_id, on_conflict="DO NOTHING")


def forget_visitors(program_id: UUID, member_id: UUID) -> None:
    """A member's devices are personal data: they go with him."""
    execute(
        "DELETE FROM visitor_members WHERE program_id = %(program_id)s AND member_id = %(member_id)s",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip
