"""Codes, customers' counts and stock, changed together in the one order of locks: codes, customers, stock.

Callers hold the transaction and have locked the reservations and redemptions that say what may change.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.db import Collision
from coupons.vouchers import limits, stock
from coupons.vouchers.expiry import free_due
from coupons.vouchers.parts import Part, pairs_of, units_of
from coupons.vouchers.rules import CodeKind, CodeStatus
from coupons.vouchers.single_codes import move_codes


def move(
    program_id: UUID, at: datetime, *, take: Sequence[Part] = (), to: CodeStatus = CodeStatus.REDEEMED,
    keep: Sequence[Part] = (), give: Sequence[Part] = (),
) -> None:  # fmt: skip
    """Give parts back, take others, and leave kept ones redeemed; all of it or nothing.

    A claimed code has taken its unit when it was claimed, and returns it only when it has run out meanwhile.

    Raises:
        Collision: a rival was quicker.
    """
    going = move_codes(program_id, at, take=take, to=to, keep=keep, give=give)
    coming = [part for part in take if part.kind != CodeKind.CLAIMED]
    units = units_of(coming)
    units.subtract(units_of(going))
    units.subtract(_count(program_id, at, coming, going))
    lacking = stock.move_units(program_id, units)
    if lacking:
        units.subtract(free_due(program_id, at, lacking))
        if stock.move_units(program_id, units):
            raise Collision("the last one is gone")


def _count(program_id: UUID, at: datetime, coming: Sequence[Part], going: Sequence[Part]) -> Counter[UUID]:
    """Move what the customers have; units that came free on the way, where one of them seemed to have too many."""
    change = pairs_of(coming)
    change.subtract(pairs_of(going))
    more = {pair: units for pair, units in change.items() if units > 0}
    less = {pair: -units for pair, units in change.items() if units < 0}
    if more and less:  # two statements, which lock in the order of one
        limits.lock(program_id, [*more, *less])
    limits.uncount(program_id, less)
    refused = set(more) - limits.count(program_id, more)
    if not refused:
        return Counter()
    freed = free_due(program_id, at, {coupon_id for coupon_id, _ in refused})
    if limits.count(program_id, {pair: more[pair] for pair in refused}) != refused:
        raise Collision("the customer has as many as he may")
    return freed
