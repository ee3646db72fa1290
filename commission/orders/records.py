"""Rows of orders as plain tuples, field by field as the tables have them. Written by intake, read by queries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from commission.earnings.records import CommissionRecord
from commission.plans.rules import OrderLines


class OrderRecord(NamedTuple):
    """One row of `orders` without program_id."""

    id: UUID
    external_id: str
    request_hash: bytes
    customer_id: UUID | None
    store_id: UUID | None
    currency: str
    status: str
    placed_at: datetime | None
    paid_at: datetime | None
    completed_at: datetime | None
    canceled_at: datetime | None
    cancel_reason: str | None
    after_sale_open: bool
    after_sale_reason: str | None
    subtotal: int
    discount: int
    coupon_discount: int
    shipping: int
    tax: int
    total: int
    commission_base: int
    refunded: int
    refunded_extras: int
    channel: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    sub_ids: list[str]
    campaign_id: str | None
    link_id: UUID | None
    click_id: UUID | None
    coupons: list[dict[str, Any]]
    named: dict[str, Any]
    attributes: dict[str, Any]
    plan_id: UUID | None
    settings_version: int | None
    attribution_source: str | None
    attributed_member_id: UUID | None
    attribution_version: int
    guard_status: str
    evidence: dict[str, Any]
    created_at: datetime

    @property
    def extras_left(self) -> int:
        """What is left of shipping and tax."""
        return self.shipping + self.tax - self.refunded_extras


class LineRecord(NamedTuple):
    """One row of `order_lines` without program_id."""

    order_id: UUID
    position: int
    sku: str
    quantity: int
    unit_price: int
    discount: int
    base: int
    refunded_quantity: int
    refunded_amount: int
    category: str | None
    name: str | None
    supply_price: int | None
    product_url: str | None
    image_url: str | None


def earning_lines(lines: Sequence[LineRecord]) -> OrderLines:
    """Stored lines as far as commissions depend on them."""
    return OrderLines(
        skus=[line.sku for line in lines],
        categories=[line.category for line in lines],
        quantities=[line.quantity for line in lines],
        bases=[line.base for line in lines],
    )


class RefundRecord(NamedTuple):
    """One row of `refunds` without program_id."""

    id: UUID
    order_id: UUID
    external_id: str | None
    request_hash: bytes
    kind: str
    value: int
    extras: int
    items: dict[str, Any]
    reason: str | None
    refunded_at: datetime
    created_at: datetime


class OrderView(NamedTuple):
    """An order with all that is shown of it."""

    order: OrderRecord
    lines: list[LineRecord]
    commissions: list[CommissionRecord]
    refunds: list[RefundRecord]
