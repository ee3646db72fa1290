"""What orders tell the event log: the facts of each event, and no more. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from commission.earnings.records import CommissionRecord
from commission.earnings.service import Reversing
from commission.orders.acceptance import Acceptance
from commission.orders.holds import held_event, held_reason
from commission.orders.records import OrderRecord, RefundRecord
from core.clock import now
from core.events.service import Event
from core.ids import parse_public_id


def events_of_sale(
    order: OrderRecord, acceptance: Acceptance, commissions: Sequence[CommissionRecord], *, is_first: bool
) -> list[Event]:
    """An order accepted as paid, what it owes to whom, and whether that waits for somebody's decision."""
    if order.paid_at is None:
        return []
    paid = Event("order.attributed", order.paid_at, _facts_of_paid(order, acceptance.inviter_id, is_first=is_first))
    reason = held_reason(order) if commissions else None
    return [paid, *events_of_accrual(order, commissions), *([held_event(order.id, reason)] if reason else [])]


def _facts_of_paid(order: OrderRecord, inviter_id: UUID | None, *, is_first: bool) -> dict[str, Any]:
    return {
        "order_id": order.id, "customer_id": order.customer_id, "member_id": order.attributed_member_id,
        "total": order.total, "commission_base": order.commission_base, "currency": order.currency,
        "group_id": order.group_id, "channel": order.channel, "content_id": order.content_id,
        "session_id": order.session_id, "link_id": order.link_id, "coupon_ids": _coupon_ids(order),
        "is_first": is_first, "inviter_id": inviter_id,
    }  # fmt: skip


def _coupon_ids(order: OrderRecord) -> list[UUID]:
    """Each coupon once, in the order named; a code that nobody knows has none."""
    named = [one["coupon_id"] for one in order.coupons]
    found = [parse_public_id("cpn", coupon_id) for coupon_id in named if coupon_id is not None]
    return list(dict.fromkeys(coupon_id for coupon_id in found if coupon_id is not None))


def events_of_accrual(order: OrderRecord, commissions: Sequence[CommissionRecord]) -> list[Event]:
    """Told only where somebody earns."""
    if order.paid_at is None or not commissions:
        return []
    owed = [
        {"commission_id": one.id, "member_id": one.member_id, "level": one.level, "amount": one.amount}
        for one in commissions
    ]
    facts = {"order_id": order.id, "group_id": order.group_id, "commissions": owed}
    return [Event("commission.accrued", order.paid_at, facts)]


def events_of_refunds(
    order: OrderRecord, refunds: Sequence[RefundRecord], reversing: Sequence[Reversing]
) -> list[Event]:
    """Refunds of one order in their order, each with what it takes from commissions.

    A cancel of which nothing was left to take back tells no refund.
    """
    by_refund: dict[UUID, list[Reversing]] = {}
    for one in reversing:
        by_refund.setdefault(one.refund_id, []).append(one)
    events, refunded_total = [], order.refunded
    for refund in refunds:
        refunded_total += refund.value
        if refund.value or refund.kind != "cancel":
            events.append(_refunded(order, refund, refunded_total))
        events += events_of_reversal(order.id, refund.refunded_at, by_refund.get(refund.id, []))
    return events


def _refunded(order: OrderRecord, refund: RefundRecord, refunded_total: int) -> Event:
    facts = {
        "order_id": order.id, "refund_id": refund.id, "customer_id": order.customer_id,
        "member_id": order.attributed_member_id, "amount": refund.value, "refunded_total": refunded_total,
        "total": order.total, "group_id": order.group_id, "paid_at": order.paid_at,
    }  # fmt: skip
    return Event("order.refunded", refund.refunded_at, facts)


def events_of_reversal(order_id: UUID, happened_at: datetime, reversing: Sequence[Reversing]) -> list[Event]:
    """What one cause took from the commissions of an order; nothing is told where nothing was taken."""
    if not reversing:
        return []
    taken = [
        {
            "commission_id": one.commission.id, "member_id": one.commission.member_id, "amount": one.amount,
            "was_available": one.commission.matured_at is not None,
        }
        for one in reversing
    ]  # fmt: skip
    facts = {"order_id": order_id, "cause": reversing[0].cause, "commissions": taken}
    return [Event("commission.reversed", happened_at, facts)]


def completed_events(orders: Mapping[UUID, OrderRecord], completed_at: Mapping[UUID, datetime]) -> list[Event]:
    return [
        Event(
            "order.completed",
            completed_at[order.id],
            {"order_id": order.id, "customer_id": order.customer_id, "member_id": order.attributed_member_id},
        )
        for order in orders.values()
    ]


def canceled_event(order: OrderRecord, canceled_at: datetime) -> Event:
    """`order` as it was before."""
    facts = {
        "order_id": order.id, "customer_id": order.customer_id, "member_id": order.attributed_member_id,
        "was_paid": order.paid_at is not None, "group_id": order.group_id,
    }  # fmt: skip
    return Event("order.canceled", canceled_at, facts)


def reattributed_event(order: OrderRecord, member_id: UUID | None) -> Event:
    """`order` as it was before; the commissions of both sides are told beside it."""
    facts = {
        "order_id": order.id, "member_before_id": order.attributed_member_id, "member_id": member_id,
        "total": order.total, "refunded": order.refunded, "paid_at": order.paid_at,
    }  # fmt: skip
    return Event("order.reattributed", now(), facts)
