"""What is shown of members, in two statements for any number. Callers hold the transaction."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from community.boards import service as boards
from community.boards.service import Names
from referral.members import service as members
from referral.members.service import masked_name


class Shown(NamedTuple):
    """`names`: what others see of each member. `erased`: those to whom nothing can be told any more."""

    names: dict[UUID, str | None]
    erased: frozenset[UUID]


def shown_members(program_id: UUID, ids: Iterable[UUID]) -> Shown:
    """The names of members as each of them wants his shown; ids that are not of the program are left out."""
    cards = members.cards_of(program_id, sorted(set(ids)))
    choices = boards.names_of(program_id, list(cards))
    names = {card.id: _shown(card.name, choices.get(card.id, Names.MASKED)) for card in cards.values()}
    return Shown(names, frozenset(card.id for card in cards.values() if card.status == "erased"))


def _shown(name: str | None, choice: Names) -> str | None:
    if choice is Names.HIDDEN:
        return None
    return name if choice is Names.FULL else masked_name(name)
