"""Enrolment: who applies, who is let in, who leaves, and under which agreement. Callers hold the transaction."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.auth.actor import Actor, ActorKind
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all
from core.errors import Forbidden, NotFound, WrongState
from core.events.service import Event, announce
from core.ids import Ref, new_id
from referral.members import queries
from referral.members.errors import MemberErased
from referral.members.models import MemberEnrolmentRow
from referral.members.rules import next_enrolment

_DECISIONS = {"approve", "reject"}


class _State(NamedTuple):
    status: str
    enrolment: str


def enrol(actor: Actor, ref: Ref, action: str, agreement_version: str | None, reason: str | None) -> UUID:
    """Take one step of a member's enrolment; his id. The member's row is locked.

    Raises:
        NotFound: no such member in the program.
        Forbidden: a key approves or rejects; only people decide.
        WrongState: the step does not lead on from where he stands.
        MemberErased: he was erased.
    """
    member_id = queries.id_of(actor.program_id, ref)
    if member_id is None:
        raise NotFound("There is no such member.")
    if action in _DECISIONS and actor.kind is ActorKind.KEY:
        raise Forbidden("A person approves or rejects, not an API key.")
    before = _lock(actor.program_id, member_id)
    after = next_enrolment(before.enrolment, action, actor.program.settings.enrolment)
    if before.status == "erased":
        raise MemberErased()
    if after is None:
        raise WrongState(f"{action!r} does not follow on {before.enrolment!r} in this program.")
    actor_kind = actor.kind.value
    step = _Step(
        new_id(), member_id, action, before.enrolment, after, agreement_version, reason, actor_kind, actor.id, now()
    )
    _write(actor, step)
    if after == "enrolled":  # no step leads from enrolled to enrolled
        announce(actor.program_id, [Event("member.enrolled", step.created_at, {"member_id": member_id})])
    return member_id


def _lock(program_id: UUID, member_id: UUID) -> _State:
    (state,) = fetch_all(
        _State,
        """SELECT status, enrolment FROM members
           WHERE program_id = %(program_id)s AND id = %(id)s FOR NO KEY UPDATE""",
        program_id=program_id, id=member_id,
    )  # fmt: skip
    return state


class _Step(NamedTuple):
    id: UUID
    member_id: UUID
    action: str
    status_before: str
    status_after: str
    agreement_version: str | None
    reason: str | None
    actor_kind: str
    actor_id: UUID | None
    created_at: datetime


def _write(actor: Actor, step: _Step) -> None:
    insert_rows(MemberEnrolmentRow, [step], program_id=actor.program_id)
    execute(
        """UPDATE members SET enrolment = %(enrolment)s, updated_at = %(at)s,
                  agreement_version = coalesce(%(agreement_version)s, agreement_version)
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=actor.program_id, id=step.member_id, enrolment=step.status_after, at=step.created_at,
        agreement_version=step.agreement_version,
    )  # fmt: skip
