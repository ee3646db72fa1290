"""Who may be bound to whom, and how deep he then stands. Pure; nothing recurses, so that depth has no limit."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from core.programs.settings import BindingSettings

InviterOf = Mapping[UUID, UUID | None]


class Binding(NamedTuple):
    """A member's present binding; without inviter all of it is None."""

    inviter_id: UUID | None
    protected_until: datetime | None = None
    expires_at: datetime | None = None

    def has_ended(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


def new_binding(inviter_id: UUID | None, settings: BindingSettings, at: datetime) -> Binding:
    """The binding that begins now under the program's settings."""
    if inviter_id is None:
        return Binding(None)
    protected_until = at + timedelta(days=settings.protected_days) if settings.protected_days else None
    expires = settings.mode == "expiring" and settings.expires_after_days is not None
    return Binding(
        inviter_id, protected_until, at + timedelta(days=settings.expires_after_days or 0) if expires else None
    )


def has_room(binding: Binding, at: datetime) -> bool:
    """Whether nobody is the member's inviter any more, whatever the mode."""
    return binding.inviter_id is None or binding.has_ended(at)


def may_change(binding: Binding, settings: BindingSettings, at: datetime) -> bool:
    """Whether the program's mode lets a binding go, without a person who answers for it.

    permanent and expiring: only once it has ended; open: the last bind wins, but for its protected days.
    """
    if has_room(binding, at):
        return True
    protected = binding.protected_until is not None and at < binding.protected_until
    return settings.mode == "open" and not protected


def closes_ring(member_id: UUID, inviter_id: UUID, inviter_of: InviterOf) -> bool:
    """Whether the member stands at or above the inviter. `inviter_of` holds the inviter's whole upline."""
    above: UUID | None = inviter_id
    for _ in range(len(inviter_of) + 1):
        if above is None or above == member_id:
            return above is not None
        above = inviter_of.get(above)
    return True  # a walk longer than the map goes in a circle


def depths(member_ids: Iterable[UUID], inviter_of: InviterOf) -> dict[UUID, int]:
    """How many stand above each member; 0 for a root. `inviter_of` holds all their uplines. Linear in its size."""
    known: dict[UUID, int] = {}
    for member_id in member_ids:
        path = []
        above: UUID | None = member_id
        while above is not None and above not in known:
            path.append(above)
            known[above] = 0
            above = inviter_of.get(above)
        depth = -1 if above is None else known[above]
        for passed in reversed(path):
            depth += 1
            known[passed] = depth
    return known
