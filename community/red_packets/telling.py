"""What others are told of red packets: the event log, and the packet's group. Callers hold the transaction.

Events hold ids, sums and words of ours, no personal data. The group hears of an opening and of the end of all shares
whatever topics it subscribed to, since the packet is for it; of an expiry if it hears the topic.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from community.notices.service import Notice, tell
from community.red_packets.queries import RedPacket
from core.auth.actor import Program
from core.events.service import Event, announce

_SECOND = timedelta(seconds=1)


class Finish(NamedTuple):
    """A packet whose last share is taken; the best of a random split, None of an equal one."""

    packet: RedPacket
    finished_at: datetime
    best_place: int | None = None
    best_member_id: UUID | None = None
    best_amount: int | None = None


class Expiry(NamedTuple):
    """A packet of which so many shares were left when its time was over."""

    packet: RedPacket
    expired_at: datetime
    left: int


def tell_opened(program: Program, packets: Sequence[RedPacket]) -> None:
    """They can be claimed from now on."""
    events = [
        Event(
            "red_packet.opened", packet.opens_at,
            _of(packet) | {"greeting": packet.greeting, "expires_at": packet.expires_at.isoformat()},
        )
        for packet in packets
    ]  # fmt: skip
    announce(program.id, events)
    notices = [
        _notice(packet, "opened", packet.opens_at, {"amount": packet.total, "count": packet.share_count})
        for packet in packets
    ]
    tell(program, notices)


def tell_finished(program: Program, finishes: Sequence[Finish]) -> None:
    """Every share is taken: how long it took, and who had the best luck."""
    events, notices = [], []
    for packet, at, _, member_id, amount in finishes:
        best = {"best_member_id": member_id and str(member_id), "best_amount": amount}
        seconds = max(0, (at - packet.opens_at) // _SECOND)
        events.append(Event("red_packet.finished", at, _of(packet) | best | {"seconds": seconds}))
        notices.append(_notice(packet, "finished", at, {"amount": amount, "member_id": best["best_member_id"]}))
    announce(program.id, events)
    tell(program, notices)


def tell_expired(program: Program, expiries: Sequence[Expiry]) -> None:
    """Some shares were left."""
    tell(program, [_notice(packet, "expired", at, {"left": left}) for packet, at, left in expiries])


def _of(packet: RedPacket) -> dict[str, Any]:
    return {
        "red_packet_id": str(packet.id), "group_id": str(packet.group_id), "total": packet.total,
        "currency": packet.currency, "count": packet.share_count, "split": packet.split,
    }  # fmt: skip


def _notice(packet: RedPacket, change: str, at: datetime, facts: dict[str, Any]) -> Notice:
    facts = {"change": change, "name": packet.greeting, "currency": packet.currency} | facts
    return Notice(
        "red_packet", f"red_packet:{packet.id}:{change}", {name: fact for name, fact in facts.items() if fact}, at,
        group_ids=[packet.group_id], asked_for=change != "expired",
    )  # fmt: skip
