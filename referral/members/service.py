"""Members: found, shown, changed. Callers hold the transaction; nothing here commits."""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from core.auth import service as auth
from core.auth.member_tokens import issue_member_tokens
from core.clock import now
from core.db import execute, json, transaction
from core.errors import NotFound
from core.ids import ExternalRef, Ref
from referral.members import queries
from referral.members.arrivals import Arrival, register_arrival_step
from referral.members.enrolment import enrol
from referral.members.erasure import erase, register_erasure_guard, register_erasure_step
from referral.members.errors import MemberErased
from referral.members.grading import GradeChange, change_grades
from referral.members.identities import add_identities, identities_of, members_by_identity
from referral.members.inviter_sources import NamedInviter, register_inviter_source, sourced_inviters
from referral.members.new_member import INVITER_FIELDS, STANDARD_GRADE, InviterName
from referral.members.placeholders import customers_for
from referral.members.queries import Member, MemberCard, Standing, standings_locked
from referral.members.registration import Registered, register
from referral.members.rules import masked_name
from referral.members.writing import sealed_phone
from referral.tree import service as tree


def member_id_of(program_id: UUID, ref: Ref) -> UUID:
    """The id behind a public id or `ext:` reference.

    Raises:
        NotFound: no such member in the program.
    """
    found = queries.id_of(program_id, ref)
    if found is None:
        raise NotFound("There is no such member.")
    return found


def known_members(program_id: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    """The ids of those external ids that name a member, in one statement; the others are left out."""
    return queries.ids_of_external_ids(program_id, external_ids) if external_ids else {}


def cards_of(program_id: UUID, ids: Sequence[UUID]) -> dict[UUID, MemberCard]:
    """How members are shown in other resources, in one statement; ids that are not of the program are left out."""
    return {card.id: card for card in queries.cards(program_id, ids)} if ids else {}


def members_of(program_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Member]:
    """Whole members, in one statement; ids that are not of the program are left out."""
    return {member.id: member for member in queries.members_by_id(program_id, ids)} if ids else {}


def member_of(program_id: UUID, ref: Ref) -> Member:
    """Raises: NotFound."""
    found = queries.member(program_id, ref)
    if found is None:
        raise NotFound("There is no such member.")
    return found


def find_living(program_id: UUID, ref: Ref) -> UUID | None:
    """The id of a member who can invite: one who is there and was not erased."""
    found = queries.member(program_id, ref)
    return None if found is None or found.status == "erased" else found.id


def find_inviter(program_id: UUID, name: InviterName) -> UUID | None:
    """The member whom an id, an invite code, a link or a click names as inviter now. One or two statements."""
    if name.field == "inviter_external_id":
        return find_living(program_id, ExternalRef(str(name.value)))
    if name.field == "invite_code":
        return queries.inviters(program_id, (), [str(name.value)]).get(str(name.value))
    if isinstance(name.value, UUID):
        return find_living(program_id, name.value)
    sourced = sourced_inviters(program_id, [name]).get(name)
    return None if sourced is None or sourced.ended(now()) else find_living(program_id, sourced.member_id)


def living_member_id_of(program_id: UUID, ref: Ref) -> UUID:
    """The id of a member to whom something may still happen.

    Raises:
        NotFound: no such member in the program.
        MemberErased: he was erased.
    """
    member = member_of(program_id, ref)
    if member.status == "erased":
        raise MemberErased()
    return member.id


def find_members(program_id: UUID, given: dict[str, Any], before: UUID | None, most: int) -> list[Member]:
    """Members newest first. `given` may hold external_id, inviter_id, grade, and q, a part of name or external id."""
    filters = dict(given)
    if "q" in filters:
        filters["q"] = f"%{_literally(filters['q'])}%"
    if before is not None:
        filters["before"] = before
    return queries.members_where(program_id, filters, most)


def _literally(text: str) -> str:
    """Text whose characters mean themselves in a pattern."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_CHANGE: LiteralString = "UPDATE members SET updated_at = %(at)s"
_SET: dict[str, LiteralString] = {
    "name": ", name = %(name)s",
    "grade": ", grade = %(grade)s",
    "phone": ", phone_sealed = %(phone_sealed)s, phone_hash = %(phone_hash)s",
    "avatar_url": ", avatar_url = %(avatar_url)s",
    "attributes": ", attributes = %(attributes)s::jsonb",
    "status": ", status = %(status)s",
}
_UNLESS_ERASED: LiteralString = " WHERE program_id = %(program_id)s AND id = %(id)s AND status <> 'erased'"


def change_member(program_id: UUID, ref: Ref, changes: dict[str, Any]) -> UUID:
    """Change what `changes` names; attributes are replaced as a whole.

    Raises:
        NotFound: no such member in the program.
        MemberErased: he was erased.
    """
    member_id = living_member_id_of(program_id, ref)
    values = {name: value for name, value in changes.items() if name not in {"phone", "attributes"}}
    if "phone" in changes:
        values["phone_sealed"], values["phone_hash"] = sealed_phone(changes["phone"], member_id)
    if "attributes" in changes:
        values["attributes"] = json(changes["attributes"])
    statement = _CHANGE + "".join([_SET[name] for name in changes]) + _UNLESS_ERASED
    if not execute(statement, program_id=program_id, id=member_id, at=now(), **values):
        raise MemberErased()
    return member_id


def issue_tokens(program_id: UUID, ref: Ref) -> dict[str, Any]:
    """`{access_token, expires_in, refresh_token}` for a member.

    Raises:
        NotFound: no such member in the program.
        MemberErased: he was erased.
    """
    return issue_member_tokens(program_id, living_member_id_of(program_id, ref))


def _may_use_tokens(program_id: UUID, member_id: UUID) -> bool:
    """A suspended member still sees what is his; an erased one is nobody."""
    with transaction(program_id, read_only=True):
        member = cards_of(program_id, [member_id]).get(member_id)
    return member is not None and member.status != "erased"


auth.register_member_gate(_may_use_tokens)


def depths_of(program_id: UUID, members: Sequence[Member]) -> dict[UUID, int]:
    """How many stand above each of them."""
    return tree.depths_of(program_id, [member.id for member in members])


__all__ = [
    "INVITER_FIELDS", "STANDARD_GRADE", "Arrival", "GradeChange", "InviterName", "Member", "MemberCard",
    "NamedInviter", "Registered", "Standing", "add_identities", "cards_of", "change_grades", "change_member",
    "customers_for", "depths_of", "enrol", "erase", "find_inviter", "find_living", "find_members", "identities_of",
    "issue_tokens", "known_members", "living_member_id_of", "masked_name", "member_id_of", "member_of",
    "members_by_identity", "members_of", "register", "register_arrival_step", "register_erasure_guard",
    "register_erasure_step", "register_inviter_source", "standings_locked",
]  # fmt: skip
