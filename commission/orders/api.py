"""Orders over HTTP. One order and a batch take the same path."""

from typing import Any

from flask import Blueprint

from commission.orders import lifecycle, me_api, queries, refunds_api
from commission.orders.batches import Item, ItemsLoader
from commission.orders.errors import OrderNotFound
from commission.orders.explanation import explanation_of
from commission.orders.intake import Outcome, Placed, place_orders
from commission.orders.lifecycle import Completion
from commission.orders.loading import Loaded, OrderBatchLoader, OrderLoader
from commission.orders.new_order import NewOrder
from commission.orders.quote_schemas import QuoteBody, QuoteShape
from commission.orders.quotes import QuoteItem, quote
from commission.orders.reattribution import reattribute
from commission.orders.schemas import (
    MAX_BATCH,
    AfterSaleBody,
    AttributionBody,
    BatchCompletion,
    CancelBody,
    CompleteBatchBody,
    CompleteBody,
    ExplanationShape,
    OrderBatchResults,
    OrderQuery,
    OrderShape,
    PayBody,
)  # fmt: skip
from commission.orders.shapes import order_shape
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import batch_error
from core.ids import parse_ref, public_id_or_none

blueprint = Blueprint("orders", __name__)
blueprints = (blueprint, me_api.blueprint, refunds_api.blueprint)
_COMPLETIONS = ItemsLoader(CompleteBatchBody, "orders", BatchCompletion, MAX_BATCH)


@blueprint.post("/v1/orders")
@endpoint(
    "orders:write", summary="Accept an order", body=OrderLoader(), answer=OrderShape, status=201, also=(200,),
    refuses=("already_exists", "coupon_refused"),
    description="Coupon codes are redeemed with it, or refused with the reason of each; with `coupon_policy` record "
    "the shop has given the discounts and they are taken as told. Codes, click, link and visitor speak for who sold "
    "it; where the order names no channel, group, content, session or sub-ids, those of its link are taken over.",
)  # fmt: skip
def create_order(actor: Actor, body: NewOrder) -> Any:
    (placed,) = place_orders(actor.program, [body])
    if placed.error:
        raise placed.error
    if placed.view:
        return order_shape(placed.view), 201
    return _shown(actor, placed.order_id), 200


@blueprint.post("/v1/orders/batch")
@endpoint("orders:write", summary="Accept up to 500 orders", body=OrderBatchLoader(), answer=OrderBatchResults)
def create_orders(actor: Actor, body: list[Loaded]) -> Any:
    placed = iter(place_orders(actor.program, [item.order for item in body if item.order]))
    return {"results": [_result(item, next(placed) if item.order else None) for item in body]}


def _result(item: Loaded, placed: Placed | None) -> dict[str, Any]:
    error = item.refused or (placed and placed.error)
    order_id = placed.order_id if placed else None
    return {
        "external_id": item.external_id,
        "status": placed.outcome.value if placed else Outcome.ERROR.value,
        "id": public_id_or_none("ord", order_id),
        "error": batch_error(error) if error else None,
    }


@blueprint.get("/v1/orders")
@endpoint("orders:read", summary="Orders, newest first", query=OrderQuery, answer=OrderShape, paged=True)
def list_orders(actor: Actor, query: dict[str, Any]) -> Any:
    limit, after = query.pop("limit"), id_cursor(query.pop("cursor"))
    ids = queries.order_ids(actor.program_id, queries.OrderFilter(**query), after, limit + 1)
    answer = page(ids, limit, lambda order_id: order_id, lambda order_id: [str(order_id)])
    answer["data"] = [order_shape(view) for view in queries.views_of(actor.program_id, answer["data"])]
    return answer


@blueprint.get("/v1/orders/<ref:ref>")
@endpoint("orders:read", summary="One order", answer=OrderShape)
def show_order(actor: Actor, ref: str) -> Any:
    return _shown(actor, lifecycle.order_id_of(actor.program_id, parse_ref("ord", ref)))


@blueprint.get("/v1/orders/<ref:ref>/explanation")
@endpoint("orders:read", summary="Why the order pays what it pays", answer=ExplanationShape)
def explain_order(actor: Actor, ref: str) -> Any:
    return explanation_of(actor.program_id, lifecycle.order_id_of(actor.program_id, parse_ref("ord", ref)))


@blueprint.post("/v1/orders/<ref:ref>/pay")
@endpoint("orders:write", summary="The order is paid", body=PayBody, answer=OrderShape, refuses=("wrong_state",))
def pay_order(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    order_id = lifecycle.order_id_of(actor.program_id, parse_ref("ord", ref))
    lifecycle.pay_order(actor.program, order_id, body["paid_at"])
    return _shown(actor, order_id)


@blueprint.post("/v1/orders/<ref:ref>/complete")
@endpoint(
    "orders:write", summary="The order is completed", body=CompleteBody, answer=OrderShape, refuses=("wrong_state",)
)
def complete_order(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    order_id = lifecycle.order_id_of(actor.program_id, parse_ref("ord", ref))
    lifecycle.complete_order(actor.program, order_id, body["completed_at"])
    return _shown(actor, order_id)


@blueprint.post("/v1/orders/complete-batch")
@endpoint("orders:write", summary="Complete up to 1000 orders", body=_COMPLETIONS, answer=OrderBatchResults)
def complete_orders(actor: Actor, body: list[Item]) -> Any:
    wanted = [(item.content["external_id"], item.content["completed_at"]) for item in body if item.content]
    done = iter(lifecycle.complete_orders(actor.program, wanted))
    fates = [next(done) if item.content else Completion(None, item.refused) for item in body]
    return {"results": [_completion(item.external_id, fate) for item, fate in zip(body, fates, strict=True)]}


def _completion(external_id: str | None, fate: Completion) -> dict[str, Any]:
    return {
        "external_id": external_id,
        "status": "error" if fate.refused else "exists" if fate.was_so else "created",
        "id": public_id_or_none("ord", fate.order_id),
        "error": batch_error(fate.refused) if fate.refused else None,
    }


@blueprint.post("/v1/orders/<ref:ref>/cancel")
@endpoint("orders:write", summary="Cancel the order", body=CancelBody, answer=OrderShape, refuses=("wrong_state",))
def cancel_order(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    order_id = lifecycle.order_id_of(actor.program_id, parse_ref("ord", ref))
    lifecycle.cancel_order(actor.program, order_id, body["canceled_at"], body["reason"])
    return _shown(actor, order_id)


@blueprint.put("/v1/orders/<ref:ref>/after-sale")
@endpoint("orders:write", summary="Open or close an after-sale case", body=AfterSaleBody, answer=OrderShape)
def set_after_sale(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    order_id = lifecycle.order_id_of(actor.program_id, parse_ref("ord", ref))
    lifecycle.set_after_sale(actor.program, order_id, body["open"], body["reason"])
    return _shown(actor, order_id)


@blueprint.post("/v1/orders/<ref:ref>/attribution")
@endpoint(
    "attribution:write", summary="Attribute the order anew", body=AttributionBody, answer=OrderShape,
    refuses=("wrong_state", "order_held", "member_not_payable"),
    description="Staff answer for it with a reason. What the old members keep is reversed, what the new ones earn is "
    "accrued under the plan and the settings of then; `member_id` null attributes it to nobody.",
)  # fmt: skip
def reattribute_order(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    order_id = lifecycle.order_id_of(actor.program_id, parse_ref("ord", ref))
    reattribute(actor, order_id, body["member_id"], body["reason"])
    return _shown(actor, order_id)


@blueprint.post("/v1/commission-quotes")
@endpoint("orders:read", summary="What a sale would earn each level", body=QuoteBody, answer=QuoteShape)
def quote_commissions(actor: Actor, body: dict[str, Any]) -> Any:
    items = [QuoteItem(**item) for item in body["items"]]
    return quote(
        actor.program, items, member_id=body["member_id"], customer_external_id=body["customer_external_id"],
        channel=body["channel"],
    )  # fmt: skip


def _shown(actor: Actor, order_id: Any) -> dict[str, Any]:
    views = queries.views_of(actor.program_id, [order_id])
    if not views:
        raise OrderNotFound()
    return order_shape(views[0])
