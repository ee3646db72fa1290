"""Reads of members. Every one names the program first."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from core.db import fetch_all, fetch_one, scalar
from core.ids import ExternalRef, Ref
from referral.members.admission import Existing, IdentityKey


class MemberCard(NamedTuple):
    """As much of a member as other resources show."""

    id: UUID
    external_id: str | None  # None: erased
    name: str | None
    grade: str
    status: str


class Member(NamedTuple):
    """A member as the API shows him, but for his depth."""

    id: UUID
    external_id: str | None
    name: str | None
    avatar_url: str | None
    phone_sealed: str | None
    attributes: dict[str, Any]
    grade: str
    status: str
    enrolment: str
    agreement_version: str | None
    invite_code: str | None
    inviter_id: UUID | None
    binding_source: str | None
    bound_at: datetime | None
    protected_until: datetime | None
    binding_expires_at: datetime | None
    joined_at: datetime
    created_at: datetime


class KnownId(NamedTuple):
    """Which member an external id names."""

    external_id: str
    id: UUID


class _Known(NamedTuple):
    external_id: str
    id: UUID
    content_hash: bytes | None


class _Inviter(NamedTuple):
    id: UUID
    invite_code: str | None


class _Owner(NamedTuple):
    kind: str
    value_hash: bytes
    member_id: UUID


def id_of(program_id: UUID, ref: Ref) -> UUID | None:
    if isinstance(ref, ExternalRef):
        found = scalar(
            "SELECT id FROM members WHERE program_id = %(program_id)s AND external_id = %(external_id)s",
            program_id=program_id, external_id=ref.external_id,
        )  # fmt: skip
    else:
        found = scalar(
            "SELECT id FROM members WHERE program_id = %(program_id)s AND id = %(id)s", program_id=program_id, id=ref
        )
    return found if isinstance(found, UUID) else None


def ids_of_external_ids(program_id: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    rows = fetch_all(
        KnownId,
        """SELECT external_id, id FROM members
           WHERE program_id = %(program_id)s AND external_id = ANY(%(external_ids)s::text[])""",
        program_id=program_id, external_ids=list(external_ids),
    )  # fmt: skip
    return dict(rows)


def cards(program_id: UUID, ids: Sequence[UUID]) -> list[MemberCard]:
    return fetch_all(
        MemberCard,
        """SELECT id, external_id, name, grade, status FROM members
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=list(ids),
    )  # fmt: skip


_MEMBER: LiteralString = """
  SELECT id, external_id, name, avatar_url, phone_sealed, attributes, grade, status, enrolment, agreement_version,
         invite_code, inviter_id, binding_source, bound_at, protected_until, binding_expires_at, joined_at, created_at
  FROM members WHERE program_id = %(program_id)s"""
# only the filters that are given: a statement for all of them together would be planned for none
_FILTERS: dict[str, LiteralString] = {
    "external_id": " AND external_id = %(external_id)s",
    "inviter_id": " AND inviter_id = %(inviter_id)s",
    "grade": " AND grade = %(grade)s",
    "q": " AND (name ILIKE %(q)s OR external_id ILIKE %(q)s)",
    "before": " AND id < %(before)s",
}


def member(program_id: UUID, ref: Ref) -> Member | None:
    if isinstance(ref, ExternalRef):
        named = " AND external_id = %(external_id)s"
        return fetch_one(Member, _MEMBER + named, program_id=program_id, external_id=ref.external_id)
    return fetch_one(Member, _MEMBER + " AND id = %(id)s", program_id=program_id, id=ref)


def members_by_id(program_id: UUID, ids: Collection[UUID]) -> list[Member]:
    return fetch_all(Member, _MEMBER + " AND id = ANY(%(ids)s::uuid[])", program_id=program_id, ids=list(ids))


class Standing(NamedTuple):
    """What decides whether a member may be given something."""

    id: UUID
    status: str
    enrolment: str


def standings_locked(program_id: UUID, ids: Collection[UUID]) -> dict[UUID, Standing]:
    """Of each member that there is, locked in id order: nobody of them is erased until the transaction ends."""
    rows = fetch_all(
        Standing,
        """SELECT id, status, enrolment FROM members WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[])
           ORDER BY id FOR KEY SHARE""",
        program_id=program_id, ids=list(ids),
    )  # fmt: skip
    return {row.id: row for row in rows}


def members_where(program_id: UUID, given: dict[str, Any], most: int) -> list[Member]:
    """The members that meet every given filter, newest first."""
    conditions = [_FILTERS[name] for name in given]
    statement = _MEMBER + "".join(conditions) + " ORDER BY id DESC LIMIT %(most)s"
    return fetch_all(Member, statement, program_id=program_id, most=most, **given)


def existing(program_id: UUID, external_ids: Collection[str]) -> dict[str, Existing]:
    """Who has these external ids already."""
    rows = fetch_all(
        _Known,
        """SELECT external_id, id, content_hash FROM members
           WHERE program_id = %(program_id)s AND external_id = ANY(%(external_ids)s::text[])""",
        program_id=program_id, external_ids=list(external_ids),
    )  # fmt: skip
    return {row.external_id: Existing(row.id, row.content_hash) for row in rows}


def inviters(program_id: UUID, ids: Collection[UUID], invite_codes: Collection[str]) -> dict[str | UUID, UUID]:
    """The members that these ids and invite codes name, by either."""
    if not ids and not invite_codes:
        return {}
    rows = fetch_all(
        _Inviter,
        """SELECT id, NULL FROM members
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) AND status <> 'erased'
           UNION ALL
           SELECT id, invite_code FROM members
           WHERE program_id = %(program_id)s AND invite_code = ANY(%(invite_codes)s::text[])""",
        program_id=program_id, ids=list(ids), invite_codes=list(invite_codes),
    )  # fmt: skip
    found: dict[str | UUID, UUID] = {row.id: row.id for row in rows}
    return found | {row.invite_code: row.id for row in rows if row.invite_code is not None}


def identity_owners(program_id: UUID, keys: Collection[IdentityKey]) -> dict[IdentityKey, UUID]:
    """Whose these identities are, by kind and hash."""
    if not keys:
        return {}
    rows = fetch_all(
        _Owner,
        """SELECT i.kind, i.value_hash, i.member_id
           FROM unnest(%(kinds)s::text[], %(hashes)s::bytea[]) AS given (kind, value_hash)
           JOIN member_identities i
             ON i.program_id = %(program_id)s AND i.kind = given.kind AND i.value_hash = given.value_hash""",
        program_id=program_id, kinds=[kind for kind, _ in keys], hashes=[value_hash for _, value_hash in keys],
    )  # fmt: skip
    return {(row.kind, row.value_hash): row.member_id for row in rows}
