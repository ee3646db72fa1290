"""Entries of points for the ledger, and what the log is told of them. Pure."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from commission.ledger.service import Account, Entry, Posting
from community.points.purse import Draw, Lot, Taken
from core.clock import day_of
from core.events.service import Event
from core.ids import public_id

EARNED, TAKEN_BACK, EXPIRED = "points.earned", "points.taken_back", "points.expired"
REDEEMED, RETURNED, ADJUSTED, FORFEITED = "points.redeemed", "points.returned", "points.adjusted", "points.forfeited"


def _moved(member_id: UUID, amount: int, house: Account) -> tuple[Posting, ...]:
    """`amount` from a house account to the member; below zero the other way."""
    return Posting(house, None, -amount), Posting(Account.MEMBER_AVAILABLE, member_id, amount)


def _of_lot(lot: Lot) -> dict[str, Any]:
    return {"lot_id": public_id("lot", lot.id), "source": lot.kind}


def earned(lot: Lot, day: date) -> Entry:
    postings = _moved(lot.member_id, lot.revocable, Account.POINTS_ISSUED)
    return Entry(EARNED, f"{EARNED}:{lot.source_key}", day, postings, order_id=lot.order_id, note=_of_lot(lot))


def taken_back(key: str, lot: Lot, taken: Taken, day: date) -> Entry:
    """What had expired goes from the expired to the issued: it counts as taken back, and nobody pays for it."""
    issued = taken.from_member + taken.forgiven
    sides = (
        Posting(Account.POINTS_ISSUED, None, issued),
        Posting(Account.MEMBER_AVAILABLE, lot.member_id, -taken.from_member),
        Posting(Account.POINTS_EXPIRED, None, -taken.forgiven),
    )
    postings = tuple(side for side in sides if side.amount)
    return Entry(TAKEN_BACK, f"{TAKEN_BACK}:{key}", day, postings, order_id=lot.order_id, note=_of_lot(lot))


def expired(draw: Draw, timezone: str) -> Entry:
    """A lot may expire more than once, when a redemption that is canceled gives something back to it."""
    lot = draw.lot
    if lot.expires_at is None:
        raise ValueError("the lot does not expire")
    key, day = f"{EXPIRED}:{lot.id}:{lot.expired}", day_of(lot.expires_at, timezone)
    return Entry(EXPIRED, key, day, _moved(lot.member_id, -draw.amount, Account.POINTS_EXPIRED), note=_of_lot(lot))


def redeemed(redemption_id: UUID, reward_id: UUID, member_id: UUID, cost: int, day: date) -> Entry:
    postings = _moved(member_id, -cost, Account.POINTS_REDEEMED)
    return Entry(REDEEMED, f"{REDEEMED}:{redemption_id}", day, postings, note=_of_redemption(redemption_id, reward_id))


def returned(redemption_id: UUID, reward_id: UUID, member_id: UUID, cost: int, day: date) -> Entry:
    postings = _moved(member_id, cost, Account.POINTS_REDEEMED)
    return Entry(RETURNED, f"{RETURNED}:{redemption_id}", day, postings, note=_of_redemption(redemption_id, reward_id))


def _of_redemption(redemption_id: UUID, reward_id: UUID) -> dict[str, Any]:
    return {"redemption_id": public_id("rdm", redemption_id), "reward_id": public_id("rwd", reward_id)}


def adjusted(adjustment_id: UUID, member_id: UUID, amount: int, day: date) -> Entry:
    postings = _moved(member_id, amount, Account.POINTS_ISSUED)
    note = {"adjustment_id": public_id("pta", adjustment_id)}
    return Entry(ADJUSTED, f"{ADJUSTED}:{adjustment_id}", day, postings, note=note)


def forfeited(member_id: UUID, available: int, day: date) -> Entry:
    """What an erased member had lapses, and what he owed is written off."""
    return Entry(
        FORFEITED, f"{FORFEITED}:{member_id}", day, _moved(member_id, -available, Account.POINTS_EXPIRED)
    )  # fmt: skip


def told(kind: str, at: datetime, member_id: UUID, amount: int, lot: Lot | None = None, **facts: Any) -> Event:
    """An event of points: `amount` is what the member got, lost or spent, always above zero."""
    source = {} if lot is None else {"lot_id": lot.id, "source": lot.kind, "order_id": lot.order_id}
    return Event(kind, at, {"member_id": member_id, "amount": amount} | source | facts)
