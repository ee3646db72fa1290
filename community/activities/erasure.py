"""What is forgotten: the words of members who are erased, and the caps of hours that are over."""

from datetime import timedelta
from uuid import UUID

from core.clock import now
from core.db import execute


def forget_words(program_id: UUID, member_id: UUID) -> None:
    """Blank what an erased member wrote; what he took part in stays, by ids."""
    execute(
        """UPDATE activity_participations SET body = NULL
           WHERE program_id = %(p)s AND member_id = %(member_id)s AND body IS NOT NULL""",
        p=program_id, member_id=member_id,
    )  # fmt: skip


def forget_quotas(program_id: UUID) -> None:
    execute(
        "DELETE FROM engagement_quotas WHERE program_id = %(p)s AND hour < %(before)s",
        p=program_id, before=now() - timedelta(days=1),
    )  # fmt: skip
