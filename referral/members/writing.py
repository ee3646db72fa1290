"""Writes registered members: rows, placeholders filled in, identities. Each tells whether all could be written."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.db import execute, json
from core.encryption import encrypt, lookup_hash
from core.ids import new_id
from referral.members.admission import Admitted
from referral.members.invite_codes import new_invite_code
from referral.members.models import MemberIdentityRow, MemberRow
from referral.tree.service import Bound


class _Row(NamedTuple):
    id: UUID
    external_id: str
    content_hash: bytes
    name: str | None
    avatar_url: str | None
    phone_sealed: str | None
    phone_hash: bytes | None
    attributes: dict[str, Any]
    grade: str
    status: str
    enrolment: str
    invite_code: str
    inviter_id: UUID | None
    binding_source: str | None
    bound_at: datetime | None
    protected_until: datetime | None
    binding_expires_at: datetime | None
    joined_at: datetime
    created_at: datetime
    updated_at: datetime


def insert_members(program_id: UUID, admitted: Sequence[Admitted], bound: Sequence[Bound], at: datetime) -> bool:
    rows = [_row(one, how, at) for one, how in zip(admitted, bound, strict=True)]
    rows.sort(key=lambda row: row.external_id)  # so that two batches with the same people cannot deadlock
    made = insert_rows(MemberRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="id")
    return len(made) == len(rows)


def _row(one: Admitted, bound: Bound, at: datetime) -> _Row:
    member, binding = one.member, bound.binding
    is_bound = binding.inviter_id is not None
    phone_sealed, phone_hash = sealed_phone(member.phone, one.id)
    return _Row(
        one.id, member.external_id, one.content_hash, member.name, member.avatar_url, phone_sealed, phone_hash,
        member.attributes, member.grade, "active", "none", new_invite_code(), binding.inviter_id,
        bound.source if is_bound else None, at if is_bound else None, binding.protected_until, binding.expires_at,
        member.joined_at or at, at, at,
    )  # fmt: skip


def fill_in_placeholders(program_id: UUID, admitted: Sequence[Admitted], at: datetime) -> bool:
    """Complete placeholders; what the request left out stays as an operator may have set it."""
    if not admitted:
        return True
    members = [one.member for one in admitted]
    phones = [sealed_phone(one.member.phone, one.id) for one in admitted]
    filled = execute(
        """UPDATE members m
           SET content_hash = given.content_hash, name = coalesce(given.name, m.name),
               avatar_url = coalesce(given.avatar_url, m.avatar_url),
               phone_sealed = coalesce(given.phone_sealed, m.phone_sealed),
               phone_hash = coalesce(given.phone_hash, m.phone_hash),
               attributes = coalesce(nullif(given.attributes, '{}'::jsonb), m.attributes),
               grade = coalesce(nullif(given.grade, 'standard'), m.grade),
               joined_at = coalesce(given.joined_at, m.joined_at), updated_at = %(at)s
           FROM unnest(%(ids)s::uuid[], %(hashes)s::bytea[], %(names)s::text[], %(avatar_urls)s::text[],
                       %(phones_sealed)s::text[], %(phone_hashes)s::bytea[], %(attributes)s::jsonb[],
                       %(grades)s::text[], %(joined_at)s::timestamptz[])
                AS given (id, content_hash, name, avatar_url, phone_sealed, phone_hash, attributes, grade, joined_at)
           WHERE m.program_id = %(program_id)s AND m.id = given.id AND m.content_hash IS NULL""",
        program_id=program_id, at=at, ids=[one.id for one in admitted], hashes=[one.content_hash for one in admitted],
        names=[member.name for member in members], avatar_urls=[member.avatar_url for member in members],
        phones_sealed=[sealed for sealed, _ in phones], phone_hashes=[hashed for _, hashed in phones],
        attributes=[json(member.attributes) for member in members], grades=[member.grade for member in members],
        joined_at=[member.joined_at for member in members],
    )  # fmt: skip
    return filled == len(admitted)


def sealed_phone(phone: str | None, member_id: UUID) -> tuple[str | None, bytes | None]:
    """A phone as it is stored: encrypted for the member's row, and hashed with the key."""
    return (None, None) if phone is None else (encrypt(phone, member_id), lookup_hash("phone", phone))


class _IdentityRow(NamedTuple):
    id: UUID
    member_id: UUID
    kind: str
    value_sealed: str
    value_hash: bytes
    created_at: datetime


def insert_identities(program_id: UUID, admitted: Sequence[Admitted], at: datetime) -> bool:
    rows = []
    for one in admitted:
        for identity in one.member.identities:
            row_id = new_id()
            sealed = encrypt(identity.value, row_id)
            rows.append(_IdentityRow(row_id, one.id, identity.kind, sealed, identity.hash, at))
    rows.sort(key=lambda row: (row.kind, row.value_hash))
    made = insert_rows(MemberIdentityRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="id")
    return len(made) == len(rows)
