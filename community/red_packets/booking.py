"""What red packets move: money through the ledger's red_packet_pool, points by being issued. Callers hold the
transaction; nothing here commits.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from commission.ledger.service import POINTS, Account, Entry, Posting, post
from community.activities.service import fund_red_packet, lock_budgets, return_to_budget
from community.points.service import Award, award
from community.red_packets.queries import Claim, RedPacket
from community.red_packets.rules import Source
from core.auth.actor import Program
from core.clock import day_of
from core.ids import public_id

PREFIX = "rpk"

FUNDED, CLAIMED, RETURNED = "red_packet.funded", "red_packet.claimed", "red_packet.returned"


def set_aside(program: Program, packet: RedPacket, source: Source, at: datetime) -> None:
    """Take a packet's sum from where it comes from, once.

    Raises:
        NoBudget, BudgetExhausted: the activity cannot pay it.
    """
    if source == Source.ACTIVITY_BUDGET and packet.activity_id is not None:
        fund_red_packet(program, packet.activity_id, packet.total, str(packet.id), packet.currency)
    elif source == Source.CAMPAIGN_EXPENSE:
        post(program.id, packet.currency, [_of_pool(program, packet, FUNDED, packet.total, at)])


def give_back(program: Program, rests: Sequence[tuple[RedPacket, int]], at: datetime) -> None:
    """Let what nobody claimed of packets (each above 0) return to where it came from, once.

    Locks the activities' budgets in id order.
    """
    # before anything is posted and in the order in which rewards lock them, so that the two cannot deadlock
    lock_budgets(program.id, {packet.activity_id for packet, _ in rests if packet.activity_id is not None})
    entries = [
        _of_pool(program, packet, RETURNED, -amount, at)
        for packet, amount in rests
        if packet.funded_from == Source.CAMPAIGN_EXPENSE
    ]
    post(program.id, program.currency, entries)
    for packet, amount in rests:
        if packet.activity_id is not None:
            return_to_budget(program, packet.activity_id, amount, str(packet.id))


def pay(program: Program, packet: RedPacket, claims: Sequence[Claim], at: datetime) -> None:
    """What was claimed goes to the members. Locks their balances in id order."""
    if not claims:
        return
    if packet.currency == POINTS:
        award(program, [_award(packet, one, at) for one in claims])
    else:
        day = day_of(at, program.settings.timezone)
        note = _note(packet.id)
        entries = [
            Entry(
                CLAIMED, f"{CLAIMED}:{packet.id}:{one.place}", day,
                (Posting(Account.RED_PACKET_POOL, None, -one.amount),
                 Posting(Account.MEMBER_AVAILABLE, one.member_id, one.amount)),
                note=note,
            )
            for one in claims
        ]  # fmt: skip
        post(program.id, packet.currency, entries)


def _of_pool(program: Program, packet: RedPacket, kind: str, amount: int, at: datetime) -> Entry:
    """`amount` from the expense into the pool; below zero the other way."""
    postings = (
        Posting(Account.CAMPAIGN_EXPENSE, None, -amount),
        Posting(Account.RED_PACKET_POOL, None, amount),
    )
    day = day_of(at, program.settings.timezone)
    return Entry(kind, f"{kind}:{packet.id}", day, postings, note=_note(packet.id))


def _award(packet: RedPacket, claim: Claim, at: datetime) -> Award:
    return Award(
        member_id=claim.member_id, amount=claim.amount, reason="red packet", key=f"{CLAIMED}:{packet.id}:{claim.place}",
        at=at, expires_on=None, kind="red_packet",
    )  # fmt: skip


def _note(packet_id: UUID) -> dict[str, str]:
    return {"red_packet_id": public_id(PREFIX, packet_id)}
