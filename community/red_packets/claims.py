"""Shares claimed by members: each takes one row, and the ledger moves in the same transaction.

Locks members against erasure, then shares, then balances by member id. Whoever has to wait for a share that somebody
else holds waits before he holds one himself. Callers hold the transaction; nothing here commits.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg.errors import UniqueViolation

from community.groups.service import members_in
from community.red_packets import queries
from community.red_packets.booking import pay
from community.red_packets.errors import (
    Expired,
    Finished,
    NoSuchMember,
    NotInGroup,
    NotOpen,
    RedPacketNotFound,
    Suspended,
)
from community.red_packets.queries import Claim, RedPacket
from community.red_packets.rules import Closed, closed_at
from core.auth.actor import Program
from core.clock import now
from core.db import Collision, fetch_all
from core.errors import DomainError, Fault
from core.ids import Ref
from referral.members.service import Standing, standings_locked

_CLOSED: dict[Closed, type[DomainError]] = {
    Closed.NOT_OPEN: NotOpen, Closed.EXPIRED: Expired, Closed.FINISHED: Finished,
}  # fmt: skip


class Claimed(NamedTuple):
    """What a member has got of a packet; `is_new`: by this very claim."""

    packet: RedPacket
    claim: Claim
    is_new: bool


Outcome = Claimed | DomainError | None
"""None: shares are left, but others hold them; to be asked for again by oneself, in a transaction of one's own."""


def claim(program: Program, ref: Ref, member_id: UUID) -> Claimed:
    """A share for the member alone, or the one that he has. Waits while others hold all that is left.

    Raises:
        RedPacketNotFound: no such packet in the program.
        NotOpen, Expired, Finished: nobody can claim now, or nothing is left.
        NoSuchMember, NotInGroup, Suspended: this member cannot.
        Collision: the member claims in another transaction as well: to be repeated.
    """
    outcome = claim_many(program, ref, [member_id], waits=True)[member_id]
    if isinstance(outcome, DomainError):
        raise outcome
    if outcome is None:
        raise Collision("the shares that are left are in other hands")
    return outcome


def claim_many(program: Program, ref: Ref, member_ids: Sequence[UUID], *, waits: bool = False) -> dict[UUID, Outcome]:
    """A share for each of the members, or why he gets none; who stands earlier is served first. Each stands once.

    `waits`: for shares that others hold; for a set of one only, who then holds nothing that anybody waits for.

    Raises:
        RedPacketNotFound: no such packet in the program.
    """
    packet = queries.packet(program.id, ref)
    if packet is None:
        raise RedPacketNotFound()
    had = queries.claims_by(program.id, packet.id, member_ids)
    outcomes: dict[UUID, Outcome] = {
        member_id: Claimed(packet, claim, is_new=False) for member_id, claim in had.items()
    }
    wanting = [member_id for member_id in member_ids if member_id not in had]
    return outcomes | (_claim_new(program, packet, wanting, waits) if wanting else {})


def _claim_new(program: Program, packet: RedPacket, wanting: Sequence[UUID], waits: bool) -> dict[UUID, Outcome]:
    at = now()
    closed = closed_at(packet.status, packet.opens_at, packet.expires_at, at)
    if closed is not None:
        return dict.fromkeys(wanting, _CLOSED[closed]())
    refused = _refusals(program.id, packet.group_id, wanting)
    allowed = [member_id for member_id in wanting if member_id not in refused]
    taken = _take_patiently(program.id, packet.id, allowed, at) if waits else _take(program.id, packet.id, allowed, at)
    pay(program, packet, taken, at)
    outcomes: dict[UUID, Outcome] = {one.member_id: Claimed(packet, one, is_new=True) for one in taken}
    late = [member_id for member_id in allowed if member_id not in outcomes]
    return outcomes | refused | (dict.fromkeys(late, _why_none(program.id, packet.id)) if late else {})


def _refusals(program_id: UUID, group_id: UUID, member_ids: Sequence[UUID]) -> dict[UUID, DomainError]:
    standings = standings_locked(program_id, member_ids)
    present = members_in(program_id, group_id, member_ids)
    found = {member_id: _refusal(standings.get(member_id), member_id in present) for member_id in member_ids}
    return {member_id: refusal for member_id, refusal in found.items() if refusal is not None}


def _refusal(standing: Standing | None, is_present: bool) -> DomainError | None:
    if standing is None or standing.status == "erased":
        return NoSuchMember(faults=[Fault("/member_id", "There is no such member.")])
    if standing.status == "suspended":
        return Suspended()
    return None if is_present else NotInGroup()


_FREE: LiteralString = """
  WITH wanted AS MATERIALIZED (
    SELECT member_id, number FROM unnest(%(member_ids)s::uuid[]) WITH ORDINALITY AS w (member_id, number)),
  free AS MATERIALIZED (
    SELECT place FROM red_packet_shares
    WHERE program_id = %(program_id)s AND red_packet_id = %(packet_id)s AND status = 'free'
    ORDER BY place LIMIT (SELECT count(*) FROM wanted) FOR UPDATE"""
_WRITE: LiteralString = """),
  paired AS (
    SELECT w.member_id, f.place FROM wanted w
    JOIN (SELECT place, row_number() OVER (ORDER BY place) AS number FROM free) f ON f.number = w.number)
  UPDATE red_packet_shares s SET status = 'claimed', member_id = p.member_id, claimed_at = %(at)s FROM paired p
  WHERE s.program_id = %(program_id)s AND s.red_packet_id = %(packet_id)s AND s.place = p.place AND s.status = 'free'
  RETURNING s.member_id, s.place, s.amount, s.claimed_at"""
_TAKE: LiteralString = _FREE + " SKIP LOCKED" + _WRITE
_TAKE_AND_WAIT: LiteralString = _FREE + _WRITE


def _take(
    program_id: UUID, packet_id: UUID, member_ids: Sequence[UUID], at: datetime, statement: LiteralString = _TAKE
) -> list[Claim]:
    """A share for as many as there are free ones, the first first.

    Raises:
        Collision: one of them has taken a share meanwhile; the transaction is of no use any more.
    """
    if not member_ids:
        return []
    try:
        return fetch_all(
            Claim, statement, program_id=program_id, packet_id=packet_id, member_ids=list(member_ids), at=at
        )  # fmt: skip
    except UniqueViolation as error:
        raise Collision("a member claims in another transaction at this moment") from error


def _take_patiently(program_id: UUID, packet_id: UUID, member_ids: Sequence[UUID], at: datetime) -> list[Claim]:
    while True:
        taken = _take(program_id, packet_id, member_ids, at)
        if taken or not member_ids or not queries.any_free(program_id, packet_id):
            return taken
        taken = _take(program_id, packet_id, member_ids, at, _TAKE_AND_WAIT)
        if taken:
            return taken


def _why_none(program_id: UUID, packet_id: UUID) -> DomainError | None:
    """What is said to those who came too late. A share counts as left until its taker has committed."""
    if queries.any_free(program_id, packet_id):
        return None
    packet = queries.packet(program_id, packet_id)
    return Expired() if packet is not None and packet.status == "expired" else Finished()
