"""What platforms call members: looked up and added by the features above. Callers hold the transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.db import fetch_all
from core.encryption import decrypt, encrypt
from core.ids import new_id
from referral.members import queries
from referral.members.models import MemberIdentityRow
from referral.members.new_member import Identity


def members_by_identity(program_id: UUID, kind: str, values: Collection[str]) -> dict[str, UUID]:
    """Whose these identities of one kind are, by value; those of nobody are left out."""
    hashes = {value: Identity(kind, value).hash for value in values}
    owners = queries.identity_owners(program_id, {(kind, value_hash) for value_hash in hashes.values()})
    return {value: owners[kind, hashed] for value, hashed in hashes.items() if (kind, hashed) in owners}


class _Sealed(NamedTuple):
    id: UUID
    member_id: UUID
    value_sealed: str


def identities_of(program_id: UUID, kind: str, member_ids: Collection[UUID]) -> dict[UUID, str]:
    """What a platform calls these members, the newest name of each; those without one are left out."""
    rows = fetch_all(
        _Sealed,
        """SELECT DISTINCT ON (member_id) id, member_id, value_sealed FROM member_identities
           WHERE program_id = %(program_id)s AND kind = %(kind)s AND member_id = ANY(%(ids)s::uuid[])
           ORDER BY member_id, id DESC""",
        program_id=program_id, kind=kind, ids=list(member_ids),
    )  # fmt: skip
    return {row.member_id: decrypt(row.value_sealed, row.id) for row in rows}


class _Row(NamedTuple):
    id: UUID
    member_id: UUID
    kind: str
    value_sealed: str
    value_hash: bytes
    created_at: datetime


def add_identities(program_id: UUID, kind: str, given: Sequence[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Note that these members are called so. Again changes nothing; those whose name is another member's come back.

    Of two who are given the same name here, the earlier one has it.

    The members must be locked against erasure.
    """
    at = now()
    rows = []
    for member_id, value in given:
        row_id = new_id()
        hashed = Identity(kind, value).hash
        rows.append(_Row(row_id, member_id, kind, encrypt(value, row_id), hashed, at))
    rows.sort(key=lambda row: row.value_hash)  # so that two who add the same cannot deadlock
    insert_rows(
        MemberIdentityRow, rows, program_id=program_id, on_conflict="(program_id, kind, value_hash) DO NOTHING"
    )  # fmt: skip
    owners = members_by_identity(program_id, kind, [value for _, value in given])
    return {(member_id, value) for member_id, value in given if owners.get(value) != member_id}
