"""Records what platforms answered: dispatches, messages, lanes and the groups' health, in sets, in one transaction.

The caller holds the transaction. An answer has its effect once, and none on a lane that somebody has taken over.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from community.delivery.claiming import Sending
from community.delivery.metrics import count_dispatches
from community.delivery.pacing import free_from, instant, milliseconds
from community.delivery.queries import id_array
from community.delivery.rules import MONEY, NEWS, Status, Try, failures_after, is_made_again, wait_after
from community.delivery.shared_lanes import Counted, count_ended
from community.delivery.writing import LaneState, write_lanes
from community.groups.service import note_outcomes
from community.platforms.service import PLATFORMS, Outcome, Refused, Sent, Throttled
from core.db import execute


class Answer(NamedTuple):
    """What became of one sending. `was_called` is False where the lease was too short for the call by then."""

    sending: Sending
    outcome: Outcome
    at: datetime
    was_called: bool = True


class _Effect(NamedTuple):
    """`status`: of the messages; None: they stay with the lane, which sends them again. `dispatch`: of the try."""

    status: Status | None
    dispatch: str
    waits: timedelta = timedelta()
    has_failed: bool = False


def record(program_id: UUID, answers: Sequence[Answer]) -> None:
    """Let answers have their effect. Locks shared lanes by name, then lanes, then groups by id."""
    if not answers:
        return
    effects = [_effect(answer) for answer in answers]
    count_ended(program_id, [_counted(answer) for answer in answers if answer.sending.share is not None])
    _note(program_id, answers, effects)
    _move(program_id, answers, effects)
    write_lanes(program_id, [_lane(answer, effect) for answer, effect in zip(answers, effects, strict=True)])
    note_outcomes(program_id, [(one.sending.group_id, one.outcome, one.at) for one in answers if one.was_called])
    count_dispatches(
        (one.sending.target.platform, effect.dispatch) for one, effect in zip(answers, effects, strict=True)
    )


def _effect(answer: Answer) -> _Effect:
    outcome, sending = answer.outcome, answer.sending
    if isinstance(outcome, Sent):
        return _Effect(Status.SENT, "sent")
    if isinstance(outcome, Refused):
        return _Effect(Status.REFUSED, "refused")
    if isinstance(outcome, Throttled):
        return _Effect(Status.WAITING, "throttled", timedelta(seconds=outcome.retry_after_seconds))
    waits = wait_after(sending.failures)
    if not outcome.may_have_arrived:
        return _Effect(Status.WAITING, "unreached", waits, has_failed=True)
    one = Try(sending.number, sending.priority, PLATFORMS[sending.target.platform].recognises_repeats)
    status = None if is_made_again(one, died=False) else Status.UNKNOWN
    return _Effect(status, "unknown", waits, has_failed=True)


def _lane(answer: Answer, effect: _Effect) -> LaneState:
    sending, ended = answer.sending, milliseconds(answer.at)
    recent = [*sending.recent, *[ended] * (sending.calls if answer.was_called else 0)]
    earliest = milliseconds(answer.at + effect.waits)
    free_at, news_at = (
        instant(max(earliest, free_from(sending.windows, recent, 1, priority))) for priority in (MONEY, NEWS)
    )
    return LaneState(
        sending.group_id, sending.turn, sending.turn, free_at, news_at, recent,
        failures_after(sending.failures) if effect.has_failed else 0,
        sending.dispatch_id if effect.status is None else None,
    )  # fmt: skip


def _counted(answer: Answer) -> Counted:
    sending = answer.sending
    assert sending.share is not None  # noqa: S101 -- the caller took those that have one
    ended = milliseconds(answer.at) if answer.was_called else None
    return Counted(sending.share.name, sending.calls, sending.leased_until, ended)


def _note(program_id: UUID, answers: Sequence[Answer], effects: Sequence[_Effect]) -> None:
    """The tries as they ended. One that counted as lost meanwhile is told from its late answer."""
    execute(
        """UPDATE dispatches d SET status = t.status, reason = t.reason, reference = t.reference, finished_at = t.at
           FROM unnest(%(ids)s::uuid[], %(statuses)s::text[], %(reasons)s::text[], %(references)s::text[],
                       %(at)s::timestamptz[]) AS t (id, status, reason, reference, at)
           WHERE d.program_id = %(program_id)s AND d.id = t.id AND d.status IN ('sending', 'unknown')""",
        program_id=program_id, ids=id_array([one.sending.dispatch_id for one in answers]),
        statuses=[effect.dispatch for effect in effects], reasons=[_reason(one) for one in answers],
        references=[one.outcome.reference if isinstance(one.outcome, Sent) else None for one in answers],
        at=[one.at for one in answers],
    )  # fmt: skip


def _reason(answer: Answer) -> str | None:
    outcome = answer.outcome
    if isinstance(outcome, Sent):
        return f"without_{outcome.lacks}" if outcome.lacks else None
    if isinstance(outcome, Throttled):
        return "throttled" if answer.was_called else "lease_too_short"
    if isinstance(outcome, Refused) and outcome.detail:
        return f"{outcome.reason}: {outcome.detail}"
    return outcome.reason


def _move(program_id: UUID, answers: Sequence[Answer], effects: Sequence[_Effect]) -> None:
    """The messages of tries that are settled; what is sent again by its lane stays as it is.

    One that was given up as unknown is what its late answer says, if that came in after all. One that was blanked
    meanwhile, with the member whom it was about, does not wait again: there is nothing left to say.
    """
    settled = [
        (one.sending, effect.status) for one, effect in zip(answers, effects, strict=True) if effect.status is not None
    ]
    execute(
        """UPDATE messages m
           SET status = CASE WHEN t.status = 'waiting' AND m.text = '' THEN 'canceled' ELSE t.status END,
               status_at = t.at
           FROM unnest(%(groups)s::uuid[], %(dispatches)s::uuid[], %(statuses)s::text[], %(at)s::timestamptz[])
             AS t (group_id, dispatch_id, status, at)
           WHERE m.program_id = %(program_id)s AND m.group_id = t.group_id AND m.dispatch_id = t.dispatch_id
             AND m.status IN ('sending', 'unknown')""",
        program_id=program_id, groups=id_array([sending.group_id for sending, _ in settled]),
        dispatches=id_array([sending.dispatch_id for sending, _ in settled]),
        statuses=[status.value for _, status in settled],
        at=[one.at for one, effect in zip(answers, effects, strict=True) if effect.status is not None],
    )  # fmt: skip
