"""Coupons and codes as the quote rules take them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from coupons.vouchers.rules import CodeKind, Line, Presented, Terms

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
_PLAIN: dict[str, Any] = {
    "kind": "amount", "amount": None, "percent_bps": None, "min_spend": 0, "max_discount": None, "skus": None,
    "categories": None, "stackable": True, "valid_from": None, "valid_to": None, "status": "active",
    "total_quantity": None, "per_customer_limit": None, "give_back": "cancel_or_full_refund",
    "claim_valid_seconds": None,
}  # fmt: skip


def amount_off(amount: int, **changes: Any) -> Terms:
    return Terms(**{"id": uuid4()} | _PLAIN | {"kind": "amount", "amount": amount} | changes)


def percent_off(percent_bps: int, **changes: Any) -> Terms:
    return Terms(**{"id": uuid4()} | _PLAIN | {"kind": "percent", "percent_bps": percent_bps} | changes)


def presented(code: str, coupon: Terms, **changes: Any) -> Presented:
    known: dict[str, Any] = {"code": code, "code_id": uuid4(), "coupon": coupon, "kind": CodeKind.SHARED}
    return Presented(**known | changes)


def lines_of(*nets: int) -> list[Line]:
    """Lines of skus a, b, c …; the category is the sku in capitals."""
    return [Line(chr(ord("a") + place), chr(ord("A") + place), net) for place, net in enumerate(nets)]


def id_of(number: int) -> UUID:
    return UUID(int=number)
