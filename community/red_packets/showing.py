"""Red packets as they are shown, with sums, claims and names. Reads only."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from community.boards.service import shown_members
from community.red_packets import queries
from community.red_packets.queries import Claim, RedPacket
from community.red_packets.schemas import packet_claim_shape, packet_shape, whole_packet_shape
from core.clock import now

SHOWN = 50
"""Claims that are shown with their packet."""


def show_packets(program_id: UUID, packets: Sequence[RedPacket]) -> dict[UUID, dict[str, Any]]:
    """The shapes of packets, by their ids."""
    at, sums = now(), queries.sums_of(program_id, [packet.id for packet in packets])
    return {packet.id: packet_shape(packet, sums, at) for packet in packets}


def show_packet(program_id: UUID, packet: RedPacket) -> dict[str, Any]:
    """One packet with its first claims and the best luck."""
    claims = queries.claims_of(program_id, packet.id, 0, SHOWN)
    best = None if packet.best_place is None else queries.claims_of(program_id, packet.id, packet.best_place - 1, 1)[0]
    names = shown_members(program_id, [claim.member_id for claim in [*claims, *([best] if best else [])]])
    return whole_packet_shape(packet, queries.sums_of(program_id, [packet.id]), claims, best, names, now())


def show_claims(program_id: UUID, packet: RedPacket, claims: Sequence[Claim]) -> dict[int, dict[str, Any]]:
    """The shapes of a packet's claims, by their places."""
    names = shown_members(program_id, [claim.member_id for claim in claims])
    return {claim.place: packet_claim_shape(packet, claim, names) for claim in claims}
