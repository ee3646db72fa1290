"""Reads of members. Every one names the program first."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from core.db import fetch_all, scalar
from core.ids import ExternalRef, Ref


class MemberCard(NamedTuple):
    """As much of a member as other resources show."""

    id: UUID
    external_id: str | None  # None: erased
    name: str | None
    grade: str
    status: str


class KnownId(NamedTuple):
    """Which member an external id names."""

    external_id: str
    id: UUID


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
