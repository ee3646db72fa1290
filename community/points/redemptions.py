"""Rewards taken for points. Points, coupon and stock move in one transaction or not at all.

Locks in the order that `purses` says; whoever is refused is to be rolled back. Callers hold the transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from community.points import booking, rewards, stock
from community.points.errors import (
    MemberSuspended,
    NotEnoughPoints,
    RedemptionNotFound,
    RewardEnded,
    RewardLimitReached,
    RewardNotYetValid,
    RewardSoldOut,
)
from community.points.health import REDEMPTIONS
from community.points.models import PointUseRow, RewardRedemptionRow
from community.points.purse import Draw
from community.points.purses import close_purses, open_purses
from community.points.rewards import Reward
from community.points.taking import expired_events
from community.points.telling import tell
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import day_of, now
from core.db import execute, fetch_all, fetch_one, scalar
from core.ids import new_id
from coupons.vouchers import service as vouchers
from referral.members.errors import MemberErased

REQUESTED, SHIPPED, FULFILLED, CANCELED = "requested", "shipped", "fulfilled", "canceled"
STATUSES = (REQUESTED, SHIPPED, FULFILLED, CANCELED)


class Redemption(NamedTuple):
    """One row of `reward_redemptions` without program_id. `code` is the coupon's, `note` says where a gift is."""

    id: UUID
    reward_id: UUID
    member_id: UUID
    cost: int
    status: str
    code: str | None
    note: str | None
    created_at: datetime
    updated_at: datetime


class Use(NamedTuple):
    """What a lot gave for a redemption: one row of `point_uses` without program_id."""

    redemption_id: UUID
    lot_id: UUID
    amount: int


def redeem(program: Program, reward_id: UUID, member_id: UUID) -> tuple[Redemption, Reward]:
    """A reward for the member: a coupon's code at once, or a gift that is to be sent. To be rolled back when it raises.

    Raises:
        RewardNotFound: no such reward in the program.
        RewardNotYetValid, RewardEnded: it cannot be had now; of its coupon CouponExpired and the like.
        MemberSuspended, MemberErased: he takes none.
        NotEnoughPoints: he has fewer than it costs; what is due to expire does not count.
        RewardLimitReached, LimitReached: he has the reward, or its coupon, as often as one may.
        RewardSoldOut, SoldOut: none is left of the reward, or of its coupon.
    """
    at = now()
    reward = rewards.reward_of(program.id, reward_id)
    _check_offer(reward, at)
    _check_member(program.id, member_id)
    if reward.stock is not None and not stock.any_left(program.id, reward.id):
        raise RewardSoldOut()  # seen early, so that the many who come too late cost little
    redemption_id = new_id()
    drawn = _pay(program, redemption_id, reward, member_id, at)
    _count(program.id, reward, member_id)
    code = None
    if reward.coupon_id is not None:
        code = vouchers.claim(program.id, reward.coupon_id, member_id).code
    if reward.stock is not None and not stock.take_unit(program.id, reward.id):
        raise RewardSoldOut()
    status = REQUESTED if code is None else FULFILLED
    made = Redemption(redemption_id, reward.id, member_id, reward.cost, status, code, None, at, at)
    insert_rows(RewardRedemptionRow, [made], program_id=program.id)
    uses = [Use(made.id, draw.lot.id, draw.amount) for draw in drawn]
    insert_rows(PointUseRow, uses, program_id=program.id)
    REDEMPTIONS.labels(reward.kind, status).inc()
    return made, reward


def _check_offer(reward: Reward, at: datetime) -> None:
    if reward.status != rewards.ACTIVE or (reward.valid_to is not None and reward.valid_to <= at):
        raise RewardEnded()
    if reward.valid_from is not None and reward.valid_from > at:
        raise RewardNotYetValid()


def _check_member(program_id: UUID, member_id: UUID) -> None:
    status = scalar(
        "SELECT status FROM members WHERE program_id = %(program_id)s AND id = %(id)s FOR KEY SHARE",
        program_id=program_id, id=member_id,
    )  # fmt: skip
    if status == "erased":
        raise MemberErased()
    if status != "active":
        raise MemberSuspended()


def _pay(program: Program, redemption_id: UUID, reward: Reward, member_id: UUID, at: datetime) -> Sequence[Draw]:
    """Take the cost from the member's lots; what is due ends first, so that nobody spends it while the job is late."""
    timezone = program.settings.timezone
    purse = open_purses(program.id, [member_id])[member_id]
    ended = purse.expire(at)
    if purse.available < reward.cost:
        raise NotEnoughPoints(available=purse.available, cost=reward.cost)
    drawn = purse.spend(reward.cost)
    entries = [booking.expired(draw, timezone) for draw in ended]
    entries.append(booking.redeemed(redemption_id, reward.id, member_id, reward.cost, day_of(at, timezone)))
    close_purses(program.id, [draw.lot for draw in (*ended, *drawn)], entries)
    spent = booking.told(booking.REDEEMED, at, member_id, reward.cost, redemption_id=redemption_id, reward_id=reward.id)
    tell(program.id, [*expired_events(ended), spent])
    return drawn


def _count(program_id: UUID, reward: Reward, member_id: UUID) -> None:
    """Raises: RewardLimitReached."""
    counted = execute(
        """INSERT INTO reward_members (program_id, reward_id, member_id, taken)
           VALUES (%(program_id)s, %(reward_id)s, %(member_id)s, 1)
           ON CONFLICT (program_id, reward_id, member_id) DO UPDATE SET taken = reward_members.taken + 1
           WHERE reward_members.taken < coalesce(%(most)s, reward_members.taken + 1)""",
        program_id=program_id, reward_id=reward.id, member_id=member_id, most=reward.per_member_limit,
    )  # fmt: skip
    if not counted:
        raise RewardLimitReached()


_SELECT: LiteralString = """
    SELECT id, reward_id, member_id, cost, status, code, note, created_at, updated_at
    FROM reward_redemptions WHERE program_id = %(program_id)s"""


def redemption_of(program_id: UUID, redemption_id: UUID) -> Redemption:
    """Raises: RedemptionNotFound."""
    found = fetch_one(Redemption, _SELECT + " AND id = %(id)s", program_id=program_id, id=redemption_id)
    if found is None:
        raise RedemptionNotFound()
    return found


# only the filters that are given: a statement for all of them together would be planned for none
_CONDITIONS: dict[str, LiteralString] = {
    "status": " AND status = %(status)s",
    "reward_id": " AND reward_id = %(reward_id)s",
    "member_id": " AND member_id = %(member_id)s",
    "before": " AND id < %(before)s",
}


def redemptions(program_id: UUID, given: dict[str, Any], most: int) -> list[tuple[Redemption, Reward]]:
    """Newest first, with their rewards; `given` may hold status, reward_id, member_id and before."""
    statement: LiteralString = _SELECT + "".join([_CONDITIONS[name] for name in given if given[name] is not None])
    found = fetch_all(
        Redemption, statement + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given
    )  # fmt: skip
    known = {one.id: one for one in rewards.rewards_called(program_id, {one.reward_id for one in found})}
    return [(one, known[one.reward_id]) for one in found]


def open_gifts_of(program_id: UUID, member_id: UUID) -> bool:
    """Whether a gift is still to be sent to the member, or on its way."""
    found: bool = scalar(
        """SELECT EXISTS (SELECT FROM reward_redemptions WHERE program_id = %(program_id)s
                          AND member_id = %(member_id)s AND status IN ('requested', 'shipped'))""",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip
    return found
