"""Codes used by orders, and given back. Callers hold the transaction and have locked or inserted the orders.

Locks, each kind by id: reservations, redemptions, codes, customers, stock (see `stock`).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from core.auth.actor import Program
from core.clock import now
from core.db import execute, scalars
from core.ids import new_id
from coupons.vouchers.code_texts import normalised_code
from coupons.vouchers.codes import find_codes
from coupons.vouchers.holding import (
    Held,
    Redemption,
    Reservation,
    held_by,
    held_of_ids,
    insert_redemptions,
    locked_reservations,
    parts_of,
    set_redemptions,
    set_reservations,
)
from coupons.vouchers.moving import move
from coupons.vouchers.parts import Part
from coupons.vouchers.rules import CodeDiscount, CodeKind


class Use(NamedTuple):
    """What one accepted order uses.

    `recorded`: codes whose discount the shop has given already, with the amount it told; nothing of a quantity is
    taken for them but what the order's reservation has, and a text that is no code is passed over.
    """

    order_id: UUID
    order_external_id: str
    customer_id: UUID | None
    discounts: Sequence[CodeDiscount]
    recorded: Sequence[tuple[str, int]] = ()


class _Wanted(NamedTuple):
    """A code that an order uses."""

    order_id: UUID
    amount: int
    recorded: bool
    part: Part


_Key = tuple[str, UUID]
"""The order's external id and the code."""


def redeem(program: Program, uses: Sequence[Use]) -> None:
    """Take what these orders use, as `judge` allowed it; a reservation of the same order's external id is confirmed.

    What such a reservation has and the order does not use is released. Whatever others took since `judge` is noticed
    here: nobody gets more than there is.

    Raises:
        Collision: a rival was quicker; nothing may be committed. The edge repeats the call, and `judge` refuses.
    """
    at = now()
    wanted = _wanted(program.id, uses)
    if not wanted:
        return
    single = [key[1] for key, want in wanted.items() if want.part.kind != CodeKind.SHARED]
    reservations = locked_reservations(program.id, at, {order for order, _ in wanted}, single)
    held = held_by(program.id, [reservation.id for reservation in reservations])
    live = {one.id for one in reservations if not one.is_due(at)}
    kept = {_key(one): one for one in held if one.reservation_id in live and _is_kept(one, wanted)}
    gone = [one for one in held if kept.get(_key(one)) != one]
    _end_reservations(program.id, at, reservations, live, gone)
    _confirm(program.id, at, {one.id: wanted[key] for key, one in kept.items()})
    new = {key: want for key, want in wanted.items() if key not in kept}
    move(
        program.id, at, take=[want.part for want in new.values() if not want.recorded],
        keep=[one.part for one in kept.values()], give=[one.part for one in gone],
    )  # fmt: skip
    insert_redemptions(program.id, [_new_row(key, want, at) for key, want in new.items()])


def _is_kept(held: Held, wanted: Mapping[_Key, _Wanted]) -> bool:
    """What was reserved for another customer than the order's, or for nobody, is released and taken anew for him."""
    want = wanted.get(_key(held))
    return want is not None and (want.recorded or want.part.customer_id == held.part.customer_id)


def _key(held: Held) -> _Key:
    return held.order_external_id, held.part.code_id


def _wanted(program_id: UUID, uses: Sequence[Use]) -> dict[_Key, _Wanted]:
    told = [normalised_code(code) for use in uses for code, _ in use.recorded]
    known = find_codes(program_id, told) if told else {}
    named = {discount.code_id for use in uses for discount in use.discounts}
    parts = parts_of(program_id, named | {one.id for one in known.values()})
    wanted: dict[_Key, _Wanted] = {}
    for use in uses:
        amounts = [(discount.code_id, discount.amount, False) for discount in use.discounts]
        recorded = [(known.get(normalised_code(code)), amount) for code, amount in use.recorded]
        amounts += [(code.id, amount, True) for code, amount in recorded if code is not None]
        for code_id, amount, is_told in amounts:
            part = parts[code_id]._replace(customer_id=use.customer_id)
            wanted.setdefault((use.order_external_id, code_id), _Wanted(use.order_id, amount, is_told, part))
    return wanted


def _end_reservations(
    program_id: UUID, at: datetime, reservations: Sequence[Reservation], live: Collection[UUID], gone: Sequence[Held]
) -> None:
    """Confirm the live ones; what the orders do not use of them is released, and the others have run out."""
    ends = {one.id: "confirmed" if one.id in live else "expired" for one in reservations}
    set_reservations(program_id, at, ends)
    set_redemptions(program_id, at, {one.id: "released" if one.reservation_id in live else "expired" for one in gone})


def _confirm(program_id: UUID, at: datetime, kept: Mapping[UUID, _Wanted]) -> None:
    if not kept:
        return
    execute(
        """UPDATE coupon_redemptions d
           SET status = 'redeemed', order_id = given.order_id, amount = given.amount, updated_at = %(at)s
           FROM unnest(%(ids)s::uuid[], %(order_ids)s::uuid[], %(amounts)s::bigint[]) AS given (id, order_id, amount)
           WHERE d.program_id = %(program_id)s AND d.id = given.id""",
        program_id=program_id, at=at, ids=list(kept), order_ids=[want.order_id for want in kept.values()],
        amounts=[want.amount for want in kept.values()],
    )  # fmt: skip


def _new_row(key: _Key, want: _Wanted, at: datetime) -> Redemption:
    order_external_id, code_id = key
    return Redemption(
        id=new_id(), coupon_id=want.part.coupon_id, code_id=code_id, order_external_id=order_external_id,
        order_id=want.order_id, reservation_id=None, customer_id=want.part.customer_id, status="redeemed",
        amount=want.amount, recorded=want.recorded, created_at=at, updated_at=at,
    )  # fmt: skip


def give_back(program_id: UUID, canceled: Collection[UUID], refunded: Collection[UUID]) -> None:
    """Return what these orders used: `canceled` and in full `refunded` ones by their ids, as each coupon's rule says.

    Customer and quantity have it again; a claimed code that has run out meanwhile returns to the quantity. May be
    repeated: what was given back is not given back again. Call it before commissions and balances are locked.
    """
    if not canceled and not refunded:
        return
    at = now()
    ids = scalars(
        """WITH back AS MATERIALIZED (
             SELECT d.id FROM coupon_redemptions d
             JOIN coupons c ON c.program_id = d.program_id AND c.id = d.coupon_id
             WHERE d.program_id = %(program_id)s AND d.status = 'redeemed' AND (
               d.order_id = ANY(%(canceled)s::uuid[]) AND c.give_back IN ('cancel_or_full_refund', 'cancel_only')
               OR d.order_id = ANY(%(refunded)s::uuid[]) AND c.give_back = 'cancel_or_full_refund')
             ORDER BY d.id FOR UPDATE OF d)
           UPDATE coupon_redemptions d SET status = 'given_back', updated_at = %(at)s FROM back
           WHERE d.program_id = %(program_id)s AND d.id = back.id AND d.status = 'redeemed' RETURNING d.id""",
        program_id=program_id, canceled=list(canceled), refunded=list(refunded), at=at,
    )  # fmt: skip
    given = [held.part for held in held_of_ids(program_id, ids) if not held.recorded]
    if given:
        move(program_id, at, give=given)
