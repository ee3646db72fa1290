"""What a shop names of an order's way here: read from a new order, kept with it, and read again when it is paid."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from commission.attribution.evidence import NamedCode, Origin, Signs
from commission.orders.new_order import NewOrder
from commission.orders.records import OrderRecord
from coupons.clicks import service as clicks


def origin_of_new(order: NewOrder) -> Origin:
    return Origin(order.channel, order.group_id, order.content_id, order.session_id, order.sub_ids)


def origin_of_stored(order: OrderRecord) -> Origin:
    return Origin(order.channel, order.group_id, order.content_id, order.session_id, order.sub_ids)


def signs_of_new(program_id: UUID, order: NewOrder, codes: Sequence[NamedCode]) -> Signs:
    key = clicks.visitor_key_of(program_id, order.visitor_id) if order.visitor_id else None
    return Signs(codes, order.click_id, order.link_code, key)


def signs_of_stored(order: OrderRecord, codes: Sequence[NamedCode]) -> Signs:
    """What `named_of` kept."""
    named = order.named
    key = bytes.fromhex(named["visitor"]) if "visitor" in named else None
    return Signs(codes, named.get("click_id"), named.get("link_code"), key)


def named_of(signs: Signs) -> dict[str, Any]:
    """As the order's row keeps it: only what was named, and of the visitor his key."""
    named = {
        "click_id": signs.click_id,
        "link_code": signs.link_code,
        "visitor": signs.visitor_key.hex() if signs.visitor_key else None,
        "coupon_codes": [code.code for code in signs.codes],
    }
    return {name: value for name, value in named.items() if value}


def join_visitors(program_id: UUID, written: Sequence[tuple[OrderRecord, Signs]]) -> None:
    """A visitor who orders turns out to be the customer, so that his other clicks count for later orders as well."""
    joins = [
        (key, order.customer_id, "order")
        for order, signs in written
        if order.customer_id
        for key in _visitors(program_id, signs)
    ]
    if joins:
        clicks.join_visitors(program_id, joins)


def _visitors(program_id: UUID, signs: Signs) -> set[bytes]:
    click = clicks.open_token(program_id, signs.click_id) if signs.click_id else None
    keys = {signs.visitor_key, click.visitor_key if click else None}
    return {key for key in keys if key}
