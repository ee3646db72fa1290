"""What a rail's answer means for a payout: a pure decision. Nothing but the rail's clear word makes a payout fail."""

from typing import NamedTuple

from commission.payouts.rails.protocol import (
    KEY_CONFLICT,
    Failed,
    NotFound,
    Outcome,
    Paid,
    Processing,
    Returned,
    Throttled,
    Unknown,
)
from commission.payouts.rules import TRANSITIONS, Status


class Verdict(NamedTuple):
    """The state that follows, and what is told about it."""

    status: Status
    text: str
    failure: str | None = None
    reference: str | None = None
    payee_action: str | None = None


def verdict_on(outcome: Outcome, status: Status) -> Verdict | None:
    """The step that an answer asks for from this state; None: nothing changes, look again later."""
    verdict = _certain(outcome) or _uncertain(outcome, status)
    if verdict is None or not _reachable(verdict.status, status):
        return None
    return verdict


def is_contradiction(outcome: Outcome, status: Status) -> bool:
    """Whether a rail takes back what it had said for good: nothing follows by itself, a person must look."""
    said = _certain(outcome)
    final = status in {Status.PAID, Status.FAILED, Status.RETURNED}
    return final and said is not None and said.status is not status and not _reachable(said.status, status)


def reason_of(outcome: Outcome) -> str | None:
    """Why, in the rail's words, where it gives a reason."""
    return outcome.reason if isinstance(outcome, Failed | Returned | Unknown) else None


def reference_of(outcome: Outcome) -> str | None:
    return outcome.reference if isinstance(outcome, Paid | Processing) else None


def is_acknowledgement(outcome: Outcome) -> bool:
    """Whether the rail says that it has the key."""
    return isinstance(outcome, Paid | Processing | Returned | Failed)


def _certain(outcome: Outcome) -> Verdict | None:
    match outcome:
        case Paid(reference):
            return Verdict(Status.PAID, "Paid.", reference=reference)
        case Processing():
            return _accepted(outcome)
        case Failed(reason):
            return Verdict(Status.FAILED, f"Failed: {reason}. The money is back in the balance.", failure=reason)
        case Returned(reason):
            return Verdict(Status.RETURNED, f"Returned: {reason}. The money is back in the balance.", failure=reason)
    return None


def _accepted(outcome: Processing) -> Verdict:
    if outcome.payee_action is None:
        return Verdict(Status.PROCESSING, "Accepted by the rail, in progress.", reference=outcome.reference)
    text = "Accepted by the rail, waits for the payee to confirm."
    return Verdict(Status.AWAITING_PAYEE, text, reference=outcome.reference, payee_action=outcome.payee_action)


def _uncertain(outcome: Outcome, status: Status) -> Verdict | None:
    match outcome:
        case Unknown(reason) if status is Status.SUBMITTING or _alarming(reason):
            return Verdict(Status.UNKNOWN, "The rail's answer is not known; it is being asked.", failure=reason)
        case NotFound() if status is not Status.PAID:
            text = "The rail does not know what it had accepted; it is being asked."
            return Verdict(Status.UNKNOWN, text, failure="not_found_any_more")
        case Throttled() if status is Status.SUBMITTING:
            return Verdict(Status.QUEUED, "The rail is busy; the same order goes again later.")
    return None


def _alarming(reason: str) -> bool:
    return reason == KEY_CONFLICT or reason.startswith("contradictory")


def _reachable(target: Status, status: Status) -> bool:
    """Whether the table allows the step; what came back without being seen as paid was paid in between."""
    if target is Status.RETURNED and status is not Status.PAID:
        return Status.PAID in TRANSITIONS[status]
    return target in TRANSITIONS[status]
