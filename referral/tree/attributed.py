"""Binds customers to the members their orders were attributed to, where the program wants it. Callers hold the
transaction, and call this last in it: the tree's lock is held until it commits.
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from core.auth.actor import ActorKind, Program
from core.clock import now
from referral.tree import queries
from referral.tree.binding import BindRequest, bind_many
from referral.tree.rules import Binding, has_room


class _System(NamedTuple):
    """Nobody asked for the bind; the order made it."""

    program: Program
    kind: ActorKind = ActorKind.SYSTEM
    id: UUID | None = None


def bind_attributed(program: Program, pairs: Iterable[tuple[UUID, UUID]]) -> list[UUID]:
    """Bind each customer who has no living binding to his member, of (customer, member) pairs; who was bound.

    Nothing happens unless the program's `binding.bind_on_order` is set. Of several pairs of a customer the first
    counts. A pair that would close a ring, or whose customer was bound at this moment, is passed over. One statement
    where nobody is to be bound.
    """
    wanted: dict[UUID, UUID] = {}
    for customer_id, member_id in pairs:
        if customer_id != member_id:
            wanted.setdefault(customer_id, member_id)
    if not program.settings.binding.bind_on_order or not wanted:
        return []
    free = _free(program.id, wanted)
    if not free:
        return []
    requests = [BindRequest(one, wanted[one], "order", yields=True) for one in free]
    refusals = bind_many(_System(program), requests)
    return [one for one, refusal in zip(free, refusals, strict=True) if refusal is None]


def _free(program_id: UUID, customer_ids: Iterable[UUID]) -> list[UUID]:
    """Who has no living binding. Looked at without a lock, so that a shop's regular customers queue for nothing."""
    at = now()
    bindings = queries.bindings(program_id, list(customer_ids))
    return sorted(one.id for one in bindings if has_room(Binding(one.inviter_id, None, one.expires_at), at))
