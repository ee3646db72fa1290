"""Refunds over HTTP: of the order in the path, and many at once."""

from typing import Any

from flask import Blueprint

from commission.orders import lifecycle, queries
from commission.orders.errors import OrderNotFound
from commission.orders.refunds import NewRefund, Refunded, refund_orders
from commission.orders.schemas import NewRefund as NewRefundBody
from commission.orders.schemas import OrderBatchResults, RefundBatchBody, RefundShape
from commission.orders.shapes import refund_shape
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.schemas import batch_error
from core.ids import parse_ref, public_id

blueprint = Blueprint("refunds", __name__)


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
@endpoint("orders:write", summary="Refund up to 1000 times", body=RefundBatchBody, answer=OrderBatchResults)
def refund_batch(actor: Actor, body: dict[str, Any]) -> Any:
    refunds = body["refunds"]
    known = queries.known_orders(actor.program_id, [refund["order_external_id"] for refund in refunds])
    wanted = [
        _refund(known[refund["order_external_id"]].id, refund)
        for refund in refunds
        if refund["order_external_id"] in known
    ]
    results = iter(refund_orders(actor.program, wanted))
    return {
        "results": [
            _result(
                refund["external_id"],
                next(results) if refund["order_external_id"] in known else Refunded(None, error=OrderNotFound()),
            )
            for refund in refunds
        ]
    }


def _refund(order_id: Any, body: dict[str, Any]) -> NewRefund:
    return NewRefund(
        order_id, body["external_id"], body["refunded_at"], body["reason"], body.get("items"), body.get("amount")
    )


def _result(external_id: str, result: Refunded) -> dict[str, Any]:
    return {
        "external_id": external_id,
        "status": "error" if result.error else "created" if result.created else "exists",
        "id": public_id("ref", result.refund.id) if result.refund else None,
        "error": batch_error(result.error) if result.error else None,
    }
