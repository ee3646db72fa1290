"""What time does to red packets: opened when due, finished when all is taken, expired with the rest returned.

A share is either claimed or returned, by whoever gets its row: so a packet's sum is given out and given back exactly
once, whatever meets at the end. Locks packets in id order, then shares. Callers hold the transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from community.red_packets import queries
from community.red_packets.booking import give_back
from community.red_packets.health import count_packets
from community.red_packets.queries import Best, RedPacket
from community.red_packets.rules import Split, Status
from community.red_packets.telling import Expiry, Finish, tell_expired, tell_finished, tell_opened
from core.auth.actor import Program
from core.clock import now
from core.db import execute, fetch_all, scalar

MOST = 100
"""Packets that one turn closes."""

_OPENING: LiteralString = "status = 'scheduled' AND opens_at <= %(at)s AND expires_at > %(at)s"
_EXPIRING: LiteralString = "status IN ('draft', 'scheduled', 'open') AND expires_at <= %(at)s"
_TAKEN: LiteralString = """status IN ('scheduled', 'open') AND NOT EXISTS (
    SELECT FROM red_packet_shares s
    WHERE s.program_id = red_packets.program_id AND s.red_packet_id = red_packets.id AND s.status = 'free')"""
_ANY: LiteralString = "SELECT EXISTS (SELECT FROM red_packets WHERE program_id = %(program_id)s AND ("
_ANY_DUE: LiteralString = _ANY + _OPENING + " OR " + _EXPIRING + " OR " + _TAKEN + "))"


def any_to_advance(program_id: UUID) -> bool:
    """Whether a packet is due for anything."""
    return bool(scalar(_ANY_DUE, program_id=program_id, at=now()))


def advance(program: Program) -> bool:
    """Open, finish and expire what is due, up to MOST packets of each; whether there may be more. Safe to repeat."""
    at = now()
    opened = _open(program, at)
    finished = _finish(program)
    expired = _expire(program, at)
    return max(opened, finished, expired) == MOST


def _due(program_id: UUID, condition: LiteralString, at: datetime | None = None) -> list[RedPacket]:
    return queries.packets_locked(program_id, condition, at, MOST)


def _open(program: Program, at: datetime) -> int:
    packets = _due(program.id, _OPENING, at)
    if packets:
        execute(
            """UPDATE red_packets SET status = 'open'
               WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) AND status = 'scheduled'""",
            program_id=program.id, ids=[packet.id for packet in packets],
        )  # fmt: skip
        tell_opened(program, packets)
        count_packets(Status.OPEN, len(packets))
    return len(packets)


class _End(NamedTuple):
    """How a packet ends."""

    packet: RedPacket
    status: Status
    ended_at: datetime
    returned: int = 0
    best_place: int | None = None


def _finish(program: Program) -> int:
    packets = _due(program.id, _TAKEN)
    bests = queries.best_of(program.id, [packet.id for packet in packets])
    finishes = [_finish_of(packet, bests[packet.id]) for packet in packets]
    ends = [_End(one.packet, Status.FINISHED, one.finished_at, best_place=one.best_place) for one in finishes]
    _end(program.id, ends)
    tell_finished(program, finishes)
    return len(packets)


def _finish_of(packet: RedPacket, best: Best) -> Finish:
    """Where all get alike there is no luck."""
    if packet.split == Split.EQUAL:
        return Finish(packet, best.last_claimed_at)
    return Finish(packet, best.last_claimed_at, best.place, best.member_id, best.amount)


def _expire(program: Program, at: datetime) -> int:
    packets = _due(program.id, _EXPIRING, at)
    returned = _return_shares(program.id, [packet.id for packet in packets])
    # a packet whose last share was taken just now gives nothing back: it is finished, by the next turn
    short = [(packet, returned[packet.id]) for packet in packets if packet.id in returned]
    give_back(program, [(packet, rest.amount) for packet, rest in short], at)
    _end(program.id, [_End(packet, Status.EXPIRED, at, rest.amount) for packet, rest in short])
    _end(program.id, [_End(packet, Status.EXPIRED, at) for packet in packets if packet.status == Status.DRAFT])
    tell_expired(program, [Expiry(packet, at, rest.shares) for packet, rest in short])
    return len(packets)


class _Returned(NamedTuple):
    red_packet_id: UUID
    shares: int
    amount: int


def _return_shares(program_id: UUID, packet_ids: Sequence[UUID]) -> dict[UUID, _Returned]:
    """Take all that is still free out of the packets; waits for those who are claiming, and what they get is theirs."""
    rows = fetch_all(
        _Returned,
        """WITH free AS MATERIALIZED (
             SELECT red_packet_id, place FROM red_packet_shares
             WHERE program_id = %(program_id)s AND red_packet_id = ANY(%(ids)s::uuid[]) AND status = 'free'
             ORDER BY red_packet_id, place FOR UPDATE),
           returned AS (
             UPDATE red_packet_shares s SET status = 'returned' FROM free f
             WHERE s.program_id = %(program_id)s AND s.red_packet_id = f.red_packet_id AND s.place = f.place
               AND s.status = 'free'
             RETURNING s.red_packet_id, s.amount)
           SELECT red_packet_id, count(*), sum(amount)::bigint FROM returned GROUP BY red_packet_id""",
        program_id=program_id, ids=list(packet_ids),
    )  # fmt: skip
    return {row.red_packet_id: row for row in rows}


def _end(program_id: UUID, ends: Sequence[_End]) -> None:
    if not ends:
        return
    execute(
        """UPDATE red_packets p
           SET status = e.status, ended_at = e.ended_at, returned = e.returned, best_place = e.best_place
           FROM unnest(%(ids)s::uuid[], %(statuses)s::text[], %(ended)s::timestamptz[], %(returned)s::bigint[],
                       %(best)s::integer[]) AS e (id, status, ended_at, returned, best_place)
           WHERE p.program_id = %(program_id)s AND p.id = e.id AND p.status IN ('draft', 'scheduled', 'open')""",
        program_id=program_id, ids=[one.packet.id for one in ends], statuses=[one.status.value for one in ends],
        ended=[one.ended_at for one in ends], returned=[one.returned for one in ends],
        best=[one.best_place for one in ends],
    )  # fmt: skip
    for one in ends:
        count_packets(one.status)
