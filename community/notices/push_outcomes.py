"""What became of subscribe messages that were being sent. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from community.notices.grants import forget_grants, give_back_grants
from community.notices.health import PUSHES
from community.notices.push_texts import Claimed
from core.clock import now
from core.db import fetch_all
from coupons.sharing.messages import MessageOutcome, MessageSent, Refused, Throttled, Unknown

NO_CONSENT = "no_consent"
_LONGEST_WAIT = 300
"""Seconds that a push waits at the most for its earlier attempts."""


class _Ended(NamedTuple):
    """What to write of a push."""

    status: str
    errcode: int | None
    reason: str | None
    due_at: datetime


def record_outcomes(program_id: UUID, outcomes: Sequence[tuple[Claimed, MessageOutcome]]) -> None:
    """Note what became of claimed pushes. Grants of those that were not sent return; saying it again does nothing."""
    at = now()
    ended = [(one, _ended(one.attempt, outcome, at)) for one, outcome in outcomes]
    noted = fetch_all(
        _Noted,
        """UPDATE notice_pushes p SET status = given.status, errcode = given.errcode, reason = given.reason,
                  due_at = given.due_at,
                  finished_at = CASE WHEN given.status = 'waiting' THEN NULL ELSE %(at)s::timestamptz END
           FROM unnest(%(ids)s::uuid[], %(attempts)s::int[], %(statuses)s::text[], %(errcodes)s::int[],
                       %(reasons)s::text[], %(due)s::timestamptz[])
                AS given (id, attempt, status, errcode, reason, due_at)
           WHERE p.program_id = %(program_id)s AND p.id = given.id AND p.status = 'sending'
             AND p.attempts = given.attempt
           RETURNING p.id""",
        program_id=program_id, at=at, ids=[one.id for one, _ in ended], attempts=[one.attempt for one, _ in ended],
        statuses=[to.status for _, to in ended], errcodes=[to.errcode for _, to in ended],
        reasons=[to.reason for _, to in ended], due=[to.due_at for _, to in ended],
    )  # fmt: skip
    _settle_grants(program_id, {row.id for row in noted}, ended)


class _Noted(NamedTuple):
    id: UUID


def _settle_grants(program_id: UUID, noted: set[UUID], ended: Sequence[tuple[Claimed, _Ended]]) -> None:
    unsent, refused = [], []
    for one, to in ended:
        if one.id in noted:
            PUSHES.labels("throttled" if to.status == "waiting" else to.status).inc()
            if to.reason == NO_CONSENT:
                refused.append((one.member_id, one.template_id))
            elif to.status in {"refused", "waiting"}:
                unsent.append((one.member_id, one.template_id))
    give_back_grants(program_id, unsent)
    forget_grants(program_id, refused)


def _ended(attempt: int, outcome: MessageOutcome, at: datetime) -> _Ended:
    match outcome:
        case MessageSent():
            return _Ended("sent", 0, None, at)
        case Refused(errcode, reason):
            return _Ended("refused", errcode, reason, at)
        case Throttled(errcode, seconds):
            return _Ended("waiting", errcode, "throttled", retry_at(attempt, seconds, at))
        case Unknown(reason):
            return _Ended("unknown", None, reason, at)


def retry_at(attempt: int, seconds: int, at: datetime) -> datetime:
    """When a push is tried again that was throttled for so many seconds at its `attempt`, counted from 1.

    Each waits longer than the one before: WeChat may be busy for days, and attempts are a small number in the database.
    """
    return at + timedelta(seconds=max(seconds, min(attempt, _LONGEST_WAIT)))
