"""Finds what nobody looks at: lost claims, due questions, a queue whose job got lost. Callers hold the transaction."""

from typing import NamedTuple
from uuid import UUID

from commission.payouts.lock import is_locked
from commission.payouts.queueing import publish_questions, publish_submissions
from commission.payouts.rules import ASKED_ABOUT, Status
from commission.payouts.transitions import SYSTEM, Move, move
from commission.payouts.wiring import call_time
from core.clock import now
from core.db import execute, fetch_all, scalar

MOST = 1000  # payouts in one sweep; it comes round again


class _Due(NamedTuple):
    id: UUID
    status: str
    rail: str


def has_due(program_id: UUID) -> bool:
    """Whether a payout of the program waits for somebody to look at it."""
    due = scalar(
        "SELECT 1 FROM payouts WHERE program_id = %(program_id)s AND next_check_at <= %(at)s LIMIT 1",
        program_id=program_id, at=now(),
    )  # fmt: skip
    return due is not None


def sweep(program_id: UUID) -> None:
    """Let every payout whose time has come be looked at: asked about, queued again, or found lost."""
    due = _due(program_id)
    _postpone(program_id, [one.id for one in due])
    lost = [one.id for one in due if one.status == Status.SUBMITTING]
    text = "The worker did not come back; the rail is being asked."
    moves = [Move(one, text, failure="worker_lost") for one in lost]
    unknown = move(program_id, moves, Status.UNKNOWN, SYSTEM, only_from={Status.SUBMITTING})
    publish_questions(
        program_id, [one.id for one in unknown] + [one.id for one in due if one.status in ASKED_ABOUT]
    )  # fmt: skip
    if not is_locked():
        publish_submissions(program_id, [one for one in due if one.status == Status.QUEUED])


def _due(program_id: UUID) -> list[_Due]:
    return fetch_all(
        _Due,
        """SELECT id, status, rail FROM payouts WHERE program_id = %(program_id)s AND next_check_at <= %(at)s
           ORDER BY next_check_at LIMIT %(most)s FOR UPDATE SKIP LOCKED""",
        program_id=program_id, at=now(), most=MOST,
    )  # fmt: skip


def _postpone(program_id: UUID, payout_ids: list[UUID]) -> None:
    """Not to be found again while the published job has its chance; a job that is lost only makes the look late."""
    execute(
        "UPDATE payouts SET next_check_at = %(until)s WHERE program_id = %(program_id)s AND id = ANY(%(ids)s)",
        program_id=program_id, ids=payout_ids, until=now() + 3 * call_time(),
    )  # fmt: skip
