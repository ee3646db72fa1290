"""Members for other features: who is meant, and how he is shown. Callers hold the transaction; nothing here commits."""

from collections.abc import Sequence
from uuid import UUID

from core.errors import NotFound
from core.ids import Ref
from referral.members import queries
from referral.members.placeholders import customers_for
from referral.members.queries import MemberCard


def member_id_of(program_id: UUID, ref: Ref) -> UUID:
    """The id behind a public id or `ext:` reference.

    Raises:
        NotFound: no such member in the program.
    """
    found = queries.id_of(program_id, ref)
    if found is None:
        raise NotFound("There is no such member.")
    return found


def cards_of(program_id: UUID, ids: Sequence[UUID]) -> dict[UUID, MemberCard]:
    """How members are shown in other resources, in one statement; ids that are not of the program are left out."""
    return {card.id: card for card in queries.cards(program_id, ids)} if ids else {}


def known_members(program_id: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    """The members the shop calls so, in one statement; unknown ones are left out, none is made."""
    return queries.ids_of_external_ids(program_id, external_ids) if external_ids else {}


__all__ = ["MemberCard", "cards_of", "customers_for", "known_members", "member_id_of"]
