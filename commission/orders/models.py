"""Tables of orders, their lines and their refunds. Amounts are minor units of the order's currency."""

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amount, Base, Hash, Id, IdKey, Instant, Json, JsonList, ProgramKey, Small, Words


class OrderRow(Base):
    """An order as accepted. Sums and evidence never change; status, instants and refunded sums move."""

    __tablename__ = "orders"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    external_id: Mapped[str]
    request_hash: Mapped[Hash]  # SHA-256 of the content after defaults
    customer_id: Mapped[UUID | None]  # null: a guest
    store_id: Mapped[UUID | None]
    currency: Mapped[str]
    status: Mapped[str]  # placed | paid | completed | canceled
    placed_at: Mapped[Instant | None]
    paid_at: Mapped[Instant | None]
    completed_at: Mapped[Instant | None]
    canceled_at: Mapped[Instant | None]
    cancel_reason: Mapped[str | None]
    after_sale_open: Mapped[bool]
    after_sale_reason: Mapped[str | None]
    subtotal: Mapped[Amount]
    discount: Mapped[Amount]
    coupon_discount: Mapped[Amount]
    shipping: Mapped[Amount]
    tax: Mapped[Amount]
    total: Mapped[Amount]
    commission_base: Mapped[Amount]
    refunded: Mapped[Amount]  # value of all refunds so far, 0 to total
    refunded_extras: Mapped[Amount]  # the part of it that counted against shipping and tax
    channel: Mapped[str | None]
    group_id: Mapped[str | None]
    content_id: Mapped[str | None]
    session_id: Mapped[str | None]
    sub_ids: Mapped[Words]  # up to 5, the shop's own or the link's
    campaign_id: Mapped[str | None]
    link_id: Mapped[UUID | None]  # the link that brought it, whoever it is attributed to
    click_id: Mapped[UUID | None]  # the click by which it is attributed, if one is
    coupons: Mapped[JsonList]  # [{code, coupon_id, amount, lines, recorded}] in the order named; lines by position
    named: Mapped[Json]  # the evidence the shop named: click_id, link_code, visitor, coupon_codes
    attributes: Mapped[Json]
    plan_id: Mapped[UUID | None]  # the version used; null: none in effect, or not paid
    settings_version: Mapped[int | None]  # the program's settings when it was accepted as paid
    attribution_source: Mapped[str | None]  # coupon | click | binding | staff | none; null: not paid
    attributed_member_id: Mapped[UUID | None]
    attribution_version: Mapped[Small]  # 1, and one more for every re-attribution
    guard_status: Mapped[str]  # clear | flagged | held | released | rejected
    evidence: Mapped[Json]  # made by acceptance: what was found, refused, and who stood above
    created_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "customer_id"], ["members.program_id", "members.id"], name="fk_orders_customer"
        ),
        ForeignKeyConstraint(["program_id", "plan_id"], ["plans.program_id", "plans.id"], name="fk_orders_plan"),
        Index("uq_orders_external_id", "program_id", "external_id", unique=True),
        Index("ix_orders_customer", "program_id", "customer_id", "id"),
        Index("ix_orders_attributed_member", "program_id", "attributed_member_id", "id"),
    )


class FirstOrderRow(Base):
    """The first order of each customer that was accepted as paid. The key lets only one be it; never changes."""

    __tablename__ = "first_orders"

    program_id: Mapped[ProgramKey]
    customer_id: Mapped[IdKey]
    order_id: Mapped[Id]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_first_orders_order"
        ),
    )


class OrderLineRow(Base):
    """One line. `base` is what commissions are of; the refunded columns grow with refunds."""

    __tablename__ = "order_lines"

    program_id: Mapped[ProgramKey]
    order_id: Mapped[IdKey]
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    sku: Mapped[str]
    quantity: Mapped[Amount]
    unit_price: Mapped[Amount]
    discount: Mapped[Amount]
    base: Mapped[Amount]
    refunded_quantity: Mapped[Amount]
    refunded_amount: Mapped[Amount]  # its share of refunds by amount
    category: Mapped[str | None]
    name: Mapped[str | None]
    supply_price: Mapped[int | None] = mapped_column(BigInteger)
    product_url: Mapped[str | None]
    image_url: Mapped[str | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_order_lines_order"
        ),
    )


class RefundRow(Base):
    """A refund as accepted; never changes."""

    __tablename__ = "refunds"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    order_id: Mapped[Id]
    external_id: Mapped[str | None]  # null: a cancel
    request_hash: Mapped[Hash]
    kind: Mapped[str]  # items | amount | cancel
    value: Mapped[Amount]  # minor units taken from what the order is worth
    extras: Mapped[Amount]  # the part of it that counted against shipping and tax
    items: Mapped[Json]  # {"items": [{sku, unit_price, quantity}]} or {"amount": …}
    reason: Mapped[str | None]
    refunded_at: Mapped[Instant]
    created_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_refunds_order"),
        Index("uq_refunds_external_id", "program_id", "external_id", unique=True),
        Index("ix_refunds_order", "program_id", "order_id", "id"),
    )


class OrderAttributionRow(Base):
    """One re-attribution of an order: what stood before it, what after, who decided and why. Never changes."""

    __tablename__ = "order_attributions"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]  # also names the reversals it made
    order_id: Mapped[Id]
    version: Mapped[Small]  # of the order's attribution after it; the first acceptance is 1
    source_before: Mapped[str]
    member_before: Mapped[UUID | None]
    evidence_before: Mapped[Json]
    member_after: Mapped[UUID | None]
    reason: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    created_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_order_attributions_order"
        ),
        Index("uq_order_attributions_version", "program_id", "order_id", "version", unique=True),
    )
