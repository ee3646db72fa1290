"""What is suspicious, and what that does. Pure: the facts and the program's settings are given."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

from commission.orders.inspection import Seller
from core.clock import day_of
from core.money import BPS
from core.programs.settings import GuardSettings, Policy

OF_ORDERS = ("self_referral", "fast_order", "shared_device", "refund_ratio", "coupon_leak", "velocity")
OF_CLICKS = ("click_velocity",)
ABOUT_THE_MEMBER = frozenset({"refund_ratio", "coupon_leak", "velocity"})
ADDRESS_FACTOR = 5  # an address is shared by a household or an office: it takes so many times the members of a device

Status = Literal["clear", "flagged", "held", "refused"]
_STATUS_OF: dict[Policy, Status] = {"allow": "clear", "flag": "flagged", "hold": "held", "refuse": "refused"}
_STRENGTH: list[Status] = ["clear", "flagged", "held", "refused"]


class Facts(NamedTuple):
    """What is known around one order. Counts include the order itself where it is stored already."""

    shared: Sequence[str] = ()  # phone | device | payout_account: what customer and seller have in common
    device_members: int = 0  # members on one of the customer's devices
    address_members: int = 0  # members who clicked from one of his addresses that day
    orders_30_days: int = 0
    sales_30_days: int = 0
    refunded_30_days: int = 0
    orders_last_hour: int = 0
    redemptions: int = 0  # the latest of the code
    by_strangers: int = 0  # of those, by customers neither bound to its owner nor ever on his links


class Signal(NamedTuple):
    """One thing that looks wrong. `subject` names what it is about: one row each."""

    signal: str
    policy: Policy
    order_id: UUID | None
    member_id: UUID | None
    subject: str
    evidence: dict[str, Any]


def policies(settings: GuardSettings, *wanted: Policy) -> dict[str, Policy]:
    """The signals of orders whose policy is one of those."""
    named: dict[str, Policy] = {signal: getattr(settings, signal) for signal in OF_ORDERS}
    return {signal: policy for signal, policy in named.items() if policy in wanted}


def signals_of(
    seller: Seller, facts: Facts, settings: GuardSettings, active: dict[str, Policy], at: datetime
) -> list[Signal]:
    """What looks wrong about an order, of the signals that are `active`."""
    found = {
        "self_referral": _self_referral(seller, facts),
        "fast_order": _fast_order(seller, settings),
        "shared_device": _shared_device(facts, settings),
        "refund_ratio": _refund_ratio(facts, settings),
        "coupon_leak": _coupon_leak(seller, facts, settings),
        "velocity": _velocity(facts, settings),
    }
    return [_signal(name, active[name], seller, found[name] or {}, at) for name in active if found[name] is not None]


def _signal(name: str, policy: Policy, seller: Seller, evidence: dict[str, Any], at: datetime) -> Signal:
    # what is about the member is said once a day, unless each order waits for it
    by_member = name in ABOUT_THE_MEMBER and policy == "flag"
    subject = f"member:{seller.member_id}:{day_of(at, 'UTC')}" if by_member else f"order:{seller.order_id}"
    return Signal(name, policy, seller.order_id, seller.member_id, subject, evidence)


def status_of(signals: Sequence[Signal]) -> Status:
    """The strongest policy decides."""
    statuses = [_STATUS_OF[signal.policy] for signal in signals]
    return max(statuses, key=_STRENGTH.index, default="clear")


def _self_referral(seller: Seller, facts: Facts) -> dict[str, Any] | None:
    if not facts.shared or seller.customer_id == seller.member_id:
        return None
    return {"shared": list(facts.shared)}


def _fast_order(seller: Seller, settings: GuardSettings) -> dict[str, Any] | None:
    if seller.clicked_at is None:
        return None
    took = seller.paid_at - seller.clicked_at
    if not timedelta(0) <= took < timedelta(seconds=settings.fast_order_seconds):
        return None
    return {"milliseconds": took // timedelta(milliseconds=1), "least_seconds": settings.fast_order_seconds}


def _shared_device(facts: Facts, settings: GuardSettings) -> dict[str, Any] | None:
    least = settings.shared_device_members
    if facts.device_members < least and facts.address_members < least * ADDRESS_FACTOR:
        return None
    return {"device_members": facts.device_members, "address_members": facts.address_members}


def _refund_ratio(facts: Facts, settings: GuardSettings) -> dict[str, Any] | None:
    if facts.orders_30_days < settings.refund_ratio_orders or not facts.sales_30_days:
        return None
    ratio = facts.refunded_30_days * BPS // facts.sales_30_days
    return {"orders": facts.orders_30_days, "ratio_bps": ratio} if ratio > settings.refund_ratio_bps else None


def _coupon_leak(seller: Seller, facts: Facts, settings: GuardSettings) -> dict[str, Any] | None:
    if facts.redemptions < settings.coupon_leak_redemptions:
        return None
    ratio = facts.by_strangers * BPS // facts.redemptions
    if ratio <= settings.coupon_leak_bps:
        return None
    return {"code": seller.coupon_code, "redemptions": facts.redemptions, "strangers_bps": ratio}


def _velocity(facts: Facts, settings: GuardSettings) -> dict[str, Any] | None:
    return {"orders": facts.orders_last_hour} if facts.orders_last_hour > settings.velocity_orders else None
