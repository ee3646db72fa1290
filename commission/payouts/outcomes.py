"""Records what rails answered: states, attempts, ledger, in sets and in one transaction, which the caller holds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from commission.payouts.booking import Step, book
from commission.payouts.metrics import count_answer
from commission.payouts.queueing import publish_submissions
from commission.payouts.rails.protocol import Outcome, Throttled
from commission.payouts.rules import ASKED_ABOUT, Status, next_check_at
from commission.payouts.telling import tell
from commission.payouts.transitions import SYSTEM, Move, Moved, move
from commission.payouts.verdicts import (
    Verdict,
    is_acknowledgement,
    is_contradiction,
    reason_of,
    reference_of,
    verdict_on,
)
from core.auth.service import program_of
from core.clock import now
from core.db import execute, fetch_all

_log = structlog.get_logger(__name__)


class Answer(NamedTuple):
    """What a rail said about one attempt. `call` is send or query."""

    payout_id: UUID
    attempt: int
    call: str
    outcome: Outcome


class _Present(NamedTuple):
    id: UUID
    status: str
    attempt: int
    check_count: int
    rail: str


def record(program_id: UUID, answers: Sequence[Answer]) -> None:
    """Let answers have their effect, each at most once, whatever was recorded meanwhile by somebody else."""
    if not answers:
        return
    present = _locked(program_id, [answer.payout_id for answer in answers])
    verdicts = {answer.payout_id: _judged(answer, present[answer.payout_id]) for answer in answers}
    _note(program_id, answers)
    moved = _apply(program_id, answers, verdicts)
    _close_attempts(program_id, moved)
    # paid before returned: one that came back without being seen as paid is told as both
    steps = ((Step.PAID, Status.PAID), (Step.RELEASED, Status.FAILED), (Step.RETURNED, Status.RETURNED))
    if any(moved[status] for _, status in steps):
        program = program_of(program_id)
        book(program, [(step, moved[status]) for step, status in steps])
        tell(program, [(status, moved[status]) for _, status in steps])
    _look_again(program_id, [answer for answer in answers if verdicts[answer.payout_id] is None], present)


def _judged(answer: Answer, payout: _Present) -> Verdict | None:
    status = Status(payout.status)
    count_answer(payout.rail, answer.call, answer.outcome)
    if answer.attempt != payout.attempt or is_contradiction(answer.outcome, status):
        _log.error(
            "the rail contradicts what is recorded", payout_id=str(payout.id), status=status, attempt=answer.attempt,
            outcome=type(answer.outcome).__name__,
        )  # fmt: skip
        return None
    return verdict_on(answer.outcome, status)


def _apply(
    program_id: UUID, answers: Sequence[Answer], verdicts: Mapping[UUID, Verdict | None]
) -> dict[Status, list[Moved]]:
    """Move state by state; what came back without being seen as paid passes through paid."""
    groups: dict[Status, list[Move]] = defaultdict(list)
    for answer in answers:
        verdict = verdicts[answer.payout_id]
        if verdict is not None:
            groups[verdict.status].append(_move_of(answer, verdict))
    passing = [one._replace(text="Paid.", failure=None) for one in groups[Status.RETURNED]]
    groups[Status.PAID] = groups[Status.PAID] + passing
    order = (Status.PAID, Status.RETURNED, Status.FAILED, Status.PROCESSING, Status.AWAITING_PAYEE, Status.UNKNOWN)
    moved = {status: move(program_id, groups[status], status, SYSTEM) for status in order}
    _throttle(program_id, answers, groups[Status.QUEUED])
    return moved


def _move_of(answer: Answer, verdict: Verdict) -> Move:
    return Move(
        answer.payout_id, verdict.text, failure=verdict.failure, reference=verdict.reference,
        payee_action=verdict.payee_action, attempt=answer.attempt,
    )  # fmt: skip


def _throttle(program_id: UUID, answers: Sequence[Answer], moves: Sequence[Move]) -> None:
    """Back into the queue, under the same key, until the rail takes calls again."""
    at = max((answer.outcome.retry_at for answer in answers if isinstance(answer.outcome, Throttled)), default=now())
    queued = move(program_id, moves, Status.QUEUED, SYSTEM, only_from={Status.SUBMITTING})
    publish_submissions(program_id, queued, run_at=at)


def _locked(program_id: UUID, payout_ids: Sequence[UUID]) -> dict[UUID, _Present]:
    rows = fetch_all(
        _Present,
        """SELECT id, status, attempt, check_count, rail FROM payouts
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s) ORDER BY id FOR UPDATE""",
        program_id=program_id, ids=list(payout_ids),
    )  # fmt: skip
    return {row.id: row for row in rows}


def _note(program_id: UUID, answers: Sequence[Answer]) -> None:
    """Keep the last word of the rail on each attempt, whether it changes anything or not."""
    execute(
        """UPDATE payout_attempts a
           SET outcome = given.outcome, reason = given.reason, reference = coalesce(given.reference, a.reference),
               acknowledged_at = coalesce(a.acknowledged_at, CASE WHEN given.acknowledged THEN %(at)s::timestamptz END)
           FROM unnest(%(ids)s::uuid[], %(numbers)s::int[], %(outcomes)s::text[], %(reasons)s::text[],
                       %(references)s::text[], %(acknowledged)s::boolean[])
             AS given (payout_id, number, outcome, reason, reference, acknowledged)
           WHERE a.program_id = %(program_id)s AND a.payout_id = given.payout_id AND a.number = given.number""",
        program_id=program_id, at=now(), ids=[answer.payout_id for answer in answers],
        numbers=[answer.attempt for answer in answers],
        outcomes=[type(answer.outcome).__name__.lower() for answer in answers],
        reasons=[reason_of(answer.outcome) for answer in answers],
        references=[reference_of(answer.outcome) for answer in answers],
        acknowledged=[is_acknowledgement(answer.outcome) for answer in answers],
    )  # fmt: skip


_ENDS = {Status.PAID: "paid", Status.FAILED: "failed", Status.RETURNED: "returned"}


def _close_attempts(program_id: UUID, moved: Mapping[Status, Sequence[Moved]]) -> None:
    """The attempts' states follow their payouts': only a failed or returned key makes room for another."""
    for status, ending in _ENDS.items():
        close_attempts(program_id, moved[status], ending)


def close_attempts(program_id: UUID, payouts: Sequence[Moved], ending: str) -> None:
    """End the present attempt of payouts, where one was begun: paid, failed, returned or canceled (never taken)."""
    if not payouts:
        return
    execute(
        """UPDATE payout_attempts a SET status = %(status)s, finished_at = %(at)s
           FROM unnest(%(ids)s::uuid[], %(numbers)s::int[]) AS given (payout_id, number)
           WHERE a.program_id = %(program_id)s AND a.payout_id = given.payout_id AND a.number = given.number""",
        program_id=program_id, status=ending, at=now(), ids=[one.id for one in payouts],
        numbers=[one.attempt for one in payouts],
    )  # fmt: skip


def _look_again(program_id: UUID, answers: Sequence[Answer], present: Mapping[UUID, _Present]) -> None:
    """Where nothing changed: the rail is asked again, later than the last time."""
    looks = [(answer.payout_id, _when(answer, present[answer.payout_id])) for answer in answers]
    execute(
        """UPDATE payouts p SET next_check_at = given.at, check_count = p.check_count + 1
           FROM unnest(%(ids)s::uuid[], %(at)s::timestamptz[]) AS given (id, at)
           WHERE p.program_id = %(program_id)s AND p.id = given.id AND p.status = ANY(%(asked_about)s)""",
        program_id=program_id, ids=[payout_id for payout_id, _ in looks], at=[at for _, at in looks],
        asked_about=[status.value for status in ASKED_ABOUT],
    )  # fmt: skip


def _when(answer: Answer, payout: _Present) -> datetime | None:
    later = next_check_at(Status(payout.status), payout.check_count + 1, now())
    if isinstance(answer.outcome, Throttled) and later is not None:
        return max(later, answer.outcome.retry_at)
    return later
