"""A link as it is to be made, after defaults: what two requests are compared by."""

import hashlib
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from core.errors import DomainError


class NewLink(NamedTuple):
    """The content of one link. The member is named by one of the two; `coupon_code` is in capitals."""

    member_id: UUID | None
    member_external_id: str | None
    code: str | None  # None: one is made
    destination_url: str
    mini_program_path: str | None
    campaign_id: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    channel: str | None
    sub_ids: list[str]
    coupon_code: str | None
    product: dict[str, Any] | None
    expires_at: datetime | None


class Unreadable(NamedTuple):
    """An item of a batch that is no link, and why."""

    code: str | None
    error: DomainError


def content_hash(link: NewLink, member_id: UUID) -> bytes:
    """By whichever name the member was meant, the same member is the same content."""
    content = link._asdict() | {"member_id": member_id, "member_external_id": None}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()
