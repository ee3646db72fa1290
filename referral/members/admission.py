"""What becomes of each item of a registration, one after the other. Pure: what the database knows is given."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.errors import DomainError
from core.ids import new_id
from referral.members.errors import IdentityTaken, MemberExists
from referral.members.inviter_sources import NamedInviter
from referral.members.new_member import InviterName, NewMember, Unreadable, content_hash
from referral.tree.errors import InviterNotFound, ReferralCycle

IdentityKey = tuple[str, bytes]


class Existing(NamedTuple):
    """A member who has the external id already. Without hash he is a placeholder: nobody registered him yet."""

    id: UUID
    content_hash: bytes | None

    @property
    def registered(self) -> bool:
        return self.content_hash is not None


class Facts(NamedTuple):
    """What the database knows of the names in a request."""

    members: Mapping[str, Existing]  # by external id: the registered and their inviters
    inviters: Mapping[str | UUID, UUID]  # by id and by invite code
    identity_owners: Mapping[IdentityKey, UUID]
    sourced: Mapping[InviterName, NamedInviter]  # by link and by click; none who was erased
    at: datetime


class Admitted(NamedTuple):
    """A member to be inserted, or a placeholder to be completed."""

    id: UUID
    member: NewMember
    inviter_id: UUID | None
    content_hash: bytes
    completes: bool


class Repeated(NamedTuple):
    """The same content again."""

    id: UUID


class Refused(NamedTuple):
    """Why an item is not carried out; `id` where a member has its external id."""

    error: DomainError
    id: UUID | None = None


Decision = Admitted | Repeated | Refused


def decide_all(items: Sequence[NewMember | Unreadable], facts: Facts) -> list[Decision]:
    """A decision for each item, in order: an item sees those before it, as if each had come alone."""
    members, owners = dict(facts.members), dict(facts.identity_owners)
    decisions: list[Decision] = []
    for item in items:
        decision = _decide(item, facts._replace(members=members, identity_owners=owners))
        if isinstance(decision, Admitted):
            members[decision.member.external_id] = Existing(decision.id, decision.content_hash)
            owners.update({(one.kind, one.hash): decision.id for one in decision.member.identities})
        decisions.append(decision)
    return decisions


def _decide(item: NewMember | Unreadable, facts: Facts) -> Decision:
    if isinstance(item, Unreadable):
        return Refused(item.error)
    try:
        inviter_id = item.inviter and _inviter_of(item, item.inviter, facts)
    except DomainError as error:
        return Refused(error)
    existing = facts.members.get(item.external_id)
    digest = content_hash(item, inviter_id)
    if existing is not None and existing.registered:
        same = existing.content_hash == digest
        return Repeated(existing.id) if same else Refused(MemberExists(existing.id), existing.id)
    if any(
        facts.identity_owners.get((one.kind, one.hash)) not in {None, existing and existing.id}
        for one in item.identities
    ):
        return Refused(IdentityTaken())
    return Admitted(existing.id if existing else new_id(), item, inviter_id, digest, completes=existing is not None)


def _inviter_of(item: NewMember, name: InviterName, facts: Facts) -> UUID:
    """Raises: InviterNotFound, ReferralCycle."""
    if name.field == "inviter_external_id":
        if name.value == item.external_id:
            raise ReferralCycle()
        known = facts.members.get(str(name.value))
        found = known and known.id
    elif name.field in {"inviter_id", "invite_code"}:
        found = facts.inviters.get(name.value) if name.value is not None else None
    else:
        found = _sourced(item, facts.sourced.get(name), facts)
    if found is None:
        raise InviterNotFound.named_by(name.field)
    if item.external_id in facts.members and facts.members[item.external_id].id == found:
        raise ReferralCycle()
    return found


def _sourced(item: NewMember, inviter: NamedInviter | None, facts: Facts) -> UUID | None:
    existing = facts.members.get(item.external_id)
    # a registration that is repeated after its link ended is still the same registration
    is_repeat = existing is not None and existing.registered
    if inviter is None or (inviter.ended(item.joined_at or facts.at) and not is_repeat):
        return None
    return inviter.member_id
