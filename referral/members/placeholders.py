"""Customers named by an order before anybody registered them. They have no inviter; their first POST completes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.db import Collision
from core.events.service import Event, announce
from core.ids import new_id
from referral.members import queries
from referral.members.invite_codes import new_invite_code
from referral.members.models import MemberRow
from referral.tree.service import mark_moved

_TRIES = 5  # one for each rival that commits in between; a rival's rows are there at the next look


class _Placeholder(NamedTuple):
    id: UUID
    external_id: str
    attributes: dict[str, Any]
    grade: str
    status: str
    enrolment: str
    invite_code: str
    joined_at: datetime
    created_at: datetime
    updated_at: datetime


def customers_for(program_id: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    """The member behind every external id; the unknown ones become members. One statement if all are known, else four.

    Safe beside others that name the same customers: rows are inserted in the order of the external ids.

    Raises:
        Collision: they were quicker five times.
    """
    wanted = set(external_ids)
    if not wanted:
        return {}
    for _ in range(_TRIES):
        known = queries.ids_of_external_ids(program_id, list(wanted))
        missing = sorted(wanted - known.keys())
        if not missing:
            return known
        made = _make(program_id, missing)
        if len(made) == len(missing):
            return known | made
    raise Collision("others keep naming the same new customers")


def _make(program_id: UUID, external_ids: Sequence[str]) -> dict[str, UUID]:
    at = now()
    rows = [
        _Placeholder(new_id(), external_id, {}, "standard", "active", "none", new_invite_code(), at, at, at)
        for external_id in external_ids
    ]
    made = dict(
        insert_rows(MemberRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="external_id, id")
    )
    mark_moved(program_id, list(made.values()))
    announce(
        program_id,
        [Event("member.created", at, {"member_id": made_id, "inviter_id": None}) for made_id in made.values()],
    )
    return made
