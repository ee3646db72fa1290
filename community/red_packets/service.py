"""Red packets: asked for, approved, funded and split. Callers hold the transaction; nothing here commits.

Money of an activity was approved with its budget, and points cost no money: such packets are funded as they are asked
for. Other money waits until a second person approves.
"""

from datetime import datetime
from hashlib import sha256
from random import SystemRandom
from typing import Any, NamedTuple, TypedDict
from uuid import UUID

import orjson

from commission.ledger.service import POINTS
from community.groups.service import find_group
from community.points.rules import MOST_POINTS
from community.red_packets import queries
from community.red_packets.booking import set_aside
from community.red_packets.errors import NotADraft, RedPacketExists, RedPacketNotFound
from community.red_packets.health import count_packets
from community.red_packets.models import RedPacketRow, RedPacketShareRow
from community.red_packets.queries import RedPacket
from community.red_packets.rules import (
    AHEAD_AT_MOST,
    LASTS_AT_MOST,
    Source,
    Split,
    Status,
    equal_shares,
    random_shares,
    window_of,
)
from community.red_packets.telling import tell_opened
from core.auth.actor import Actor, Program
from core.bulk import insert_rows
from core.clock import now
from core.db import Collision, execute
from core.errors import Invalid, NotFound, SamePerson
from core.ids import ExternalRef, Ref, new_id

_CHANCE = SystemRandom()


class Terms(TypedDict):
    """What a packet is asked for with. Amounts in minor units or points; None: the default."""

    external_id: str | None
    total: int
    currency: str | None
    count: int
    split: str
    max_share: int | None
    group_id: UUID
    activity_id: UUID | None
    greeting: str | None
    opens_at: datetime | None
    expires_at: datetime | None


def create_packet(actor: Actor, terms: Terms) -> tuple[RedPacket, bool]:
    """A new packet, and whether it is: the same content under an external id again is not.

    Raises:
        RedPacketExists: the external id stands for other content.
        Invalid: the group is not there or has ended, the sum is too small, or the times do not fit.
        NoBudget, BudgetExhausted: the activity cannot pay it.
    """
    currency = terms["currency"] or actor.program.currency
    # with the currency that is meant: whoever names the program's own asks for the same
    digest = sha256(orjson.dumps(terms | {"currency": currency}, option=orjson.OPT_SORT_KEYS)).digest()
    name = terms["external_id"]
    known = None if name is None else queries.packet(actor.program_id, ExternalRef(name))
    if known is not None:
        return _same(known, digest), False
    at = now()
    opens_at, expires_at = window_of(terms["opens_at"], terms["expires_at"], at)
    _check_sum(terms, currency, actor.program.currency)
    _check_times(opens_at, expires_at, at)
    _check_group(actor.program_id, terms["group_id"])
    packet = RedPacket(
        new_id(), terms["external_id"], digest, terms["group_id"], terms["activity_id"], terms["total"], currency,
        terms["count"], terms["split"], terms["max_share"], terms["greeting"], Status.DRAFT, None, opens_at, expires_at,
        actor.id, at, None, None, None, 0, None,
    )  # fmt: skip
    written = insert_rows(
        RedPacketRow, [packet], program_id=actor.program_id,
        on_conflict="(program_id, external_id) DO NOTHING", returning="id",
    )  # fmt: skip
    if not written:
        raise Collision("a packet of the same external id was made at this moment")
    source = _source_without_approval(packet)
    return (packet if source is None else _fund(actor.program, packet, _Funding(source, at))), True


def _same(known: RedPacket, digest: bytes) -> RedPacket:
    if known.request_hash != digest:
        raise RedPacketExists()
    return known


def _check_sum(terms: Terms, currency: str, own: str) -> None:
    total, count, most = terms["total"], terms["count"], terms["max_share"]
    if currency not in {own, POINTS}:
        raise Invalid.at("/currency", f"A red packet is in {own} or in points (PTS).")
    if currency == POINTS and total > MOST_POINTS:
        raise Invalid.at("/total", f"A packet of points holds at most {MOST_POINTS}.")
    if total < count:
        raise Invalid.at("/total", "Each share has at least one minor unit.")
    if most is not None and terms["split"] == Split.EQUAL:
        raise Invalid.at("/max_share", "Equal shares are bounded by themselves.")
    if most is not None and most * count < total:
        raise Invalid.at("/max_share", "Shares of that size do not make up the total.")


def _check_times(opens_at: datetime, expires_at: datetime, at: datetime) -> None:
    if opens_at - at > AHEAD_AT_MOST:
        raise Invalid.at("/opens_at", f"At most {AHEAD_AT_MOST.days} days ahead.")
    if expires_at <= opens_at:
        raise Invalid.at("/expires_at", "It must lie in the future, after the opening.")
    if expires_at - opens_at > LASTS_AT_MOST:
        raise Invalid.at("/expires_at", "At most 72 hours after the opening.")


def _check_group(program_id: UUID, group_id: UUID) -> None:
    try:
        group = find_group(program_id, group_id)
    except NotFound as error:
        raise Invalid.at("/group_id", "There is no such group.") from error
    if group.status == "ended":
        raise Invalid.at("/group_id", "The group has ended.")


def _source_without_approval(packet: RedPacket) -> Source | None:
    if packet.activity_id is not None:
        return Source.ACTIVITY_BUDGET
    return Source.POINTS if packet.currency == POINTS else None


def approve_packet(actor: Actor, ref: Ref) -> RedPacket:
    """Fund a draft that somebody else made. Locks the packet, so that it is funded once.

    Raises:
        RedPacketNotFound: no such packet in the program.
        NotADraft: it is funded, or its time is over, or the program has another currency now.
        SamePerson: the actor made it.
    """
    packet = queries.packet(actor.program_id, ref, lock=True)
    if packet is None:
        raise RedPacketNotFound()
    at = now()
    if packet.status_at(at) != Status.DRAFT:
        raise NotADraft(f"The red packet is {packet.status_at(at)}.", status_now=packet.status_at(at))
    if packet.currency != actor.program.currency:
        raise NotADraft(f"The red packet is in {packet.currency}, the program in {actor.program.currency}.")
    if packet.created_by == actor.id:
        raise SamePerson()
    return _fund(actor.program, packet, _Funding(Source.CAMPAIGN_EXPENSE, at, actor.id))


class _Funding(NamedTuple):
    """Where the sum comes from, when, and who approved where somebody had to."""

    source: Source
    at: datetime
    approved_by: UUID | None = None


def _fund(program: Program, packet: RedPacket, funding: _Funding) -> RedPacket:
    """Set the sum aside, decide the shares, and open the packet or let it wait for its time."""
    opens_at = max(packet.opens_at, funding.at)
    status = Status.OPEN if opens_at == funding.at else Status.SCHEDULED
    funded = packet._replace(
        status=status.value, funded_from=funding.source.value, opens_at=opens_at, approved_by=funding.approved_by,
        approved_at=None if funding.approved_by is None else funding.at,
    )  # fmt: skip
    written = execute(
        """UPDATE red_packets SET status = %(status)s, funded_from = %(funded_from)s, opens_at = %(opens_at)s,
                  approved_by = %(approved_by)s, approved_at = %(approved_at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'draft'""",
        program_id=program.id, id=funded.id, status=funded.status, funded_from=funded.funded_from,
        opens_at=funded.opens_at, approved_by=funded.approved_by, approved_at=funded.approved_at,
    )  # fmt: skip
    if not written:
        raise NotADraft()
    set_aside(program, funded, funding.source, funding.at)
    _write_shares(program.id, funded)
    count_packets(funded.status)
    if status is Status.OPEN:
        tell_opened(program, [funded])
    return funded


class _Share(NamedTuple):
    red_packet_id: UUID
    place: int
    amount: int
    status: str = "free"


def _write_shares(program_id: UUID, packet: RedPacket) -> None:
    if packet.split == Split.EQUAL:
        amounts = equal_shares(packet.total, packet.share_count)
    else:
        amounts = random_shares(packet.total, packet.share_count, _CHANCE, packet.max_share)
    shares = [_Share(packet.id, place, amount) for place, amount in enumerate(amounts, start=1)]
    insert_rows(RedPacketShareRow, shares, program_id=program_id)


def packet_of(program_id: UUID, ref: Ref) -> RedPacket:
    """Raises: RedPacketNotFound."""
    found = queries.packet(program_id, ref)
    if found is None:
        raise RedPacketNotFound()
    return found


def packets(
    program_id: UUID, *, status: str | None, group_id: UUID | None, before: UUID | None, most: int
) -> list[RedPacket]:
    """Packets, newest first; `status` as the row has it."""
    given: dict[str, Any] = {"status": status, "group_id": group_id, "before": before}
    return queries.packets(program_id, {name: value for name, value in given.items() if value is not None}, most)


__all__ = ["RedPacket", "Terms", "approve_packet", "create_packet", "packet_of", "packets"]
