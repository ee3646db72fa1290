"""Who stands above and below whom, for other features. Callers hold the transaction; nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from referral.tree import queries
from referral.tree.counters import OrderDelta, count_orders


class ChainMember(NamedTuple):
    """A member of an upline as far as pay depends on him."""

    id: UUID
    status: str
    grade: str
    payable: bool  # active, and enrolled where enrolment is not open; one who left is never paid
    inviter_id: UUID | None
    binding_until: datetime | None  # when his own binding to that inviter ends; None: never


def chains_of(
    program_id: UUID, member_ids: Sequence[UUID], most: int, *, enrolment: str
) -> dict[UUID, list[ChainMember]]:
    """For each member that exists: himself, his inviter, and so on, at most `most` members. One statement for all.

    `enrolment` is the program's setting. Ended bindings are followed; `binding_until` tells them.
    """
    found: dict[UUID, list[ChainMember]] = {}
    for start, *step in queries.chains(program_id, member_ids, most, enrolment_open=enrolment == "open"):
        found.setdefault(start, []).append(ChainMember._make(step))
    return found


__all__ = ["ChainMember", "OrderDelta", "chains_of", "count_orders"]
