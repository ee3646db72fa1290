"""What a sale does beyond the order's own rows, and what taking it back undoes. Callers hold the transaction.

Commissions and their ledger entries, team counters, traffic sums, what the event log is told, customers' bindings: each
at once for many orders.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from commission.earnings import service as earnings
from commission.earnings.records import CommissionRecord
from commission.earnings.service import Accrual
from commission.orders.acceptance import Acceptance
from commission.orders.first_orders import mark_first
from commission.orders.holds import GUARD_HELD, held_reason
from commission.orders.records import OrderRecord
from commission.orders.telling import events_of_sale
from core.auth.actor import Program
from core.events.service import announce
from coupons.traffic import service as traffic
from coupons.traffic.service import SaleDelta
from referral.tree import service as tree
from referral.tree.service import OrderDelta


def record_sales(program: Program, accepted: Sequence[tuple[OrderRecord, Acceptance]]) -> list[CommissionRecord]:
    """All that orders accepted as paid do; those of them that are only placed do nothing."""
    paid = [(order, acceptance) for order, acceptance in accepted if order.paid_at]
    accruals = [
        Accrual(order.id, order.paid_at, acceptance.matures_at, held_reason(order), acceptance.levels)
        for order, acceptance in paid
        if order.paid_at
    ]
    tree.count_orders(
        program.id, [OrderDelta(one.customer_id, 1, one.total, one.paid_at) for one, _ in paid if one.customer_id]
    )
    count_in_traffic(program, [_sold(order, acceptance) for order, acceptance in paid])
    commissions = earnings.accrue(program.id, program.currency, program.settings.timezone, accruals)
    _tell(program.id, paid, commissions)
    _bind(program, paid)  # last: the tree's lock is held from here to the commit
    return commissions


def _tell(
    program_id: UUID, paid: Sequence[tuple[OrderRecord, Acceptance]], commissions: Sequence[CommissionRecord]
) -> None:
    first = mark_first(program_id, [order for order, _ in paid])
    by_order: dict[UUID, list[CommissionRecord]] = {order.id: [] for order, _ in paid}
    for commission in commissions:
        by_order[commission.order_id].append(commission)
    announce(
        program_id,
        [
            event
            for order, acceptance in paid
            for event in events_of_sale(order, acceptance, by_order[order.id], is_first=order.id in first)
        ],
    )


def _sold(order: OrderRecord, acceptance: Acceptance) -> SaleDelta | None:
    return delta_of(order, 1, order.total, sum(level.amount for level in acceptance.levels))


class TakenBack(NamedTuple):
    """What refunds, or a cancel, took from one order and from its commissions. Minor units."""

    order: OrderRecord
    value: int
    commission: int
    canceled: bool = False


def take_back_sales(program: Program, taken: Sequence[TakenBack]) -> None:
    """The counters' side of refunds; the commissions are reversed by whoever knows the lines."""
    tree.count_orders(program.id, [(one.order.customer_id, 0, -one.value) for one in taken if one.order.customer_id])
    count_in_traffic(program, [delta_of(one.order, -int(one.canceled), -one.value, -one.commission) for one in taken])


def count_in_traffic(program: Program, deltas: Sequence[SaleDelta | None]) -> None:
    """Append what changed to the traffic sums; None: nothing did."""
    traffic.count_sales(program.id, [delta for delta in deltas if delta])


def delta_of(order: OrderRecord, orders: int, sales: int, commission: int) -> SaleDelta | None:
    """What an order adds to the sums of everything it came by, in the hour it was paid in."""
    if order.paid_at is None or not (orders or sales or commission):
        return None
    return SaleDelta(
        at=order.paid_at, link_id=order.link_id, member_id=order.attributed_member_id, campaign_id=order.campaign_id,
        channel=order.channel, group_id=order.group_id, content_id=order.content_id, session_id=order.session_id,
        orders=orders, sales=sales, commission=commission,
    )  # fmt: skip


def _bind(program: Program, paid: Sequence[tuple[OrderRecord, Acceptance]]) -> None:
    """Bind customers to whose code or link they bought by, where the program does so and they are bound to nobody.

    What the guard holds binds nobody: a decision against it would not undo that.
    """
    pairs = [
        (order.customer_id, acceptance.member_id)
        for order, acceptance in paid
        if order.customer_id
        and acceptance.member_id
        and acceptance.source in ("coupon", "click")
        and order.guard_status != GUARD_HELD
    ]
    tree.bind_attributed(program, pairs)
