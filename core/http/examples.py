"""Examples for every body and answer, made from the fields; `metadata={"example": …}` says it better where needed."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, missing, validate

from core.http.fields import Amount, Attributes, Day, Flag, Identifier, Instant, Rate
from core.http.schemas import Body
from core.ids import public_id

_ID = UUID("019a6c1e-7c00-7b3d-8f21-5e0d4c3b2a19")
_INSTANT = "2026-01-31T08:00:00Z"
_DAY = "2026-01-31"

# whose id a field holds, by the word before _id or by the name of the shape
PREFIXES = {
    "member": "mem", "inviter": "mem", "customer": "mem", "store": "mem", "order": "ord", "plan": "pln",
    "staff": "stf", "key": "key", "program": "prg", "payout": "pay", "attempt": "att", "method": "pm",
    "commission": "com", "refund": "ref", "settlement": "stl", "maturation": "mat", "transaction": "ltx",
    "adjustment": "adj", "binding": "bnd", "audit": "aud", "event": "evt", "link": "lnk",
    "coupon": "cpn", "packet": "rpk", "code": "cod", "reservation": "rsv", "claim": "atc", "signal": "sig",
    "group": "grp", "post": "pst", "reward": "rwd", "redemption": "rdm", "segment": "seg", "grant": "sgr",
    "activity": "act", "participation": "apt", "team": "tem",
}  # fmt: skip

_BY_NAME: dict[str, Any] = {
    "access_token": "eyJhbGciOiJIUzI1NiJ9.…", "account": "6222020200112233", "account_name": "Ada Lovelace",
    "avatar_url": "https://cdn.shop.example/ada.png", "campaign_id": "spring-sale", "category": "tea",
    "channel": "mini-program", "click_id": "clk_AaICyfomd_iXDTYebu8fLgGiAsn6CHaUjkJv8-4JCHsok-ESIy5a4LDnBuzYvoa5",
    "content_id": "video-42", "coupon_code": "TEA10", "currency": "GBP", "customer_external_id": "C-1001",
    "discount": 100, "expires_in": 3600, "external_id": "A-1001",
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "email": "ada@shop.example",
    "destination_url": "https://shop.example/tea?utm_source=ada", "grade": "standard", "group_id": "wecom-17",
    "hint": "k3xa", "image_url": "https://cdn.shop.example/tea.png",
    "inviter_external_id": "C-1000", "invite_code": "7K3MPX", "key": "sk_1_…", "kind": "sandbox",
    "link_code": "11k3m9x2p7qa", "link_host": "shop.example", "mini_program_path": "pages/tea?id=7",
    "month": "2026-01", "name": "Ada Lovelace", "note": "she bought from my post", "order_external_id": "O-1001",
    "password": "correct horse battery", "phone": "+447700900123", "product_url": "https://shop.example/tea",
    "quantity": 2, "rail": "sandbox", "reason": "agreed with the customer", "refresh_token": "rt_…",
    "request_id": "req_01kbt1wz00fcyry88y1p63pagn", "scene": "11k3m9x2p7qa", "session_id": "live-2026-01-31",
    "shipping": 350, "sku": "TEA-500", "source": "binding",
    "status": "active", "store_external_id": "S-1", "supply_price": 900, "tax": 0,
    "timezone": "Europe/London", "unit_price": 1250, "visitor_id": "bfzPplNnkX7-JzLJ23e336",
}  # fmt: skip

# what an answer usually does not have, and what is usually nothing
_NULL = {
    "canceled_at", "cancel_reason", "disabled_at", "erased_at", "failure", "held_reason", "retired_at", "revoked_at",
    "rejected_reason",
}  # fmt: skip
_NOTHING = {
    "coupon_discount",
    "debt",
    "fee",
    "in_payout",
    "refunded",
    "refunded_amount",
    "refunded_quantity",
    "reversed",
}
_MONEY = {
    "accrued", "amount", "available", "balance", "base", "commission_base", "credit", "debit", "gross", "net", "paid",
    "pending", "sales", "subtotal", "total", "value",
}  # fmt: skip

_BY_KIND: tuple[tuple[type[Any], Callable[[Any], Any]], ...] = (
    (Identifier, lambda field: example_id(field.prefix)),
    (Instant, lambda _field: _INSTANT),
    (fields.DateTime, lambda _field: _INSTANT),
    (Day, lambda _field: _DAY),
    (fields.Date, lambda _field: _DAY),
    (Flag, lambda _field: True),
    (fields.Boolean, lambda _field: False),
    (Rate, lambda _field: 500),
    (Attributes, lambda _field: {"campaign": "spring"}),
    (fields.Dict, lambda _field: {}),
    (fields.Email, lambda _field: "ada@shop.example"),
)


def example_id(prefix: str) -> str:
    """A public id for documents."""
    return public_id(prefix, _ID)


def example_of(schema: type[Schema] | Schema) -> dict[str, Any]:
    """A plausible value of a shape. Of a body: one that it accepts, with as many optional fields as go together."""
    instance = schema() if isinstance(schema, type) else schema
    given: dict[str, Any] | None = getattr(instance.Meta, "example", None)
    if given is not None:
        return given
    named = {field.data_key or name: field for name, field in instance.fields.items()}
    values = {name: _value(name, field, instance) for name, field in named.items()}
    if not isinstance(instance, Body):
        return values  # an answer is only written: nothing in it excludes anything else
    required = [name for name, field in named.items() if field.required]
    return _grown(instance, values, required)


def _grown(schema: Schema, values: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """The required values and, one by one, every other that makes nothing wrong."""
    chosen = {name: values[name] for name in required}
    faults = _faults(schema, chosen)
    for name in [name for name in values if name not in required]:
        longer = chosen | {name: values[name]}
        found = _faults(schema, longer)
        if values[name] is not None and (not found or found == faults):
            chosen, faults = longer, found
    return {name: chosen[name] for name in values if name in chosen}


def _faults(schema: Schema, value: dict[str, Any]) -> Any:
    try:
        schema.load(value)
    except ValidationError as error:
        return error.messages
    return None


def _value(name: str, field: fields.Field[Any], schema: Schema) -> Any:
    if "example" in field.metadata or (name in _NULL and field.allow_none):
        return field.metadata.get("example")
    if isinstance(field, fields.Nested):
        inner = example_of(field.schema)
        return [inner] if field.many else inner
    if isinstance(field, fields.List):
        return [_value(name.removesuffix("s"), field.inner, schema)]
    choices = next((one for one in field.validators if isinstance(one, validate.OneOf)), None)
    return _usual(field, choices) if choices else _fitting(field, _plain(name, field, schema))


def _usual(field: fields.Field[Any], choices: validate.OneOf) -> Any:
    default = field.load_default
    return default if default is not missing and default in choices.choices else next(iter(choices.choices))


def _plain(name: str, field: fields.Field[Any], schema: Schema) -> Any:
    make = next((make for kind, make in _BY_KIND if isinstance(field, kind)), None)
    if make is not None:
        return make(field)
    if name == "name" and re.search("Line|Item", type(schema).__name__):
        return "Sencha, 500 g"
    if name in _BY_NAME:
        return _BY_NAME[name]
    return _number(name, field) if isinstance(field, fields.Integer) else _text(name, schema)


def _text(name: str, schema: Schema) -> str:
    if name == "id" or name.endswith("_id"):
        prefix = _prefix(name, schema)
        return example_id(prefix) if prefix else f"{name.removesuffix('_id')}-7"
    return "https://shop.example/" if name.endswith("_url") else name.replace("_", " ")


def _number(name: str, field: fields.Field[Any]) -> int:
    if name in _NOTHING:
        return 0
    if name.endswith("_bps"):
        return 500
    return 2400 if name in _MONEY or isinstance(field, Amount) else 1


def _prefix(name: str, schema: Schema) -> str | None:
    owner = name.removesuffix("id").removesuffix("_").rsplit("_", 1)[-1]
    words = re.findall(r"[A-Z][a-z]+", type(schema).__name__)
    candidates = [owner] if owner else [word.lower() for word in reversed(words)]
    return next((PREFIXES[word] for word in candidates if word in PREFIXES), None)


def _fitting(field: fields.Field[Any], value: Any) -> Any:
    """The value within the bounds that the field's validators set."""
    for validator in field.validators:
        if isinstance(validator, validate.Range) and isinstance(value, int):
            low = value if validator.min is None else validator.min
            high = value if validator.max is None else validator.max
            value = max(low, min(high, value))
        if isinstance(validator, validate.Length) and isinstance(value, str):
            value = value[: validator.max].ljust(validator.min or 0, "x")
    return value
