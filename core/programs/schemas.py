"""JSON shape of a program: its name beside its settings."""

from typing import Any

import msgspec
from marshmallow import fields, validate

from core.auth.actor import Program
from core.http.fields import Flag, Rate, Text, Whole
from core.http.schemas import Body
from core.ids import public_id

SOURCES = ["coupon", "click", "binding"]


class AttributionShape(Body):
    order = fields.List(fields.String(validate=validate.OneOf(SOURCES)))
    click_model = fields.String(validate=validate.OneOf(["last", "first"]))
    click_window_days = Whole(minimum=1, maximum=365)


class BindingShape(Body):
    mode = fields.String(validate=validate.OneOf(["permanent", "expiring", "open"]))
    expires_after_days = Whole(minimum=1, maximum=3650, allow_none=True)
    protected_days = Whole(maximum=3650)
    bind_on_order = Flag(metadata={"description": "bind an unbound customer to whom his order is attributed"})


POLICIES = ["allow", "flag", "hold", "refuse"]


def _policy(when: str) -> fields.String:
    return fields.String(validate=validate.OneOf(POLICIES), metadata={"description": when})


class GuardShape(Body):
    self_referral = _policy("customer and seller share a phone, a device or a payout account")
    fast_order = _policy("paid less than fast_order_seconds after the click")
    fast_order_seconds = Whole(maximum=3600)
    shared_device = _policy("shared_device_members or more on one visitor or address")
    shared_device_members = Whole(minimum=2, maximum=40)
    refund_ratio = _policy("refunds of 30 days above refund_ratio_bps of the member's sales")
    refund_ratio_bps = Rate()
    refund_ratio_orders = Whole(minimum=1, maximum=10_000)
    coupon_leak = _policy("a code used by strangers to its owner's traffic")
    coupon_leak_bps = Rate()
    coupon_leak_redemptions = Whole(minimum=1, maximum=200)
    velocity = _policy("more than velocity_orders an hour for one member")
    velocity_orders = Whole(minimum=1, maximum=1_000_000)
    click_velocity = fields.String(
        validate=validate.OneOf(["allow", "flag"]),
        metadata={"description": "more than click_velocity_clicks an hour from one address or visitor"},
    )
    click_velocity_clicks = Whole(minimum=10, maximum=1_000_000)


class ProgramChange(Body):
    """Every setting of API.md, *Program*; what is not named stays."""

    name = Text(100)
    currency = fields.String(validate=validate.Regexp(r"[A-Z]{3}\Z"))
    timezone = Text(64)
    max_levels = Whole(minimum=1, maximum=10)
    payout_cap_bps = Rate()
    attribution = fields.Nested(AttributionShape)
    binding = fields.Nested(BindingShape)
    hold_days = Whole(maximum=3650)
    hold_from = fields.String(validate=validate.OneOf(["completed", "paid"]))
    auto_maturation = Flag()
    min_payout = Whole(maximum=10**15)
    method_freeze_hours = Whole(maximum=8760)
    suspended_upline = fields.String(validate=validate.OneOf(["skip", "compress"]))
    self_purchase = fields.String(validate=validate.OneOf(["off", "level_1"]))
    enrolment = fields.String(validate=validate.OneOf(["open", "application", "invited"]))
    link_hosts = fields.List(
        Text(260),
        validate=validate.Length(max=100),
        metadata={
            "description": "where links may lead: `shop.example`, `*.shop.example` for its subdomains, `myapp://` for "
            "an app; empty: any http(s) host",
        },
    )
    click_dedupe_seconds = Whole(maximum=86_400)
    guard = fields.Nested(GuardShape, metadata={"description": "signals, and what is done about each"})


class ProgramShape(ProgramChange):
    id = fields.String()


def program_shape(program: Program) -> dict[str, Any]:
    settings: dict[str, Any] = msgspec.to_builtins(program.settings)
    return {"id": public_id("prg", program.id), "name": program.name} | settings
