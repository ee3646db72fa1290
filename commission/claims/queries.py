"""Every SELECT on attribution claims."""

from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from core.db import fetch_all, fetch_one, scalar


class Claim(NamedTuple):
    """One row of `attribution_claims` without program_id."""

    id: UUID
    member_id: UUID
    order_external_id: str
    note: str | None
    status: str
    reason: str | None
    decided_by_kind: str | None
    decided_by: UUID | None
    decided_at: datetime | None
    created_at: datetime


_COLUMNS: LiteralString = """SELECT id, member_id, order_external_id, note, status, reason, decided_by_kind, decided_by,
       decided_at, created_at
FROM attribution_claims WHERE program_id = %(program_id)s"""


def claim(program_id: UUID, claim_id: UUID, *, lock: bool = False) -> Claim | None:
    statement = _COLUMNS + " AND id = %(id)s"
    return fetch_one(Claim, statement + " FOR UPDATE" if lock else statement, program_id=program_id, id=claim_id)


def open_claim(program_id: UUID, member_id: UUID, order_external_id: str) -> Claim | None:
    return fetch_one(
        Claim,
        _COLUMNS
        + """ AND member_id = %(member_id)s AND order_external_id = %(order)s AND status IN ('waiting', 'open')""",
        program_id=program_id, member_id=member_id, order=order_external_id,
    )  # fmt: skip


def claim_count(program_id: UUID, member_id: UUID, since: datetime) -> int:
    """His claims that wait for an answer, and those made since, answered or not."""
    found: int = scalar(
        """SELECT count(*) FROM attribution_claims
           WHERE program_id = %(program_id)s AND member_id = %(member_id)s
             AND (status IN ('waiting', 'open') OR created_at > %(since)s)""",
        program_id=program_id, member_id=member_id, since=since,
    )  # fmt: skip
    return found


# only the filters that are given: a statement for all of them together would be planned for none
_CONDITIONS: dict[str, LiteralString] = {
    "status": " AND status = %(status)s",
    "member_id": " AND member_id = %(member_id)s",
    "before": " AND id < %(before)s",
}


def claims(program_id: UUID, status: str | None, member_id: UUID | None, before: UUID | None, most: int) -> list[Claim]:
    """Newest first."""
    given = {"status": status, "member_id": member_id, "before": before}
    statement: LiteralString = _COLUMNS + "".join([_CONDITIONS[name] for name in given if given[name] is not None])
    return fetch_all(
        Claim, statement + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given
    )  # fmt: skip


def waiting_claims(program_id: UUID, after: UUID | None, most: int) -> list[Claim]:
    """Oldest first, locked; those that somebody else looks at are left to him."""
    behind: LiteralString = "" if after is None else " AND id > %(after)s"
    return fetch_all(
        Claim,
        _COLUMNS + " AND status = 'waiting'" + behind + " ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED",
        program_id=program_id, after=after, most=most,
    )  # fmt: skip


def any_waiting(program_id: UUID) -> bool:
    return bool(
        scalar(
            "SELECT EXISTS (SELECT 1 FROM attribution_claims WHERE program_id = %(program_id)s AND status = 'waiting')",
            program_id=program_id,
        )
    )
