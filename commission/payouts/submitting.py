"""Sends queued payouts: claim and commit, call the rail with no transaction open, record what it said."""

from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

from commission.payouts.calling import Call, Deadline, call_all
from commission.payouts.claiming import Sending, claim, lease, renew
from commission.payouts.outcomes import Answer, record
from commission.payouts.rails.protocol import Outcome
from commission.payouts.wiring import rail_of
from core.db import transaction


def submit(program_id: UUID, payout_ids: Sequence[UUID]) -> None:
    """Send what is queued among these payouts. Safe to run twice, at once or later: only the claimer sends.

    A worker that dies leaves its claims in submitting; when their lease has run out the sweep makes them unknown.
    """
    deadline = Deadline(lease())
    with transaction(program_id):
        claimed = {one.payout_id: one for one in claim(program_id, payout_ids)}
    _send(program_id, claimed, deadline)


def _send(program_id: UUID, claimed: Mapping[UUID, Sending], deadline: Deadline) -> None:
    calls: dict[UUID, Call] = {one.payout_id: partial(rail_of(one.rail).send, one.request) for one in claimed.values()}
    unanswered = set(claimed)

    def keep(outcomes: Mapping[UUID, Outcome]) -> None:
        unanswered.difference_update(outcomes)
        if outcomes:
            with transaction(program_id):
                record(program_id, [Answer(key, claimed[key].attempt, "send", one) for key, one in outcomes.items()])
        if unanswered and deadline.is_near():
            deadline.extend()
            with transaction(program_id):
                renew(program_id, list(unanswered))

    call_all(calls, keep, deadline)
