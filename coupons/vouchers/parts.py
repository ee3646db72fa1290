"""What one code means for the counts: of its coupon's quantity, and of what its customer has. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID


class Part(NamedTuple):
    """One code as an order, a reservation or a claim has it, and which counts it is in."""

    code_id: UUID
    coupon_id: UUID
    kind: str
    customer_id: UUID | None
    limited: bool  # the coupon has a quantity
    counted: bool  # the coupon limits each customer


def pairs_of(parts: Iterable[Part]) -> Counter[tuple[UUID, UUID]]:
    """How many of them each customer has, by coupon and customer, of coupons that limit it."""
    return Counter((part.coupon_id, part.customer_id) for part in parts if part.counted and part.customer_id)


def units_of(parts: Iterable[Part]) -> Counter[UUID]:
    """How many units of each coupon's quantity they are."""
    return Counter(part.coupon_id for part in parts if part.limited)
