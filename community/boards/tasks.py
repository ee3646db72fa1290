"""The boards' reader of the event log, and coupons for segments."""

from collections.abc import Sequence
from uuid import UUID

from community.boards import grants
from community.boards.fans import CHECKED_IN
from community.boards.folding import fold
from community.boards.rules import KINDS
from core.auth.actor import Program
from core.events.consumers import consumer
from core.events.reading import NumberedEvent
from core.jobs.registry import job


@consumer("boards.fold", *KINDS, CHECKED_IN, most=500)
def follow(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Add what happened to the sums, in the transaction in which it counts as read."""
    fold(program, events)


@job(grants.JOB)
def grant(program_id: UUID, grant_id: str, after: str | None) -> None:
    """Give a segment's coupon to the next chunk of its members; the one behind is published in the same transaction."""
    grants.grant_chunk(program_id, UUID(grant_id), UUID(after) if after else None)
