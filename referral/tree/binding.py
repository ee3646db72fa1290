"""Binds members to inviters so that no ring can close, at any concurrency. Callers hold the transaction.

Two locks do it. A member without downline is locked FOR UPDATE, which keeps every insert and bind under him waiting:
he is still without downline when his new edge commits, and a ring needs somebody below him. Any other member, and
every batch, takes the program's tree row first, then the members and their inviters FOR NO KEY UPDATE, then walks up:
the only edges that can appear meanwhile hang below members without downline or below new ones, and to lie on the walked
path one of those would have to be the locked inviter. Rows are locked in id order, the tree row before all of them.
An inviter of one such bind is locked FOR KEY SHARE only, so that a popular one does not queue his followers.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from core.auth.actor import ActorKind, Program
from core.bulk import insert_rows
from core.clock import now
from core.db import Collision, execute
from core.errors import DomainError, Invalid
from core.events.service import Event, announce
from core.ids import new_id
from referral.tree import locks, queries
from referral.tree.counters import mark_moved
from referral.tree.errors import AlreadyBound, ReferralCycle
from referral.tree.models import MemberBindingRow
from referral.tree.rules import Binding, closes_ring, has_room, may_change, new_binding


class BindRequest(NamedTuple):
    """Who is to be bound to whom (None: unbound), and what made it so."""

    member_id: UUID
    inviter_id: UUID | None
    source: str  # registration | invite_code | link | click | order | api | staff
    reason: str | None = None
    yields: bool = False  # to any binding that has not ended, even where the mode would let it go


class Binder(Protocol):
    """Who binds, for the history: somebody with a credential, or the system by itself."""

    @property
    def program(self) -> Program: ...
    @property
    def kind(self) -> ActorKind: ...
    @property
    def id(self) -> UUID | None: ...


class Bound(NamedTuple):
    """A change of inviter that holds."""

    member_id: UUID
    source: str
    reason: str | None
    previous_inviter_id: UUID | None
    binding: Binding


def bind(actor: Binder, request: BindRequest, *, forced: bool = False) -> None:
    """Bind one member, or unbind him. To be bound where he is bound already changes nothing.

    `forced`: a person answers for it, with a reason, whatever the binding mode.

    Raises:
        ReferralCycle: the inviter is the member himself or stands below him.
        AlreadyBound: the program's mode does not let the present binding go.
        Invalid: a forced change of inviter without a reason.
        Collision: somebody was bound under the member at this moment; the next try takes the tree's lock.
    """
    if request.inviter_id is None or not _has_downline(actor.program.id, request.member_id):
        _bind_alone(actor, request, forced=forced)
        return
    (refusal,) = bind_many(actor, [request], forced=forced)
    if refusal is not None:
        raise refusal


def _has_downline(program_id: UUID, member_id: UUID) -> bool:
    return bool(queries.members_with_downline(program_id, [member_id]))


def bind_many(actor: Binder, requests: Sequence[BindRequest], *, forced: bool = False) -> list[DomainError | None]:
    """Bind members one after the other under the tree's lock; for each None, or why not. A few statements for all."""
    at, program_id = now(), actor.program.id
    locks.take_tree(program_id)
    present = locks.lock_many(program_id, _all_named(requests))
    inviter_of = queries.links_above(program_id, {one.inviter_id for one in requests if one.inviter_id})
    outcomes: list[Bound | DomainError | None] = []
    for request in requests:
        ring = request.inviter_id is not None and closes_ring(request.member_id, request.inviter_id, inviter_of)
        outcome = _decide(actor, request, present[request.member_id], at, ring=ring, forced=forced)
        outcomes.append(outcome)
        if isinstance(outcome, Bound):
            present[request.member_id] = outcome.binding
            inviter_of[request.member_id] = outcome.binding.inviter_id
    _write(actor, [outcome for outcome in outcomes if isinstance(outcome, Bound)], at)
    return [outcome if isinstance(outcome, DomainError) else None for outcome in outcomes]


def _bind_alone(actor: Binder, request: BindRequest, *, forced: bool) -> None:
    at = now()
    present = _lock_pair(actor.program.id, request)
    if request.inviter_id is not None and _has_downline(actor.program.id, request.member_id):
        raise Collision("the member has gained a downline before he was locked")
    ring = request.inviter_id == request.member_id
    outcome = _decide(actor, request, present, at, ring=ring, forced=forced)
    if isinstance(outcome, DomainError):
        raise outcome
    _write(actor, [outcome] if outcome else [], at)


def _lock_pair(program_id: UUID, request: BindRequest) -> Binding:
    # in id order, so that a bound to b and b bound to a at once cannot deadlock
    inviter_first = request.inviter_id is not None and request.inviter_id < request.member_id
    if inviter_first:
        locks.lock_in_place(program_id, request.inviter_id)
    locked = locks.lock_alone(program_id, request.member_id)
    if not inviter_first and request.inviter_id is not None:
        locks.lock_in_place(program_id, request.inviter_id)
    return locked.binding


def _all_named(requests: Sequence[BindRequest]) -> set[UUID]:
    inviters = {request.inviter_id for request in requests if request.inviter_id is not None}
    return inviters | {request.member_id for request in requests}


def _decide(
    actor: Binder, request: BindRequest, present: Binding, at: datetime, *, ring: bool, forced: bool
) -> Bound | DomainError | None:
    settings = actor.program.settings.binding
    if ring:
        return ReferralCycle()
    if request.inviter_id == present.inviter_id and not present.has_ended(at) and not request.yields:
        return None
    gives_way = has_room(present, at) if request.yields else may_change(present, settings, at)
    if not forced and not gives_way:
        return AlreadyBound()
    if forced and present.inviter_id is not None and not request.reason:
        return Invalid.at("/reason", "Changing an inviter needs a reason.")
    binding = new_binding(request.inviter_id, settings, at)
    return Bound(request.member_id, request.source, request.reason, present.inviter_id, binding)


def _write(actor: Binder, changes: Sequence[Bound], at: datetime) -> None:
    if not changes:
        return
    bound = [change.binding.inviter_id is not None for change in changes]
    execute(
        """UPDATE members m
           SET inviter_id = given.inviter_id, binding_source = given.source, bound_at = given.bound_at,
               protected_until = given.protected_until, binding_expires_at = given.expires_at, updated_at = %(at)s
           FROM unnest(%(ids)s::uuid[], %(inviter_ids)s::uuid[], %(sources)s::text[], %(bound_at)s::timestamptz[],
                       %(protected_until)s::timestamptz[], %(expires_at)s::timestamptz[])
                AS given (id, inviter_id, source, bound_at, protected_until, expires_at)
           WHERE m.program_id = %(program_id)s AND m.id = given.id""",
        program_id=actor.program.id, at=at, ids=[change.member_id for change in changes],
        inviter_ids=[change.binding.inviter_id for change in changes],
        sources=[change.source if is_bound else None for change, is_bound in zip(changes, bound, strict=True)],
        bound_at=[at if is_bound else None for is_bound in bound],
        protected_until=[change.binding.protected_until for change in changes],
        expires_at=[change.binding.expires_at for change in changes],
    )  # fmt: skip
    record_bound(actor, changes, at)
    mark_moved(actor.program.id, [change.member_id for change in changes])
    announce(actor.program.id, [_event(change, at) for change in changes])


def _event(change: Bound, at: datetime) -> Event:
    facts = {
        "member_id": change.member_id,
        "inviter_id": change.binding.inviter_id,
        "inviter_before_id": change.previous_inviter_id,
    }
    return Event("member.bound", at, facts)


class _History(NamedTuple):
    id: UUID
    member_id: UUID
    inviter_id: UUID | None
    previous_inviter_id: UUID | None
    source: str
    reason: str | None
    actor_kind: str
    actor_id: UUID | None
    bound_at: datetime
    protected_until: datetime | None
    expires_at: datetime | None


def record_bound(actor: Binder, changes: Sequence[Bound], at: datetime) -> None:
    """Append bindings to the history. For members that are inserted with their inviter, and for the binds here."""
    rows = [
        _History(
            new_id(), change.member_id, change.binding.inviter_id, change.previous_inviter_id, change.source,
            change.reason, actor.kind.value, actor.id, at, change.binding.protected_until, change.binding.expires_at,
        )
        for change in changes
    ]  # fmt: skip
    insert_rows(MemberBindingRow, rows, program_id=actor.program.id)
