"""Reads of red packets and their shares. Every one names the program first."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from community.red_packets.rules import Status
from core.db import fetch_all, fetch_one, scalar
from core.ids import ExternalRef, Ref


class RedPacket(NamedTuple):
    """A packet as its row. Amounts are minor units of its currency, or points."""

    id: UUID
    external_id: str | None
    request_hash: bytes
    group_id: UUID
    activity_id: UUID | None
    total: int
    currency: str
    share_count: int
    split: str
    max_share: int | None
    greeting: str | None
    status: str
    funded_from: str | None
    opens_at: datetime
    expires_at: datetime
    created_by: UUID
    created_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None
    best_place: int | None
    returned: int
    ended_at: datetime | None

    def status_at(self, at: datetime) -> str:
        """A packet is open, or past its time, whether the job has seen it or not."""
        if self.status in {Status.DRAFT, Status.SCHEDULED, Status.OPEN} and self.expires_at <= at:
            return Status.EXPIRED.value
        return Status.OPEN.value if self.status == Status.SCHEDULED and self.opens_at <= at else self.status

    def is_best(self, place: int) -> bool | None:
        """Whether the share of that place is the largest; None while that is not settled, and of an equal split."""
        return None if self.best_place is None else self.best_place == place


_PACKET: LiteralString = """
  SELECT id, external_id, request_hash, group_id, activity_id, total, currency, share_count, split, max_share, greeting,
         status, funded_from, opens_at, expires_at, created_by, created_at, approved_by, approved_at, best_place,
         returned, ended_at
  FROM red_packets WHERE program_id = %(program_id)s"""


def packet(program_id: UUID, ref: Ref, *, lock: bool = False) -> RedPacket | None:
    locked: LiteralString = " FOR UPDATE" if lock else ""
    if isinstance(ref, ExternalRef):
        named: LiteralString = " AND external_id = %(ref)s"
        return fetch_one(RedPacket, _PACKET + named + locked, program_id=program_id, ref=ref.external_id)
    return fetch_one(RedPacket, _PACKET + " AND id = %(ref)s" + locked, program_id=program_id, ref=ref)


# only the filters that are given: a statement for all of them together would be planned for none
_FILTERS: dict[str, LiteralString] = {
    "status": " AND status = %(status)s",
    "group_id": " AND group_id = %(group_id)s",
    "before": " AND id < %(before)s",
}


def packets(program_id: UUID, given: dict[str, Any], most: int) -> list[RedPacket]:
    """The packets that meet every given filter, newest first."""
    statement: LiteralString = (
        _PACKET + "".join([_FILTERS[name] for name in given]) + " ORDER BY id DESC LIMIT %(most)s"
    )
    return fetch_all(RedPacket, statement, program_id=program_id, most=most, **given)


def packets_locked(program_id: UUID, due: LiteralString, at: datetime | None, most: int) -> list[RedPacket]:
    """The packets of which a condition says that something is due, locked in id order."""
    return fetch_all(
        RedPacket, _PACKET + " AND " + due + " ORDER BY id LIMIT %(most)s FOR UPDATE",
        program_id=program_id, at=at, most=most,
    )  # fmt: skip


class Sums(NamedTuple):
    """A packet's shares by what became of them: how many, and their sum."""

    red_packet_id: UUID
    taken: int
    taken_amount: int
    left: int
    left_amount: int


def sums_of(program_id: UUID, packet_ids: Collection[UUID]) -> dict[UUID, Sums]:
    """What is taken and what can still be taken; packets that have no shares yet are left out."""
    rows = fetch_all(
        Sums,
        """SELECT red_packet_id, count(*) FILTER (WHERE status = 'claimed'),
                  coalesce(sum(amount) FILTER (WHERE status = 'claimed'), 0)::bigint,
                  count(*) FILTER (WHERE status = 'free'),
                  coalesce(sum(amount) FILTER (WHERE status = 'free'), 0)::bigint
           FROM red_packet_shares WHERE program_id = %(program_id)s AND red_packet_id = ANY(%(ids)s::uuid[])
           GROUP BY red_packet_id""",
        program_id=program_id, ids=list(packet_ids),
    )  # fmt: skip
    return {row.red_packet_id: row for row in rows}


class Claim(NamedTuple):
    """A share and who has it since when."""

    member_id: UUID
    place: int
    amount: int
    claimed_at: datetime


_CLAIM: LiteralString = """
  SELECT member_id, place, amount, claimed_at FROM red_packet_shares
  WHERE program_id = %(program_id)s AND red_packet_id = %(packet_id)s AND member_id """


def claims_by(program_id: UUID, packet_id: UUID, member_ids: Sequence[UUID]) -> dict[UUID, Claim]:
    """What those of these members who claimed have got."""
    rows = fetch_all(
        Claim, _CLAIM + "= ANY(%(ids)s::uuid[])", program_id=program_id, packet_id=packet_id, ids=list(member_ids)
    )
    return {row.member_id: row for row in rows}


def claims_of(program_id: UUID, packet_id: UUID, after: int, most: int) -> list[Claim]:
    """Who has the shares behind a place, in the order of places."""
    return fetch_all(
        Claim, _CLAIM + "IS NOT NULL AND place > %(after)s ORDER BY place LIMIT %(most)s",
        program_id=program_id, packet_id=packet_id, after=after, most=most,
    )  # fmt: skip


class Best(NamedTuple):
    """The largest share of a packet, of several the one claimed first; and when the last was claimed."""

    red_packet_id: UUID
    member_id: UUID
    place: int
    amount: int
    last_claimed_at: datetime


def best_of(program_id: UUID, packet_ids: Collection[UUID]) -> dict[UUID, Best]:
    """The best luck in each of these packets that anybody claimed from."""
    rows = fetch_all(
        Best,
        """SELECT DISTINCT ON (red_packet_id) red_packet_id, member_id, place, amount,
                  max(claimed_at) OVER (PARTITION BY red_packet_id)
           FROM red_packet_shares
           WHERE program_id = %(program_id)s AND red_packet_id = ANY(%(ids)s::uuid[]) AND status = 'claimed'
           ORDER BY red_packet_id, amount DESC, claimed_at, place""",
        program_id=program_id, ids=list(packet_ids),
    )  # fmt: skip
    return {row.red_packet_id: row for row in rows}


def any_free(program_id: UUID, packet_id: UUID) -> bool:
    """Whether a share is free, or held by somebody who may still give it up."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT FROM red_packet_shares WHERE program_id = %(program_id)s
                              AND red_packet_id = %(packet_id)s AND status = 'free')""",
            program_id=program_id, packet_id=packet_id,
        )
    )  # fmt: skip


class MyClaim(NamedTuple):
    """A share of a member's own, and of which packet."""

    red_packet_id: UUID
    group_id: UUID
    greeting: str | None
    currency: str
    place: int
    amount: int
    claimed_at: datetime
    best_place: int | None


Position = tuple[datetime, UUID]


_MINE: LiteralString = """
  SELECT s.red_packet_id, p.group_id, p.greeting, p.currency, s.place, s.amount, s.claimed_at, p.best_place
  FROM red_packet_shares s JOIN red_packets p ON p.program_id = s.program_id AND p.id = s.red_packet_id
  WHERE s.program_id = %(program_id)s AND s.member_id = %(member_id)s"""
_EARLIER: LiteralString = " AND (s.claimed_at, s.red_packet_id) < (%(claimed_at)s, %(packet_id)s)"
_LATEST_FIRST: LiteralString = " ORDER BY s.claimed_at DESC, s.red_packet_id DESC LIMIT %(most)s"


def claims_of_member(program_id: UUID, member_id: UUID, before: Position | None, most: int) -> list[MyClaim]:
    """What a member claimed, latest first."""
    claimed_at, packet_id = before or (None, None)
    return fetch_all(
        MyClaim, _MINE + (_EARLIER if before else "") + _LATEST_FIRST,
        program_id=program_id, member_id=member_id, claimed_at=claimed_at, packet_id=packet_id, most=most,
    )  # fmt: skip
