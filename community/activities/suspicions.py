"""What looks wrong about invites: the order is held, or inviter and invited share a device, a phone or an account."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from community.activities.queries import Part
from community.activities.rules import Took
from core.db import fetch_all

ORDER_HELD, ORDER_REJECTED, SHARED_DEVICE = "order_held", "order_rejected", "shared_device"


class _Look(NamedTuple):
    part_id: UUID
    guard_status: str
    shared: bool


def suspicions(program_id: UUID, policy: str, parts: Sequence[Part]) -> dict[UUID, tuple[str, str]]:
    """Status and reason of the invites that do not simply count, by participation. `policy`: of what is shared."""
    rows = fetch_all(
        _Look,
        """SELECT g.id, coalesce(o.guard_status, 'clear'),
             EXISTS (SELECT FROM members a JOIN members b ON b.program_id = a.program_id AND b.phone_hash = a.phone_hash
                     WHERE a.program_id = %(p)s AND a.id = g.invited AND b.id = g.member)
             OR EXISTS (SELECT FROM visitor_members a
                     JOIN visitor_members b ON b.program_id = a.program_id AND b.visitor_key = a.visitor_key
                     WHERE a.program_id = %(p)s AND a.member_id = g.invited AND b.member_id = g.member)
             OR EXISTS (SELECT FROM payout_methods a
                     JOIN payout_methods b ON b.program_id = a.program_id AND b.fingerprint = a.fingerprint
                     WHERE a.program_id = %(p)s AND a.member_id = g.invited AND b.member_id = g.member)
           FROM unnest(%(ids)s::uuid[], %(members)s::uuid[], %(invited)s::uuid[], %(orders)s::uuid[])
             AS g (id, member, invited, order_id)
           LEFT JOIN orders o ON o.program_id = %(p)s AND o.id = g.order_id""",
        p=program_id, ids=[part.id for part in parts], members=[part.member_id for part in parts],
        invited=[part.invited_id for part in parts], orders=[part.order_id for part in parts],
    )  # fmt: skip
    found = {row.part_id: _verdict(row, policy) for row in rows}
    return {part_id: verdict for part_id, verdict in found.items() if verdict is not None}


def _verdict(look: _Look, policy: str) -> tuple[str, str] | None:
    if look.guard_status == "rejected":
        return Took.REFUSED, ORDER_REJECTED
    if look.shared and policy == "refuse":
        return Took.REFUSED, SHARED_DEVICE
    if look.guard_status == "held":
        return Took.HELD, ORDER_HELD
    return (Took.HELD, SHARED_DEVICE) if look.shared and policy == "hold" else None
