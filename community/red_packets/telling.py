"""What others are told of red packets. Ids, sums and words of ours; no personal data."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from community.red_packets.queries import RedPacket
from core.events.service import Event, announce

_SECOND = timedelta(seconds=1)


class Finish(NamedTuple):
    """A packet whose last share is taken; the best of a random split, None of an equal one."""

    packet: RedPacket
    finished_at: datetime
    best_place: int | None = None
    best_member_id: UUID | None = None
    best_amount: int | None = None


def tell_opened(program_id: UUID, packets: Sequence[RedPacket]) -> None:
    """They can be claimed from now on."""
    announce(
        program_id,
        [
            Event(
                "red_packet.opened", packet.opens_at,
                _of(packet) | {"greeting": packet.greeting, "expires_at": packet.expires_at.isoformat()},
            )
            for packet in packets
        ],
    )  # fmt: skip


def tell_finished(program_id: UUID, finishes: Sequence[Finish]) -> None:
    """Every share is taken: how long it took, and who had the best luck."""
    announce(
        program_id,
        [
            Event(
                "red_packet.finished", one.finished_at,
                _of(one.packet) | {
                    "seconds": max(0, (one.finished_at - one.packet.opens_at) // _SECOND),
                    "best_member_id": one.best_member_id and str(one.best_member_id), "best_amount": one.best_amount,
                },
            )
            for one in finishes
        ],
    )  # fmt: skip


def _of(packet: RedPacket) -> dict[str, str | int | None]:
    return {
        "red_packet_id": str(packet.id), "group_id": str(packet.group_id), "total": packet.total,
        "currency": packet.currency, "count": packet.share_count, "split": packet.split,
    }  # fmt: skip
