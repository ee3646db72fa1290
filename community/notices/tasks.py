"""The job edge of notices: what is read from the event log, and what is sent and forgotten."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from community.notices import erasure as erasure  # noqa: PLC0414 -- for its effect: it registers its step
from community.notices import inbox, milestones, news, pushing, weekly
from community.notices.audience import tell_events
from community.notices.push_outcomes import record_outcomes
from community.notices.push_texts import Claimed
from core.auth.actor import Program
from core.auth.service import program_of
from core.db import transaction
from core.events.consumers import consumer
from core.events.reading import NumberedEvent
from core.jobs.outbox import publish
from core.jobs.registry import job, schedule
from coupons.sharing.messages import MessageOutcome, Refused, send_subscribe_messages

_ROUNDS = 4  # within the lease, at the slowest that WeChat may be


@consumer("notices.tell", *news.KINDS, queue="notices", most=500)
def tell(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Tell groups and members what happened."""
    tell_events(program, events)


@consumer("notices.count", *milestones.KINDS, most=500)
def count(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Count orders towards milestones."""
    milestones.count(program, events)


@job("notices.push", queue="notices", own_transactions=True)
def push(program_id: UUID) -> None:
    """Send subscribe messages: claimed, sent, noted, with the network between two short transactions."""
    for _ in range(_ROUNDS):
        with transaction(program_id):
            claimed = pushing.claim_pushes(program_of(program_id))
        if not claimed:
            return
        outcomes = _sent(program_id, claimed)
        with transaction(program_id):
            record_outcomes(program_id, outcomes)
    with transaction(program_id):
        publish(program_id, "notices.push", {})


def _sent(program_id: UUID, claimed: Sequence[Claimed]) -> list[tuple[Claimed, MessageOutcome]]:
    ready = [one for one in claimed if one.message is not None]
    sent = send_subscribe_messages(program_id, [one.message for one in ready if one.message is not None])
    outcomes: list[tuple[Claimed, MessageOutcome]] = list(zip(ready, sent, strict=True))
    return outcomes + [(one, Refused(0, "bad_template")) for one in claimed if one.message is None]


@job("notices.boards", queue="notices")
def tell_boards(program_id: UUID, after: str | None = None) -> None:
    """Tell the week's boards; where more groups wait, the next turn is published in the same transaction."""
    last = weekly.tell_week(program_of(program_id), UUID(after) if after else None)
    if last is not None:
        publish(program_id, "notices.boards", {"after": str(last)})


@job("notices.prune", queue="notices")
def prune(program_id: UUID) -> None:
    """Forget old notices; where there may be more, the next turn is published in the same transaction."""
    if inbox.prune(program_id) | pushing.prune(program_id):
        publish(program_id, "notices.prune", {})


def _any_old(program_id: UUID) -> bool:
    return inbox.any_old(program_id) or pushing.any_old(program_id)


def _any_board(program_id: UUID) -> bool:
    return weekly.any_untold(program_of(program_id))


schedule("notices.boards", every=timedelta(minutes=15), has_work=_any_board)
schedule("notices.push", every=timedelta(seconds=5), has_work=pushing.any_due)
schedule("notices.prune", every=timedelta(hours=6), has_work=_any_old)
