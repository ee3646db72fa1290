"""Coupons for the members of a segment: claimed for them a chunk at a time, each member once in a grant.

The segment's terms are those of when the grant began. Callers hold the transaction; a chunk locks the grant, then what
claims lock. Who was given one is told through the log (`coupon.granted`).
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from community.boards.errors import GrantNotFound
from community.boards.models import SegmentGrantRow
from community.boards.segments import Segment, members_in_segment, segment_of
from core.bulk import insert_rows
from core.clock import now
from core.db import Collision, execute, fetch_all, fetch_one, json, savepoint
from core.errors import Conflict, Invalid, NotFound
from core.events.service import Event, announce
from core.ids import new_id
from core.jobs.outbox import publish
from coupons.vouchers import service as vouchers

JOB = "boards.grant"
CHUNK = 500
_SOLD_OUT = "sold_out"


class Grant(NamedTuple):
    """How far it has come. `refused`: members by reason; `after`: the last who was looked at."""

    id: UUID
    segment_id: UUID
    coupon_id: UUID
    terms: dict[str, Any]
    status: str
    after: UUID | None
    granted: int
    refused: dict[str, int]
    created_by: UUID
    created_at: datetime
    completed_at: datetime | None


_GRANTS: LiteralString = """
  SELECT id, segment_id, coupon_id, terms, status, after, granted, refused, created_by, created_at, completed_at
  FROM segment_grants WHERE program_id = %(program_id)s"""


def start_grant(program_id: UUID, segment_id: UUID, coupon_id: UUID, made_by: UUID) -> tuple[Grant, bool]:
    """Begin to give the coupon to the segment; or the same grant that is under way, and False.

    Raises:
        SegmentNotFound: no such segment in the program.
        Invalid: no such coupon in the program.
        NotYetValid, CouponExpired, NoMoreClaims: the coupon cannot be claimed now.
        Collision: the grant under way has just ended; to be repeated.
    """
    saved = segment_of(program_id, segment_id)
    try:
        vouchers.check_claimable(program_id, coupon_id)
    except NotFound as error:
        raise Invalid.at("/coupon_id", "There is no such coupon.") from error
    grant = Grant(
        new_id(), segment_id, coupon_id, saved.terms, "running", None, 0, {}, made_by, now(), None
    )  # fmt: skip
    if insert_rows(
        SegmentGrantRow, [grant], program_id=program_id, returning="id",
        on_conflict="(program_id, segment_id, coupon_id) WHERE status = 'running' DO NOTHING",
    ):  # fmt: skip
        publish(program_id, JOB, {"grant_id": str(grant.id), "after": None})
        return grant, True
    running = fetch_one(
        Grant, _GRANTS + " AND segment_id = %(segment_id)s AND coupon_id = %(coupon_id)s AND status = 'running'",
        program_id=program_id, segment_id=segment_id, coupon_id=coupon_id,
    )  # fmt: skip
    if running is None:
        raise Collision("the grant under way has just ended")
    return running, False


def grants_of(program_id: UUID, segment_id: UUID, before: UUID | None, most: int) -> list[Grant]:
    """Grants of the segment, newest first. Raises: SegmentNotFound."""
    segment_of(program_id, segment_id)
    behind: LiteralString = " AND id < %(before)s" if before else ""
    return fetch_all(
        Grant, _GRANTS + " AND segment_id = %(segment_id)s" + behind + " ORDER BY id DESC LIMIT %(most)s",
        program_id=program_id, segment_id=segment_id, before=before, most=most,
    )  # fmt: skip


def grant_of(program_id: UUID, segment_id: UUID, grant_id: UUID) -> Grant:
    """Raises: GrantNotFound."""
    found = fetch_one(
        Grant, _GRANTS + " AND segment_id = %(segment_id)s AND id = %(id)s", program_id=program_id,
        segment_id=segment_id, id=grant_id,
    )  # fmt: skip
    if found is None:
        raise GrantNotFound()
    return found


def grant_chunk(program_id: UUID, grant_id: UUID, after: UUID | None, most: int = CHUNK) -> None:
    """Give the coupon to the members behind `after`, and publish the next chunk; nothing when that was done before."""
    grant = fetch_one(
        Grant, _GRANTS + " AND id = %(id)s AND status = 'running' FOR UPDATE", program_id=program_id, id=grant_id
    )  # fmt: skip
    if grant is None or grant.after != after:
        return
    members = members_in_segment(program_id, Segment(**grant.terms), after, most)
    granted, refused, is_over = _claim(program_id, grant.coupon_id, members)
    is_over = is_over or len(members) < most
    _advance(program_id, grant, members, len(granted), refused, is_over=is_over)
    if granted:
        facts = {"grant_id": grant.id, "coupon_id": grant.coupon_id, "members": [str(one) for one in granted]}
        announce(program_id, [Event("coupon.granted", now(), facts)])
    if not is_over:
        publish(program_id, JOB, {"grant_id": str(grant.id), "after": str(members[-1])})


def _claim(program_id: UUID, coupon_id: UUID, members: Sequence[UUID]) -> tuple[list[UUID], Counter[str], bool]:
    """Who has got one, the others by reason, and whether nobody can get one any more."""
    if not members:
        return [], Counter(), True
    try:
        with savepoint():
            outcomes = vouchers.claim_many(program_id, coupon_id, members)
    except Conflict as ended:
        return [], Counter({ended.code: len(members)}), True
    refused = Counter(one.code for one in outcomes.values() if isinstance(one, Conflict))
    granted = [member for member in members if not isinstance(outcomes[member], Conflict)]
    return granted, refused, _SOLD_OUT in refused


def _advance(
    program_id: UUID, grant: Grant, members: Sequence[UUID], granted: int, refused: Counter[str], *, is_over: bool
) -> None:
    """Raises: Collision."""
    moved = execute(
        """UPDATE segment_grants SET after = %(to)s, granted = granted + %(granted)s, refused = %(refused)s,
                  status = %(status)s, completed_at = %(completed_at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'running'
             AND after IS NOT DISTINCT FROM %(after)s""",
        program_id=program_id, id=grant.id, after=grant.after, to=members[-1] if members else grant.after,
        granted=granted, refused=json(dict(Counter(grant.refused) + refused)),
        status="completed" if is_over else "running", completed_at=now() if is_over else None,
    )  # fmt: skip
    if not moved:
        raise Collision("another delivery gave this chunk")
