"""Links: found, made, changed, ended. Callers hold the transaction; nothing here commits."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from core.clock import now
from core.db import lookup, repeatable
from core.ids import ExternalRef, Ref
from coupons.links import queries
from coupons.links.addresses import short_url
from coupons.links.changes import change, delete, link_of
from coupons.links.codes import may_be_chosen, program_number
from coupons.links.creation import Made, create
from coupons.links.queries import Link
from coupons.links.resolving import Offer, offer_of, resolve
from coupons.links.texts import readable, share_text
from referral.members.service import known_members


def links_by_id(program_id: UUID, ids: Collection[UUID]) -> dict[UUID, Link]:
    """These links, ended ones too, in one statement; ids that are not of the program are left out."""
    return {link.id: link for link in queries.by_ids(program_id, ids)} if ids else {}


def links_by_code(program_id: UUID, codes: Collection[str]) -> dict[str, Link]:
    """The links with these codes, ended ones too, in one statement; codes that are not of the program are left out."""
    return {link.code: link for link in queries.by_codes(program_id, codes)} if codes else {}


@repeatable
def program_of_code(code: str) -> UUID | None:
    """The program whose link may have this code. Without a transaction: it is what tells for whom to open one."""
    number = program_number(code)
    if number is None and not may_be_chosen(code):
        return None
    with lookup():
        return queries.program_behind(code, number)


def find_links(program_id: UUID, given: dict[str, Any], before: UUID | None, most: int) -> list[Link]:
    """Links newest first, ended ones too. `given` may hold member_id (a Ref), campaign_id, channel, code and status."""
    filters = dict(given)
    status = filters.pop("status", None)
    if "member_id" in filters:
        member_id = _member_id(program_id, filters["member_id"])
        if member_id is None:
            return []
        filters["member_id"] = member_id
    if before is not None:
        filters["before"] = before
    return queries.links_where(program_id, filters, status, now(), most)


def _member_id(program_id: UUID, ref: Ref) -> UUID | None:
    if isinstance(ref, ExternalRef):
        return known_members(program_id, [ref.external_id]).get(ref.external_id)
    return ref


__all__ = [
    "Link", "Made", "Offer", "change", "create", "delete", "find_links", "link_of", "links_by_code", "links_by_id",
    "offer_of", "program_of_code", "readable", "resolve", "share_text", "short_url",
]  # fmt: skip
