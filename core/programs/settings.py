"""A program's settings, typed. Every version is kept: orders remember the one they were accepted under."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Bps = Annotated[int, Meta(ge=0, le=10_000)]
Days = Annotated[int, Meta(ge=0, le=3650)]
Source = Literal["coupon", "click", "binding"]


class AttributionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Which evidence decides who sold an order, strongest first."""

    order: tuple[Source, ...] = ("coupon", "click", "binding")
    click_model: Literal["last", "first"] = "last"
    click_window_days: Annotated[int, Meta(ge=1, le=365)] = 30


class BindingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a customer stays bound to his inviter."""

    mode: Literal["permanent", "expiring", "open"] = "permanent"
    expires_after_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    protected_days: Days = 0
    bind_on_order: bool = False  # a customer without binding is bound to whom his order is attributed


Policy = Literal["allow", "flag", "hold", "refuse"]
"""What a signal does: nothing; it is shown; commissions wait for a decision; the member is passed over."""


class GuardSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What counts as suspicious, and what is done about it. API.md, *Program*."""

    self_referral: Policy = "flag"  # customer and seller share a phone, a device or a payout account
    fast_order: Policy = "flag"
    fast_order_seconds: Annotated[int, Meta(ge=0, le=3600)] = 3  # from click to payment, less than this
    shared_device: Policy = "flag"
    shared_device_members: Annotated[int, Meta(ge=2, le=40)] = 4  # so many members on one visitor or address
    refund_ratio: Policy = "flag"
    refund_ratio_bps: Bps = 5000  # of the member's sales of 30 days, from so many orders on
    refund_ratio_orders: Annotated[int, Meta(ge=1, le=10_000)] = 10
    coupon_leak: Policy = "flag"
    coupon_leak_bps: Bps = 8000  # of a code's redemptions by strangers to its owner, from so many on
    coupon_leak_redemptions: Annotated[int, Meta(ge=1, le=200)] = 20
    velocity: Policy = "flag"
    velocity_orders: Annotated[int, Meta(ge=1, le=1_000_000)] = 100  # attributed to one member within an hour
    click_velocity: Literal["allow", "flag"] = "flag"  # clicks earn nothing: there is nothing to hold or refuse
    click_velocity_clicks: Annotated[int, Meta(ge=10, le=1_000_000)] = 300  # an hour from one address or visitor


class ProgramSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """API.md, *Program*. Amounts in minor units, rates in basis points."""

    currency: str = "CNY"
    timezone: str = "Asia/Shanghai"
    max_levels: Annotated[int, Meta(ge=1, le=10)] = 2
    payout_cap_bps: Bps = 5000
    attribution: AttributionSettings = AttributionSettings()
    binding: BindingSettings = BindingSettings()
    hold_days: Days = 7
    hold_from: Literal["completed", "paid"] = "completed"
    auto_maturation: bool = True
    min_payout: Annotated[int, Meta(ge=0, le=10**15)] = 1000
    method_freeze_hours: Annotated[int, Meta(ge=0, le=8760)] = 24
    suspended_upline: Literal["skip", "compress"] = "skip"
    self_purchase: Literal["off", "level_1"] = "off"
    enrolment: Literal["open", "application", "invited"] = "open"
    link_hosts: tuple[str, ...] = ()
    click_dedupe_seconds: Annotated[int, Meta(ge=0, le=86_400)] = 0
    guard: GuardSettings = GuardSettings()


def settings_from(stored: dict[str, object]) -> ProgramSettings:
    """Settings as they stand in the database."""
    return msgspec.convert(stored, ProgramSettings)
