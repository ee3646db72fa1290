"""An order as a shop sends it, checked and typed: what intake works on. Amounts in minor units of `currency`.

The marshmallow shapes in `schemas` are the contract and give the errors; these types are the fast way in, and accept
nothing that the shapes refuse (a test holds the two together).
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

from core.http.fields import AwareDatetime
from core.money import MAX_AMOUNT

MAX_LINES = 5_000
MAX_QUANTITY = 10**9

Word = Annotated[str, Meta(min_length=1, max_length=200)]
Link = Annotated[str, Meta(min_length=1, max_length=2000)]
Money = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
Units = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
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


class NewOrder(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One order; `paid_at` None: placed, not paid yet."""

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
