"""An unknown payout that no question clears up: one person says what became of it, another confirms."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from commission.payouts import queries
from commission.payouts.booking import Step, book
from commission.payouts.errors import PayoutNotFound
from commission.payouts.outcomes import close_attempts
from commission.payouts.rules import Status
from commission.payouts.telling import tell
from commission.payouts.transitions import Move, by, move
from commission.payouts.wiring import call_time
from core.auth.actor import Actor
from core.clock import now
from core.db import execute, fetch_one
from core.errors import SamePerson, WrongState
from core.ids import new_id


class Resolution(NamedTuple):
    """What a person says became of an unknown payout."""

    id: UUID
    attempt: int
    outcome: str
    proposed_by: UUID


def resolve(actor: Actor, payout_id: UUID, outcome: str, evidence: str) -> None:
    """Propose `paid` or `failed` for an unknown payout, or confirm what another person proposed.

    The same outcome by another person confirms and takes effect; another outcome takes the place of the proposal.
    The rail's own answer, when it comes first, ends the matter.

    Raises:
        PayoutNotFound: it is not there.
        WrongState: it is not unknown, or a call may still be on its way to the rail.
        SamePerson: the proposer cannot confirm.
    """
    held = next(iter(queries.held(actor.program_id, [payout_id])), None)
    if held is None:
        raise PayoutNotFound()
    if held.status != Status.UNKNOWN:
        raise WrongState(f"It is {held.status}, not unknown.")
    proposal = _proposal(actor.program_id, payout_id)
    if proposal is None or proposal.attempt != held.attempt or proposal.outcome != outcome:
        _propose(actor, payout_id, held.attempt, outcome, evidence)
        return
    if proposal.proposed_by == actor.id:
        raise SamePerson("Another person must confirm it.")
    _require_silence(actor.program_id, payout_id, held.attempt)
    _confirm(actor, proposal, evidence)
    _take_effect(actor, payout_id, Status(outcome), proposal.attempt)


def _proposal(program_id: UUID, payout_id: UUID) -> Resolution | None:
    return fetch_one(
        Resolution,
        """SELECT id, attempt, outcome, proposed_by FROM payout_resolutions
           WHERE program_id = %(program_id)s AND payout_id = %(payout_id)s AND status = 'proposed'""",
        program_id=program_id, payout_id=payout_id,
    )  # fmt: skip


def _propose(actor: Actor, payout_id: UUID, attempt: int, outcome: str, evidence: str) -> None:
    execute(
        """UPDATE payout_resolutions SET status = 'superseded'
           WHERE program_id = %(program_id)s AND payout_id = %(payout_id)s AND status = 'proposed'""",
        program_id=actor.program_id, payout_id=payout_id,
    )  # fmt: skip
    execute(
        """INSERT INTO payout_resolutions (program_id, id, payout_id, attempt, outcome, evidence, status, proposed_by,
                                           proposed_at)
           VALUES (%(program_id)s, %(id)s, %(payout_id)s, %(attempt)s, %(outcome)s, %(evidence)s, 'proposed', %(by)s,
                   %(at)s)""",
        program_id=actor.program_id, id=new_id(), payout_id=payout_id, attempt=attempt, outcome=outcome,
        evidence=evidence, by=actor.id, at=now(),
    )  # fmt: skip


def _confirm(actor: Actor, proposal: Resolution, evidence: str) -> None:
    execute(
        """UPDATE payout_resolutions
           SET status = 'confirmed', confirmed_by = %(by)s, confirmed_evidence = %(evidence)s, confirmed_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=actor.program_id, id=proposal.id, by=actor.id, evidence=evidence, at=now(),
    )  # fmt: skip


def _require_silence(program_id: UUID, payout_id: UUID, attempt: int) -> None:
    """No call under this key may still be on its way: after "failed" a new key could be used."""
    sent_at: datetime = queries.last_sent_at(program_id, payout_id, attempt)
    if now() < sent_at + 2 * call_time():
        raise WrongState("A call to the rail may still be on its way; try again in a minute.")


def _take_effect(actor: Actor, payout_id: UUID, status: Status, attempt: int) -> None:
    failure = "resolved_as_failed" if status is Status.FAILED else None
    moves = [Move(payout_id, f"Resolved as {status.value} by two people.", failure=failure, attempt=attempt)]
    moved = move(actor.program_id, moves, status, by(actor), only_from={Status.UNKNOWN})
    close_attempts(actor.program_id, moved, status.value)
    book(actor.program, [(Step.PAID if status is Status.PAID else Step.RELEASED, moved)])
    tell(actor.program, [(status, moved)])
