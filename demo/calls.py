"""What the shop's server sends in one batch call, as the services take it. Callers hold the transaction.

Each returns the fate of every item: created, there already, or refused.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from commission.orders.intake import Outcome, place_orders
from commission.orders.lifecycle import complete_orders, order_id_of
from commission.orders.new_order import NewOrder
from commission.orders.refunds import NewRefund, refund_orders
from commission.payouts.methods import add_method
from core.auth.actor import Actor
from core.errors import DomainError
from core.ids import ExternalRef
from demo.events import Completion
from demo.retail import RetailMember, RetailRefund
from referral.members.new_member import STANDARD_GRADE, InviterName, NewMember
from referral.members.service import register

_ONE_IN = 40  # so many members have one who has given no payout method


class Fate(NamedTuple):
    """What became of one item."""

    external_id: str
    created: bool
    error: DomainError | None
    id: UUID | None = None


def register_members(shop: Actor, batch: Sequence[RetailMember]) -> list[Fate]:
    """Inviters stand before those they invited, in this batch or an earlier one."""
    results = register(shop, [_new_member(member) for member in batch])
    return [
        Fate(member.external_id, result.created, result.error, result.id)
        for member, result in zip(batch, results, strict=True)
    ]


def _new_member(member: RetailMember) -> NewMember:
    inviter = InviterName("inviter_external_id", member.inviter) if member.inviter else None
    return NewMember(
        external_id=member.external_id, name=None, inviter=inviter, joined_at=member.joined_at, grade=STANDARD_GRADE,
        phone=None, avatar_url=None, identities=(), attributes={},
    )  # fmt: skip


def add_methods(shop: Actor, members: Sequence[Fate]) -> list[Fate]:
    """An account at the sandbox rail for each; a few have given none, as it is in life."""
    return [_add_method(shop, member.external_id, member.id) for member in members if member.id and _has_method(member)]


def _has_method(member: Fate) -> bool:
    return crc32(member.external_id.encode()) % _ONE_IN != 0


def _add_method(shop: Actor, external_id: str, member_id: UUID) -> Fate:
    method, created = add_method(
        shop.program, member_id, shop, kind="sandbox", account=f"sandbox-{external_id}",
        account_name=f"Customer {external_id}", default=False,
    )  # fmt: skip
    return Fate(external_id, created, None, method.id)


def place(shop: Actor, batch: Sequence[NewOrder]) -> list[Fate]:
    """`POST /v1/orders/batch`."""
    return [
        Fate(order.external_id, placed.outcome is Outcome.CREATED, placed.error, placed.order_id)
        for order, placed in zip(batch, place_orders(shop.program, batch), strict=True)
    ]


def refund(shop: Actor, batch: Sequence[RetailRefund]) -> list[Fate]:
    """`POST /v1/refunds/batch`.

    Raises:
        OrderNotFound: an order is not there.
    """
    ids = {no: order_id_of(shop.program_id, ExternalRef(no)) for no in {one.order_no for one in batch}}
    wanted = [NewRefund(ids[one.order_no], one.external_id, one.refunded_at, None, one.items, None) for one in batch]
    return [
        Fate(one.external_id, refunded.created, refunded.error)
        for one, refunded in zip(batch, refund_orders(shop.program, wanted), strict=True)
    ]


def complete(shop: Actor, batch: Sequence[Completion]) -> list[Fate]:
    """`POST /v1/orders/complete-batch`."""
    results = complete_orders(shop.program, [(one.order_no, one.completed_at) for one in batch])
    return [
        Fate(one.order_no, not was_so and error is None, error, order_id)
        for one, (order_id, error, was_so) in zip(batch, results, strict=True)
    ]
