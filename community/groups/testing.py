"""A test message: read, sent, noted. The sending is outside of any transaction."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from community.groups.errors import GroupInOtherState
from community.groups.service import find_group, note_outcomes, targets_of
from community.platforms.service import Message, Outcome, Refused, Sent, Throttled, send
from core.auth.actor import Actor
from core.clock import now
from core.db import transaction
from core.http import idempotency
from core.ids import Ref

_TEXTS = {"zh": "测试消息：本群已接通。", "en": "A test message: this group is connected."}


class Tested(NamedTuple):
    """What came of it, and when."""

    group_id: UUID
    outcome: Outcome
    at: datetime


def was_sent(actor: Actor, key: str) -> bool:
    """Whether a call with this Idempotency-Key was carried out. No transaction is open."""
    with transaction(actor.program_id, read_only=True):
        return idempotency.was_carried_out(actor.program_id, actor.id, key)


def send_test(program_id: UUID, ref: Ref) -> Tested:
    """Send a line to the group now, in its language. No transaction is open.

    Raises:
        GroupNotFound: no such group in the program.
        GroupInOtherState: it has ended.
    """
    with transaction(program_id, read_only=True):
        group = find_group(program_id, ref)
        target = targets_of(program_id, [group.id]).get(group.id)
    if target is None:
        raise GroupInOtherState(status_now=group.status)
    return Tested(group.id, send(target, Message(_TEXTS[group.language])), now())


def note_test(program_id: UUID, tested: Tested) -> dict[str, Any]:
    """Take note of the outcome, and say it in words of ours."""
    note_outcomes(program_id, [tested])
    outcome = tested.outcome
    return {
        "outcome": type(outcome).__name__.lower(),
        "reason": None if isinstance(outcome, Sent | Throttled) else _reason(outcome),
        "retry_after": outcome.retry_after_seconds if isinstance(outcome, Throttled) else None,
    }


def _reason(outcome: Any) -> str:
    detail = outcome.detail if isinstance(outcome, Refused) else ""
    return f"{outcome.reason} ({detail})" if detail else str(outcome.reason)
