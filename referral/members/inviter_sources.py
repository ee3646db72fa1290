"""Who an inviter is, for names that this feature does not know: links and clicks stand above it and register here."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from referral.members.new_member import InviterName


class NamedInviter(NamedTuple):
    """The member that a name stands for, and since when it does so no more (None: it still does)."""

    member_id: UUID
    ended_at: datetime | None = None

    def ended(self, at: datetime) -> bool:
        return self.ended_at is not None and self.ended_at <= at


InviterSource = Callable[[UUID, Collection[str]], Mapping[str, NamedInviter]]

_sources: dict[str, InviterSource] = {}


def register_inviter_source(field: str, source: InviterSource) -> None:
    """`source(program_id, values)` tells, in one statement, whom values of the field name; unknown ones it leaves out.

    It may name members who were erased since: they are left out here.
    """
    _sources[field] = source


def sourced_inviters(program_id: UUID, names: Iterable[InviterName]) -> dict[InviterName, NamedInviter]:
    """Those of the names that a source knows; one statement for each field that occurs."""
    wanted: dict[str, set[str]] = {}
    for name in names:
        if name.field in _sources:
            wanted.setdefault(name.field, set()).add(str(name.value))
    return {
        InviterName(field, value): inviter
        for field, values in wanted.items()
        for value, inviter in _sources[field](program_id, values).items()
    }
