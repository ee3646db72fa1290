"""Orders and refunds as JSON, from plain rows. The documented shapes are in `schemas`."""

from typing import Any

from commission.earnings.records import CommissionRecord
from commission.orders.records import LineRecord, OrderRecord, OrderView, RefundRecord
from core.ids import public_id, public_id_or_none


def order_shape(view: OrderView) -> dict[str, Any]:
    order = view.order
    return {
        "id": public_id("ord", order.id),
        "external_id": order.external_id,
        "status": order.status,
        "customer_id": public_id_or_none("mem", order.customer_id),
        "store_id": public_id_or_none("mem", order.store_id),
        "currency": order.currency,
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "completed_at": order.completed_at,
        "canceled_at": order.canceled_at,
        "cancel_reason": order.cancel_reason,
        "after_sale": {"open": order.after_sale_open, "reason": order.after_sale_reason},
        "items": [_line_shape(line) for line in view.lines],
        "subtotal": order.subtotal,
        "discount": order.discount,
        "coupon_discount": order.coupon_discount,
        "coupons": order.coupons,
        "shipping": order.shipping,
        "tax": order.tax,
        "total": order.total,
        "commission_base": order.commission_base,
        "refunded": order.refunded,
        "channel": order.channel,
        "group_id": order.group_id,
        "content_id": order.content_id,
        "session_id": order.session_id,
        "sub_ids": order.sub_ids,
        "campaign_id": order.campaign_id,
        "link_id": public_id_or_none("lnk", order.link_id),
        "attributes": order.attributes,
        "guard_status": order.guard_status,
        "attribution": _attribution_shape(order),
        "commissions": [_commission_shape(commission) for commission in view.commissions],
        "refunds": [refund_shape(refund) for refund in view.refunds],
    }


def _line_shape(line: LineRecord) -> dict[str, Any]:
    return {
        "sku": line.sku,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "discount": line.discount,
        "base": line.base,
        "refunded_quantity": line.refunded_quantity,
        "refunded_amount": line.refunded_amount,
        "category": line.category,
        "name": line.name,
        "supply_price": line.supply_price,
        "product_url": line.product_url,
        "image_url": line.image_url,
    }


def _attribution_shape(order: OrderRecord) -> dict[str, Any]:
    """While the order is not paid nobody has sold it: `none`."""
    return {
        "source": order.attribution_source or "none",
        "member_id": public_id_or_none("mem", order.attributed_member_id),
        "evidence": order.evidence.get("accepted"),
    }


def _commission_shape(commission: CommissionRecord) -> dict[str, Any]:
    return {
        "id": public_id("com", commission.id),
        "member_id": public_id("mem", commission.member_id),
        "level": commission.level,
        "amount": commission.amount,
        "reversed": commission.reversed,
        "status": commission.status,
        "matures_at": commission.matures_at,
        "held": commission.held_reason is not None,
        "held_reason": commission.held_reason,
    }


def refund_shape(refund: RefundRecord) -> dict[str, Any]:
    return {
        "id": public_id("ref", refund.id),
        "external_id": refund.external_id,
        "order_id": public_id("ord", refund.order_id),
        "kind": refund.kind,
        "value": refund.value,
        "items": refund.items.get("items", []),
        "amount": refund.items.get("amount"),
        "reason": refund.reason,
        "refunded_at": refund.refunded_at,
    }


def own_order_shape(view: OrderView) -> dict[str, Any]:
    """An order as its customer sees it: nothing of who earns what."""
    order = view.order
    return {
        "id": public_id("ord", order.id),
        "external_id": order.external_id,
        "status": order.status,
        "currency": order.currency,
        "total": order.total,
        "refunded": order.refunded,
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "completed_at": order.completed_at,
        "canceled_at": order.canceled_at,
        "items": [
            {"sku": line.sku, "name": line.name, "quantity": line.quantity, "unit_price": line.unit_price,
             "refunded_quantity": line.refunded_quantity}
            for line in view.lines
        ],
    }  # fmt: skip
