"""Rewards: made, changed, ended. Callers hold the transaction; nothing here commits."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from community.points import stock
from community.points.errors import RewardNotFound
from community.points.models import RewardRow
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all, fetch_one
from core.errors import Invalid
from core.ids import new_id
from coupons.vouchers import service as vouchers
from coupons.vouchers.errors import CouponNotFound

COUPON, GIFT = "coupon", "gift"
ACTIVE, ENDED = "active", "ended"


class Reward(NamedTuple):
    """One row of `rewards` without program_id. `stock`: how many there ever are; None: as many as are asked for."""

    id: UUID
    name: str
    kind: str
    cost: int
    coupon_id: UUID | None
    image_url: str | None
    stock: int | None
    per_member_limit: int | None
    valid_from: datetime | None
    valid_to: datetime | None
    status: str
    created_at: datetime
    updated_at: datetime


class OfferedReward(NamedTuple):
    """A reward and how many of it are left; None: no limit."""

    reward: Reward
    left: int | None


_SELECT: LiteralString = """
    SELECT id, name, kind, cost, coupon_id, image_url, stock, per_member_limit, valid_from, valid_to, status,
           created_at, updated_at
    FROM rewards WHERE program_id = %(program_id)s"""


def reward_of(program_id: UUID, reward_id: UUID, *, lock: bool = False) -> Reward:
    """Raises: RewardNotFound."""
    statement = _SELECT + " AND id = %(id)s" + (" FOR NO KEY UPDATE" if lock else "")
    found = fetch_one(Reward, statement, program_id=program_id, id=reward_id)
    if found is None:
        raise RewardNotFound()
    return found


# only the filters that are given: a statement for all of them together would be planned for none
_CONDITIONS: dict[str, LiteralString] = {
    "status": " AND status = %(status)s",
    "valid_at": """ AND (valid_from IS NULL OR valid_from <= %(valid_at)s)
                    AND (valid_to IS NULL OR valid_to > %(valid_at)s)""",
    "before": " AND id < %(before)s",
}


def rewards(
    program_id: UUID, status: str | None, valid_at: datetime | None, before: UUID | None, most: int
) -> list[Reward]:
    """Newest first."""
    given = {"status": status, "valid_at": valid_at, "before": before}
    statement: LiteralString = _SELECT + "".join([_CONDITIONS[name] for name in given if given[name] is not None])
    return fetch_all(
        Reward, statement + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given
    )  # fmt: skip


def rewards_called(program_id: UUID, ids: Collection[UUID]) -> list[Reward]:
    return fetch_all(Reward, _SELECT + " AND id = ANY(%(ids)s)", program_id=program_id, ids=list(ids))


class _Left(NamedTuple):
    reward_id: UUID
    units: int


def offered(program_id: UUID, found: Sequence[Reward]) -> list[OfferedReward]:
    """The rewards with what is left of each; what running transactions take is not seen."""
    rows = fetch_all(
        _Left,
        """SELECT reward_id, sum(left_units)::bigint FROM reward_stock
           WHERE program_id = %(program_id)s AND reward_id = ANY(%(ids)s) GROUP BY reward_id""",
        program_id=program_id, ids=[one.id for one in found],
    )  # fmt: skip
    left = dict(rows)
    return [OfferedReward(one, left.get(one.id)) for one in found]


def create_reward(program_id: UUID, terms: dict[str, Any]) -> Reward:
    """A new reward from a checked body.

    Raises:
        Invalid: its coupon does not exist.
    """
    at = now()
    if terms["coupon_id"] is not None:
        _check_coupon(program_id, terms["coupon_id"])
    reward = Reward(id=new_id(), status=ACTIVE, created_at=at, updated_at=at, **terms)
    insert_rows(RewardRow, [reward], program_id=program_id)
    if reward.stock is not None:
        stock.open_stock(program_id, reward.id, reward.stock)
    return reward


def _check_coupon(program_id: UUID, coupon_id: UUID) -> None:
    try:
        vouchers.coupon_of(program_id, coupon_id)
    except CouponNotFound as error:
        raise Invalid.at("/coupon_id", "There is no such coupon.") from error


_CHANGE: LiteralString = "UPDATE rewards SET updated_at = %(at)s"
_SET: dict[str, LiteralString] = {
    "name": ", name = %(name)s",
    "cost": ", cost = %(cost)s",
    "image_url": ", image_url = %(image_url)s",
    "stock": ", stock = %(stock)s",
    "per_member_limit": ", per_member_limit = %(per_member_limit)s",
    "valid_from": ", valid_from = %(valid_from)s",
    "valid_to": ", valid_to = %(valid_to)s",
    "status": ", status = %(status)s",
}


def change_reward(program_id: UUID, reward_id: UUID, changes: dict[str, Any]) -> Reward:
    """Change what `changes` names; redemptions made keep what they cost.

    Raises:
        RewardNotFound: no such reward in the program.
        Invalid: it would end before it begins, or have less stock than is taken, or get or lose a limit of its stock.
    """
    before = reward_of(program_id, reward_id, lock=True)
    wanted = {name: value for name, value in changes.items() if getattr(before, name) != value}
    after = before._replace(**wanted)
    if after.valid_from and after.valid_to and after.valid_to <= after.valid_from:
        raise Invalid.at("/valid_to", "Not after valid_from.")
    if "stock" in wanted:
        stock.change_total(program_id, reward_id, before.stock, after.stock)
    if wanted:
        statement = _CHANGE + "".join([_SET[name] for name in wanted])
        statement += " WHERE program_id = %(program_id)s AND id = %(id)s"
        execute(statement, program_id=program_id, id=reward_id, at=now(), **wanted)
    return reward_of(program_id, reward_id)
