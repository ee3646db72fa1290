"""Who is paid by a run, how much, and why not: pure decisions over balances and payout methods."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from commission.payouts.service import MethodChoice, NewPayout


class Status(StrEnum):
    """API.md, *Settlement*."""

    PREPARING = "preparing"
    DRAFT = "draft"
    APPROVED = "approved"
    EXECUTING = "executing"
    COMPLETED = "completed"
    CANCELED = "canceled"
    FAILED = "failed"


CANCELABLE = frozenset({Status.PREPARING, Status.DRAFT, Status.APPROVED})

OPEN_PAYOUTS = frozenset({"requested", "approved", "queued", "submitting", "processing", "awaiting_payee", "unknown"})
"""While a run has a payout in one of these it is not completed."""

EXCLUDED = "excluded"
"""Skipped by a person, after the run had reserved it."""


class Candidate(NamedTuple):
    """A member with a balance that is not zero, as the run finds it."""

    member_id: UUID
    available: int  # minor units; below zero: debt
    status: str
    enrolment: str


class Terms(NamedTuple):
    """What a run asks of everybody it pays."""

    min_payout: int
    enrolment_is_open: bool


class Decisions(NamedTuple):
    """A chunk of a run, decided."""

    payouts: list[NewPayout]
    skipped: dict[str, list[int]]  # reason → [members, minor units available]


def refusal_of(candidate: Candidate, terms: Terms) -> str | None:
    """Why a member is not paid, whatever his payout method; None where nothing speaks against it."""
    if candidate.available < 0:
        return "in_debt"
    if candidate.status != "active":
        return "suspended"
    if not terms.enrolment_is_open and candidate.enrolment != "enrolled":
        return "not_enrolled"
    if candidate.available < terms.min_payout:
        return "below_minimum"
    return None


def decide(candidates: Sequence[Candidate], terms: Terms, methods: Mapping[UUID, MethodChoice]) -> Decisions:
    """All a payable member has is paid, to the method chosen for him; everybody else is counted by reason.

    `methods` holds a choice for every candidate that `refusal_of` lets pass.
    """
    decisions = Decisions([], {})
    for candidate in candidates:
        refused = refusal_of(candidate, terms)
        choice = None if refused else methods[candidate.member_id]
        if choice is None or choice.method_id is None or choice.rail is None:
            reason = refused or (choice and choice.refused) or "no_payout_method"
            add_skipped(decisions.skipped, reason, 1, candidate.available)
        else:
            decisions.payouts.append(NewPayout(candidate.member_id, candidate.available, choice.method_id, choice.rail))
    return decisions


def add_skipped(skipped: dict[str, list[int]], reason: str, count: int, amount: int) -> None:
    """Count members and their balances under a reason, in place."""
    before = skipped.get(reason, [0, 0])
    skipped[reason] = [before[0] + count, before[1] + amount]


MOST_FAILURES = 8
"""Attempts at one chunk, over about a minute, before the run is given up."""


def wait_after(failures: int) -> timedelta:
    """How long to wait before the next attempt at a chunk: half a second, doubling, at most half a minute."""
    return min(timedelta(seconds=30), timedelta(milliseconds=250 * 2 ** min(failures, 10)))
