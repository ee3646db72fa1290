"""A member as he is to be registered, after defaults: what two requests are compared by."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from core.encryption import lookup_hash
from core.errors import DomainError

STANDARD_GRADE = "standard"


INVITER_FIELDS = ("inviter_external_id", "inviter_id", "invite_code", "link_code", "click_id")
_SOURCES = {"invite_code": "invite_code", "link_code": "link", "click_id": "click"}


class InviterName(NamedTuple):
    """How a request names the inviter."""

    field: str  # of INVITER_FIELDS
    value: str | UUID | None  # None: an id that nobody can have

    def source(self, otherwise: str) -> str:
        """What the history of bindings calls this way; ids say nothing of how the two found each other."""
        return _SOURCES.get(self.field, otherwise)


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
    visitor_id: str | None = None  # the shop's name for the device he came by

    @property
    def click_id(self) -> str | None:
        return str(self.inviter.value) if self.inviter and self.inviter.field == "click_id" else None


class Unreadable(NamedTuple):
    """An item of a batch that is no member, and why."""

    external_id: str | None
    error: DomainError


def content_hash(member: NewMember, inviter_id: UUID | None) -> bytes:
    """A keyed hash: the content holds phones and names, which nobody shall find by trying.

    It counts who the inviter is, however he was named. What was added to the content later stands in it only when it
    is said, so that the hashes of older rows still match.
    """
    content = member._asdict() | {"inviter": inviter_id, "identities": sorted(map(list, member.identities))}
    if member.visitor_id is None:
        del content["visitor_id"]
    return lookup_hash("member content", orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode())
