"""A member's own orders, and why his own commissions are what they are."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.earnings import service as earnings
from commission.orders import queries
from commission.orders.errors import OrderNotFound
from commission.orders.explanation import own_explanation
from commission.orders.schemas import OwnExplanationShape, OwnOrderShape
from commission.orders.shapes import own_order_shape
from core.auth.access import ME
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref

blueprint = Blueprint("me_orders", __name__)


@blueprint.get("/v1/me/orders")
@endpoint(ME, summary="My own purchases, newest first", query=Page, answer=OwnOrderShape, paged=True)
def my_orders(actor: Actor, query: dict[str, Any]) -> Any:
    limit = query["limit"]
    own = queries.OrderFilter(customer_id=actor.id)
    ids = queries.order_ids(actor.program_id, own, id_cursor(query["cursor"]), limit + 1)
    answer = page(ids, limit, lambda order_id: order_id, lambda order_id: [str(order_id)])
    answer["data"] = [own_order_shape(view) for view in queries.views_of(actor.program_id, answer["data"])]
    return answer


@blueprint.get("/v1/me/commissions/<ref>/explanation")
@endpoint(ME, summary="Why a commission of mine is what it is", answer=OwnExplanationShape)
def my_explanation(actor: Actor, ref: str) -> Any:
    commission_id = parse_ref("com", ref)
    if not isinstance(commission_id, UUID):
        raise OrderNotFound()
    order_id = earnings.order_of_commission(actor.program_id, actor.id, commission_id)
    if order_id is None:
        raise OrderNotFound()
    return own_explanation(actor.program_id, actor.id, order_id)
