"""Refunds over HTTP: of the order in the path, and many at once."""

from typing import Any

from flask import Blueprint

from commission.orders import lifecycle, queries
from commission.orders.batches import Item, ItemsLoader
from commission.orders.errors import OrderNotFound
from commission.orders.refund_schemas import MAX_BATCH, NewBatchRefund, RefundBatchBody, RefundShape
from commission.orders.refund_schemas import NewRefund as NewRefundBody
from commission.orders.refunds import NewRefund, Refunded, refund_orders
from commission.orders.schemas import OrderBatchResults
from commission.orders.shapes import refund_shape
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.schemas import batch_error
from core.ids import parse_ref, public_id

blueprint = Blueprint("refunds", __name__)
_BATCH = ItemsLoader(RefundBatchBody, "refunds", NewBatchRefund, MAX_BATCH)


@blueprint.post("/v1/orders/<ref:ref>/refunds")
@endpoint(
    "orders:write", summary="Refund units of lines, or an amount", body=NewRefundBody, answer=RefundShape, status=201,
    also=(200,), refuses=("refund_exceeds_order", "already_exists", "wrong_state"),
)  # fmt: skip
def refund_order(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    order_id = lifecycle.order_id_of(actor.program_id, parse_ref("ord", ref))
    (result,) = refund_orders(actor.program, [_refund(order_id, body)])
    if result.error or result.refund is None:
        raise result.error or OrderNotFound()
    return refund_shape(result.refund), 201 if result.created else 200


@blueprint.post("/v1/refunds/batch")
@endpoint("orders:write", summary="Refund up to 1000 times", body=_BATCH, answer=OrderBatchResults)
def refund_batch(actor: Actor, body: list[Item]) -> Any:
    named = [item.content["order_external_id"] for item in body if item.content]
    known = queries.known_orders(actor.program_id, named)
    wanted: dict[int, NewRefund] = {}
    fates: dict[int, Refunded] = {}
    for number, item in enumerate(body):
        order = known.get(item.content["order_external_id"]) if item.content else None
        if item.content and order:
            wanted[number] = _refund(order.id, item.content)
        else:
            fates[number] = Refunded(None, error=item.refused or OrderNotFound())
    fates |= zip(wanted, refund_orders(actor.program, list(wanted.values())), strict=True)
    return {"results": [_result(item.external_id, fates[number]) for number, item in enumerate(body)]}


def _refund(order_id: Any, body: dict[str, Any]) -> NewRefund:
    return NewRefund(
        order_id, body["external_id"], body["refunded_at"], body["reason"], body.get("items"), body.get("amount")
    )


def _result(external_id: str | None, result: Refunded) -> dict[str, Any]:
    return {
        "external_id": external_id,
        "status": "error" if result.error else "created" if result.created else "exists",
        "id": public_id("ref", result.refund.id) if result.refund else None,
        "error": batch_error(result.error) if result.error else None,
    }
