"""Reads of links. Every one but the global look-up of a code names the program first."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from core.db import fetch_all, fetch_one, scalar
from core.ids import ExternalRef, Ref


class Link(NamedTuple):
    """A link as it stands, ended or not."""

    id: UUID
    code: str
    member_id: UUID
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
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime

    def ended(self, at: datetime) -> bool:
        """Expired or deleted: it leads nowhere any more and nothing is attributed by it."""
        return self.deleted_at is not None or (self.expires_at is not None and self.expires_at <= at)


class TakenCode(NamedTuple):
    """A chosen code that somebody has, and what this program's link with it was made from."""

    code: str
    id: UUID | None  # None: it is another program's
    request_hash: bytes | None


class Sharer(NamedTuple):
    """A member who may get a link."""

    id: UUID
    external_id: str | None


_LINK: LiteralString = """
  SELECT id, code, member_id, destination_url, mini_program_path, campaign_id, group_id, content_id, session_id,
         channel, sub_ids, coupon_code, product, expires_at, deleted_at, created_at, updated_at
  FROM links WHERE program_id = %(program_id)s"""
_FILTERS: dict[str, LiteralString] = {
    "member_id": " AND member_id = %(member_id)s",
    "campaign_id": " AND campaign_id = %(campaign_id)s",
    "channel": " AND channel = %(channel)s",
    "code": " AND code = %(code)s",
    "before": " AND id < %(before)s",
}
_STATUS: dict[str, LiteralString] = {
    "active": " AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > %(at)s)",
    "expired": " AND deleted_at IS NULL AND expires_at <= %(at)s",
    "deleted": " AND deleted_at IS NOT NULL",
}


def by_ids(program_id: UUID, ids: Collection[UUID]) -> list[Link]:
    return fetch_all(Link, _LINK + " AND id = ANY(%(ids)s::uuid[])", program_id=program_id, ids=list(ids))


def by_codes(program_id: UUID, codes: Collection[str]) -> list[Link]:
    return fetch_all(Link, _LINK + " AND code = ANY(%(codes)s::text[])", program_id=program_id, codes=list(codes))


def by_ref(program_id: UUID, ref: Ref, *, lock: bool = False) -> Link | None:
    """The link behind an id, or behind `ext:` and its code."""
    locked: LiteralString = " FOR UPDATE" if lock else ""
    if isinstance(ref, ExternalRef):
        return fetch_one(Link, _LINK + " AND code = %(code)s" + locked, program_id=program_id, code=ref.external_id)
    return fetch_one(Link, _LINK + " AND id = %(id)s" + locked, program_id=program_id, id=ref)


def links_where(
    program_id: UUID, given: dict[str, Any], status: str | None, at: datetime, most: int
) -> list[Link]:  # fmt: skip
    """The links that meet every given filter, newest first."""
    conditions = [_FILTERS[name] for name in given] + ([_STATUS[status]] if status else [])
    statement = _LINK + "".join(conditions) + " ORDER BY id DESC LIMIT %(most)s"
    return fetch_all(Link, statement, program_id=program_id, at=at, most=most, **given)


def taken_codes(program_id: UUID, codes: Collection[str]) -> dict[str, TakenCode]:
    """Which of these chosen codes anybody has; of another program's, nothing but that."""
    rows = fetch_all(
        TakenCode,
        """SELECT n.code, l.id, l.request_hash
           FROM link_names n LEFT JOIN links l ON l.program_id = %(program_id)s AND l.code = n.code
           WHERE n.code = ANY(%(codes)s::text[])""",
        program_id=program_id, codes=list(codes),
    )  # fmt: skip
    return {row.code: row for row in rows}


def living_sharers(program_id: UUID, ids: Collection[UUID], external_ids: Collection[str]) -> list[Sharer]:
    """Those of these members who were not erased, and will not be until the transaction ends: an erasure that waits for
    them ends their new links with the others. Rows are locked in id order.
    """
    return fetch_all(
        Sharer,
        """SELECT id, external_id FROM members
           WHERE program_id = %(program_id)s AND status <> 'erased'
             AND (id = ANY(%(ids)s::uuid[]) OR external_id = ANY(%(external_ids)s::text[]))
           ORDER BY id FOR KEY SHARE""",
        program_id=program_id, ids=list(ids), external_ids=list(external_ids),
    )  # fmt: skip


def number_of(program_id: UUID) -> int:
    """The short number that the program's keys and codes carry."""
    return int(scalar("SELECT number FROM programs WHERE id = %(program_id)s", program_id=program_id))


def program_behind(code: str, number: int | None) -> UUID | None:
    """The program that has this chosen code, else the one of this number."""
    found = scalar(
        """SELECT coalesce((SELECT program_id FROM link_names WHERE code = %(code)s),
                           (SELECT id FROM programs WHERE number = %(number)s::bigint))""",
        code=code, number=number,
    )  # fmt: skip
    return found if isinstance(found, UUID) else None
