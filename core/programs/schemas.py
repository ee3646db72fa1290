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
    link_hosts = fields.List(Text(253), validate=validate.Length(max=100))
    click_dedupe_seconds = Whole(maximum=86_400)


class ProgramShape(ProgramChange):
    id = fields.String()


def program_shape(program: Program) -> dict[str, Any]:
    settings: dict[str, Any] = msgspec.to_builtins(program.settings)
    return {"id": public_id("prg", program.id), "name": program.name} | settings
