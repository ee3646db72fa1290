"""The locks of a bind. The tree's row comes before members, members in id order; referral.tree.binding says why."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.db import execute, fetch_all, scalar
from referral.tree.rules import Binding


class Locked(NamedTuple):
    """A locked member's present binding."""

    id: UUID
    inviter_id: UUID | None
    protected_until: datetime | None
    expires_at: datetime | None

    @property
    def binding(self) -> Binding:
        return Binding(self.inviter_id, self.protected_until, self.expires_at)


def lock_alone(program_id: UUID, member_id: UUID) -> Locked:
    """Lock a member so that nobody else is bound under him meanwhile."""
    (locked,) = fetch_all(
        Locked,
        """SELECT id, inviter_id, protected_until, binding_expires_at FROM members
           WHERE program_id = %(program_id)s AND id = %(id)s FOR UPDATE""",
        program_id=program_id, id=member_id,
    )  # fmt: skip
    return locked


def lock_in_place(program_id: UUID, member_id: UUID | None) -> None:
    """Keep a member where he stands; others may be bound under him meanwhile."""
    scalar(
        "SELECT 1 FROM members WHERE program_id = %(program_id)s AND id = %(id)s FOR KEY SHARE",
        program_id=program_id, id=member_id,
    )  # fmt: skip


def lock_many(program_id: UUID, member_ids: Collection[UUID]) -> dict[UUID, Binding]:
    """Lock the places of many members, in id order."""
    rows = fetch_all(
        Locked,
        """SELECT id, inviter_id, protected_until, binding_expires_at FROM members
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) ORDER BY id FOR NO KEY UPDATE""",
        program_id=program_id, ids=list(member_ids),
    )  # fmt: skip
    return {row.id: row.binding for row in rows}


def take_tree(program_id: UUID) -> None:
    """Lock the program's tree: one move of a team at a time."""
    execute(
        """INSERT INTO trees (program_id, moves) VALUES (%(program_id)s, 1)
           ON CONFLICT (program_id) DO UPDATE SET moves = trees.moves + 1""",
        program_id=program_id,
    )
