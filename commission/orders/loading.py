"""The fast way into intake: orders decoded straight into typed structs; whatever is unusual goes through the shapes.

marshmallow gives every error and is what OpenAPI shows; msgspec only accepts, and accepts nothing the shapes refuse.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from marshmallow import Schema, ValidationError

from commission.orders.new_order import NewLine, NewOrder, ToldDiscount, plain_code, told_faults
from commission.orders.schemas import NewOrderBody, OrderBatchBody
from core.errors import DomainError, Invalid
from core.http.fields import Attributes, utc_instant
from core.http.json import parsed
from core.http.problem import invalid_from

MAX_BATCH = 500

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_order = msgspec.json.Decoder(NewOrder)
_attributes = Attributes()
_shape = NewOrderBody()


class _Batch(msgspec.Struct, forbid_unknown_fields=True):
    orders: list[msgspec.Raw]


_batch = msgspec.json.Decoder(_Batch)


class Loaded(NamedTuple):
    """One item of a batch: the order, or why it cannot be one."""

    external_id: str | None
    order: NewOrder | None
    refused: DomainError | None


class OrderLoader:
    """Body of `POST /v1/orders`."""

    schema: type[Schema] = NewOrderBody

    def load(self, body: bytes) -> NewOrder:
        return load_order(body)


class OrderBatchLoader:
    """Body of `POST /v1/orders/batch`: one bad order never harms the others."""

    schema: type[Schema] = OrderBatchBody

    def load(self, body: bytes) -> list[Loaded]:
        try:
            raw = _batch.decode(body).orders
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raw = [msgspec.Raw(msgspec.json.encode(item)) for item in _slow_items(parsed(body))]
        if not 1 <= len(raw) <= MAX_BATCH:
            raise Invalid.at("/orders", f"Between 1 and {MAX_BATCH} orders.")
        return [_loaded(bytes(item)) for item in raw]


def _slow_items(document: Any) -> list[Any]:
    orders = document.get("orders") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(orders, list):
        raise Invalid.at("/orders", "The body must be an object with a list of orders and nothing else.")
    return orders


def _loaded(raw: bytes) -> Loaded:
    try:
        order = load_order(raw)
    except DomainError as error:
        return Loaded(_external_id(raw), None, error)
    return Loaded(order.external_id, order, None)


def _external_id(raw: bytes) -> str | None:
    item = parsed(raw)
    given = item.get("external_id") if isinstance(item, dict) else None
    return given if isinstance(given, str) else None


def load_order(raw: bytes) -> NewOrder:
    """The order in a JSON text.

    Raises:
        Invalid: with a pointer for each fault.
        Malformed: not JSON.
    """
    try:
        return _checked(_order.decode(raw), raw)
    except (msgspec.MsgspecError, ValidationError, ValueError, OverflowError, RecursionError):
        return _through_shape(parsed(raw))


def _checked(order: NewOrder, raw: bytes) -> NewOrder:
    """What the types alone do not say. Control characters can only be in JSON as escapes, or as DEL."""
    if (b"\\" in raw or b"\x7f" in raw) and any(map(_CONTROL.search, _texts(order))):
        raise ValueError
    if order.attributes:
        _attributes.deserialize(order.attributes)
    if order.coupon_codes or order.coupon_discounts is not None or order.coupon_policy != "redeem":
        _check_codes(order)
    return _in_utc(order)


def _check_codes(order: NewOrder) -> None:
    """Codes are upper case from here on."""
    told = order.coupon_discounts
    upper = None if told is None else [ToldDiscount(plain_code(one.code), one.amount) for one in told]
    if told_faults(order.coupon_policy, None if upper is None else [one.code for one in upper]):
        raise ValueError
    msgspec.structs.force_setattr(order, "coupon_codes", [plain_code(code) for code in order.coupon_codes])
    msgspec.structs.force_setattr(order, "coupon_discounts", upper)


def _in_utc(order: NewOrder) -> NewOrder:
    for name in ("paid_at", "placed_at"):
        instant = getattr(order, name)
        if instant is not None:
            msgspec.structs.force_setattr(order, name, utc_instant(instant))
    return order


def _texts(order: NewOrder) -> Iterator[str]:
    for struct in (order, *order.items, *(order.coupon_discounts or ())):
        yield from (value for value in msgspec.structs.astuple(struct) if isinstance(value, str))
    yield from order.coupon_codes
    yield from order.sub_ids


def _through_shape(document: Any) -> NewOrder:
    try:
        loaded = _shape.load(document)
    except ValidationError as error:
        raise invalid_from(error) from error
    return _typed(loaded)


def _typed(loaded: dict[str, Any]) -> NewOrder:
    told = loaded.pop("coupon_discounts")
    return NewOrder(
        items=[NewLine(**item) for item in loaded.pop("items")],
        coupon_discounts=None if told is None else [ToldDiscount(**one) for one in told],
        **loaded,
    )
