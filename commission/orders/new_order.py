"""An order as a shop sends it, checked and typed: what intake works on. Amounts in minor units of `currency`.

The marshmallow shapes in `schemas` are the contract and give the errors; these types are the fast way in, and accept
nothing that the shapes refuse (a test holds the two together).
"""

import hashlib
from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from core.http.fields import AwareDatetime
from core.money import MAX_AMOUNT

MAX_LINES = 5_000
MAX_QUANTITY = 10**9
MAX_CODES = 20
MAX_SUB_IDS = 5

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Link = Annotated[str, Meta(min_length=1, max_length=2000)]
Money = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
Units = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
Code = Annotated[str, Meta(min_length=1, max_length=64)]
Codes = Annotated[list[Code], Meta(max_length=MAX_CODES)]
Moment = AwareDatetime
Currency = Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]


class NewLine(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One line; lines of an order are told apart by (sku, unit_price)."""

    sku: Word
    quantity: Units
    unit_price: Money
    discount: Money = 0
    category: Word | None = None
    name: Word | None = None
    supply_price: Money | None = None
    product_url: Link | None = None
    image_url: Link | None = None


class ToldDiscount(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """What the shop has already taken off for a code."""

    code: Code
    amount: Money


class OrderContent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an order has always had. Neither names nor places may change: the hash of stored orders is over them."""

    external_id: Word
    currency: Currency
    paid_at: Moment | None
    items: Annotated[list[NewLine], Meta(min_length=1, max_length=MAX_LINES)]
    customer_external_id: Word | None = None
    placed_at: Moment | None = None
    shipping: Money = 0
    tax: Money = 0
    discount: Money = 0
    channel: Word | None = None
    store_external_id: Word | None = None
    group_id: Word | None = None
    content_id: Word | None = None
    session_id: Word | None = None
    attributes: dict[str, Any] = {}


class NewOrder(OrderContent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One order; `paid_at` None: placed, not paid yet. Codes are upper case."""

    coupon_codes: Codes = []
    coupon_policy: Literal["redeem", "record"] = "redeem"
    coupon_discounts: Annotated[list[ToldDiscount], Meta(max_length=MAX_CODES)] | None = None
    click_id: Word | None = None
    link_code: Code | None = None
    visitor_id: Word | None = None
    sub_ids: Annotated[list[Word], Meta(max_length=MAX_SUB_IDS)] = []


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_content_of = attrgetter(*OrderContent.__struct_fields__)
_added_of = attrgetter(*NewOrder.__struct_fields__[len(OrderContent.__struct_fields__) :])
_NOTHING_ADDED: tuple[Any, ...] = ([], "redeem", None, None, None, None, [])


def request_hash(order: NewOrder) -> bytes:
    """SHA-256 of the content after defaults: tells a repeat from a clash.

    What orders have not always had counts only where it is given, so that repeats of older orders are still known.
    """
    content = OrderContent(**dict(zip(OrderContent.__struct_fields__, _content_of(order), strict=True)))
    digest = hashlib.sha256(_encoder.encode(content))
    added = _added_of(order)
    if added != _NOTHING_ADDED:
        digest.update(_encoder.encode(added))
    return digest.digest()


def plain_code(text: str) -> str:
    """A coupon's code as coupons keep it, however somebody typed it."""
    return text.strip().upper()


def told_faults(policy: str, told: Sequence[str] | None) -> dict[str, Any]:
    """What is wrong with the codes of `coupon_discounts`, as marshmallow tells it: by field and position."""
    if policy == "redeem":
        return {} if told is None else {"coupon_discounts": ["Only with coupon_policy record."]}
    if told is None:
        return {"coupon_discounts": ["Needed with coupon_policy record; [] where no code took anything off."]}
    seen: set[str] = set()
    again = [place for place, code in enumerate(told) if code in seen or seen.add(code)]  # type: ignore[func-returns-value]
    return {"coupon_discounts": {place: {"code": ["Named before."]} for place in again}} if again else {}
