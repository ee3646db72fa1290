"""Registers members, one or a thousand in the same few statements. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.errors import ForeignKeyViolation

from core.auth.actor import Actor
from core.clock import now
from core.db import Collision
from core.errors import DomainError
from core.events.service import Event, announce
from referral.members import queries, writing
from referral.members.admission import Admitted, Decision, Facts, Refused, decide_all
from referral.members.arrivals import Arrival, tell_arrivals
from referral.members.inviter_sources import sourced_inviters
from referral.members.new_member import NewMember, Unreadable
from referral.tree import service as tree
from referral.tree.service import BindRequest, Bound


class Registered(NamedTuple):
    """What became of one item. `created` also when it completed a customer whom an order had named."""

    external_id: str | None
    id: UUID | None
    created: bool
    error: DomainError | None


def register(actor: Actor, items: Sequence[NewMember | Unreadable]) -> list[Registered]:
    """Register members in the given order; a refused one leaves the others alone. At most eight statements, however
    many; binding customers whom orders had named takes a few more, links and clicks one each and one to remember them.

    Raises:
        Collision: a rival registered some of them between our look and our insert; the next try sees his.
    """
    decisions = decide_all(items, _facts(actor.program_id, items))
    failures = _carry_out(actor, [one for one in decisions if isinstance(one, Admitted)])
    return [_outcome(item, one, failures) for item, one in zip(items, decisions, strict=True)]


def _outcome(item: NewMember | Unreadable, decision: Decision, failures: dict[UUID, DomainError]) -> Registered:
    error = decision.error if isinstance(decision, Refused) else failures.get(decision.id)
    created = isinstance(decision, Admitted) and error is None
    return Registered(item.external_id, decision.id, created, error)


def _facts(program_id: UUID, items: Sequence[NewMember | Unreadable]) -> Facts:
    members = [item for item in items if isinstance(item, NewMember)]
    names = [member.inviter for member in members if member.inviter]
    external_ids = {member.external_id for member in members}
    external_ids |= {str(name.value) for name in names if name.field == "inviter_external_id"}
    # identities first: a rival who commits in between is then found as the same member, not as somebody else's identity
    owners = queries.identity_owners(program_id, {(one.kind, one.hash) for item in members for one in item.identities})
    sourced = sourced_inviters(program_id, names)
    inviters = queries.inviters(
        program_id,
        {name.value for name in names if name.field == "inviter_id" and isinstance(name.value, UUID)}
        | {inviter.member_id for inviter in sourced.values()},
        {str(name.value) for name in names if name.field == "invite_code"},
    )
    living = {name: inviter for name, inviter in sourced.items() if inviter.member_id in inviters}
    return Facts(queries.existing(program_id, external_ids), inviters, owners, living, now())


def _carry_out(actor: Actor, admitted: Sequence[Admitted]) -> dict[UUID, DomainError]:
    """Write what was decided; why some could not be, by id."""
    at = now()
    _insert(actor, [one for one in admitted if not one.completes], at)
    failures = _complete(actor, [one for one in admitted if one.completes], at)
    kept = [one for one in admitted if one.id not in failures]
    if not writing.insert_identities(actor.program_id, kept, at):
        raise Collision("an identity was given to another member")
    tell_arrivals(actor.program_id, [Arrival(one.id, one.member.click_id, one.member.visitor_id) for one in kept])
    return failures


def _insert(actor: Actor, admitted: Sequence[Admitted], at: datetime) -> None:
    bound = [_bound(actor, one, at) for one in admitted]
    try:
        complete = writing.insert_members(actor.program_id, admitted, bound, at)
    except ForeignKeyViolation as error:  # their inviter stands in the same batch, and a rival was quicker with him
        raise Collision from error
    if not complete:
        raise Collision("a member was registered at this moment")
    tree.record_bound(actor, [how for how in bound if how.binding.inviter_id is not None], at)
    tree.mark_moved(actor.program_id, [one.id for one in admitted])
    announce(actor.program_id, [_created(one, at) for one in admitted])


def _created(one: Admitted, at: datetime) -> Event:
    """One who is registered with an inviter is told with him; `member.bound` tells later changes."""
    return Event("member.created", one.member.joined_at or at, {"member_id": one.id, "inviter_id": one.inviter_id})


def _bound(actor: Actor, one: Admitted, at: datetime) -> Bound:
    binding = tree.new_binding(one.inviter_id, actor.program.settings.binding, at)
    return Bound(one.id, _source(one), None, None, binding)


def _source(one: Admitted) -> str:
    return one.member.inviter.source("registration") if one.member.inviter else "registration"


def _complete(actor: Actor, admitted: Sequence[Admitted], at: datetime) -> dict[UUID, DomainError]:
    failures = _bind(actor, [one for one in admitted if one.inviter_id is not None])
    bound = [one for one in admitted if one.id not in failures]
    if not writing.fill_in_placeholders(actor.program_id, bound, at):
        raise Collision("a customer was completed at this moment")
    return failures


def _bind(actor: Actor, admitted: Sequence[Admitted]) -> dict[UUID, DomainError]:
    requests = [BindRequest(one.id, one.inviter_id, _source(one)) for one in admitted]
    if len(requests) == 1:
        try:
            tree.bind(actor, requests[0])
        except DomainError as error:
            return {requests[0].member_id: error}
    elif requests:
        refusals = tree.bind_many(actor, requests)
        return {one.member_id: refusal for one, refusal in zip(requests, refusals, strict=True) if refusal}
    return {}
