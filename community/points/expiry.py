"""Points whose day has passed end. A chunk of lots is one transaction: what ended in it has ended once.

Callers hold the transaction; nothing here commits.
"""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from community.points import booking
from community.points.purses import close_purses, open_purses
from community.points.taking import expired_events
from community.points.telling import tell
from core.auth.actor import Program
from core.clock import now
from core.db import fetch_all, scalar

JOB = "points.expire"
EVERY = timedelta(minutes=1)
CHUNK = 1000


def any_due(program_id: UUID) -> bool:
    """Whether something has to end."""
    found: bool = scalar(
        """SELECT EXISTS (SELECT FROM point_lots WHERE program_id = %(program_id)s AND left_points > 0
                          AND expires_at <= %(at)s)""",
        program_id=program_id, at=now(),
    )  # fmt: skip
    return found


class _Due(NamedTuple):
    member_id: UUID


def expire_chunk(program: Program, most: int = CHUNK) -> bool:
    """End the lots that are due of the members of the `most` earliest; whether there may be more.

    Announces `points.expired`. Locks the members' balances; lots that were spent meanwhile are left alone.
    """
    at = now()
    due = fetch_all(
        _Due,
        """SELECT member_id FROM point_lots WHERE program_id = %(program_id)s AND left_points > 0
           AND expires_at <= %(at)s ORDER BY expires_at LIMIT %(most)s""",
        program_id=program.id, at=at, most=most,
    )  # fmt: skip
    if due:
        purses = open_purses(program.id, {one.member_id for one in due})
        draws = [draw for member_id in sorted(purses) for draw in purses[member_id].expire(at)]
        entries = [booking.expired(draw, program.settings.timezone) for draw in draws]
        close_purses(program.id, [draw.lot for draw in draws], entries)
        tell(program.id, expired_events(draws))
    return len(due) == most
