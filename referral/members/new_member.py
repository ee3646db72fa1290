"""A member as he is to be registered, after defaults: what two requests are compared by."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from core.encryption import lookup_hash
from core.errors import DomainError

STANDARD_GRADE = "standard"


class InviterName(NamedTuple):
    """How a request names the inviter."""

    field: str  # inviter_external_id | inviter_id | invite_code
    value: str | UUID | None  # None: an id that nobody can have


class Identity(NamedTuple):
    """What a platform calls the member."""

    kind: str
    value: str

    @property
    def hash(self) -> bytes:
        return lookup_hash(f"identity:{self.kind}", self.value)


class NewMember(NamedTuple):
    """The content of one registration."""

    external_id: str
    name: str | None
    inviter: InviterName | None
    joined_at: datetime | None
    grade: str
    phone: str | None
    avatar_url: str | None
    identities: tuple[Identity, ...]
    attributes: dict[str, Any]


class Unreadable(NamedTuple):
    """An item of a batch that is no member, and why."""

    external_id: str | None
    error: DomainError


def content_hash(member: NewMember, inviter_id: UUID | None) -> bytes:
    """A keyed hash: the content holds phones and names, which nobody shall find by trying."""
    content = member._asdict() | {"inviter": inviter_id, "identities": sorted(map(list, member.identities))}
    return lookup_hash("member content", orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode())
