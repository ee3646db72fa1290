"""How members are named where others read: as each of them wants. Callers hold the transaction."""

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from core.clock import now
from core.db import execute, fetch_all
from referral.members import service as members
from referral.members.service import masked_name


class Names(StrEnum):
    FULL = "full"
    MASKED = "masked"
    HIDDEN = "hidden"


class ShownMember(NamedTuple):
    """A member as others see him. Both None: he is hidden, or erased."""

    id: UUID | None
    name: str | None


class _Choice(NamedTuple):
    member_id: UUID
    names: str


NOBODY = ShownMember(None, None)


def shown_members(program_id: UUID, ids: Collection[UUID]) -> dict[UUID, ShownMember]:
    """What others see of each of these members, in two statements; ids that are not of the program are nobody."""
    cards = members.cards_of(program_id, sorted(set(ids)))
    choices = names_of(program_id, ids)
    return {
        one: _shown(one, cards[one].name, choices.get(one, Names.MASKED))
        if one in cards and cards[one].status != "erased"
        else NOBODY
        for one in ids
    }


def _shown(member_id: UUID, name: str | None, choice: Names) -> ShownMember:
    if choice is Names.HIDDEN:
        return NOBODY
    return ShownMember(member_id, name if choice is Names.FULL else masked_name(name))


def names_of(program_id: UUID, ids: Collection[UUID]) -> dict[UUID, Names]:
    """What members have chosen; who has not, is left out and masked."""
    if not ids:
        return {}
    rows = fetch_all(
        _Choice,
        """SELECT member_id, names FROM member_privacy
           WHERE program_id = %(program_id)s AND member_id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=list(ids),
    )  # fmt: skip
    return {row.member_id: Names(row.names) for row in rows}


def choose_names(program_id: UUID, member_id: UUID, names: Names) -> None:
    """Let a member be named so from now on; the same again changes nothing."""
    execute(
        """INSERT INTO member_privacy (program_id, member_id, names, updated_at)
           VALUES (%(program_id)s, %(member_id)s, %(names)s, %(at)s)
           ON CONFLICT (program_id, member_id) DO UPDATE
           SET names = excluded.names, updated_at = excluded.updated_at""",
        program_id=program_id, member_id=member_id, names=names.value, at=now(),
    )  # fmt: skip


def _forget(program_id: UUID, member_id: UUID) -> None:
    """Of somebody who was erased there is no name to show."""
    execute(
        "DELETE FROM member_privacy WHERE program_id = %(program_id)s AND member_id = %(member_id)s",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip


members.register_erasure_step(_forget)
