"""Signals over HTTP: what looks wrong, and what staff decide about it."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.guard import queries, service
from commission.guard.errors import SignalNotFound
from commission.guard.queries import SignalFilter
from commission.guard.schemas import GuardDecisionBody, GuardedShape, SignalQuery, SignalShape, signal_shape
from commission.orders import service as orders
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.ids import parse_ref, public_id

blueprint = Blueprint("guard", __name__)


@blueprint.get("/v1/guard-signals")
@endpoint(
    "guard:read", summary="Signals, newest first", query=SignalQuery, answer=SignalShape, paged=True,
    description="Open ones hold the commissions of their order until somebody decides; the others are noted only. What "
    "only flags is found up to 30 s after the order.",
)  # fmt: skip
def list_signals(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query.pop("limit"), id_cursor(query.pop("cursor"))
    rows = queries.signals(actor.program_id, SignalFilter(**query), before, limit + 1)
    return page(rows, limit, signal_shape, lambda row: [str(row.id)])


@blueprint.get("/v1/guard-signals/<ref>")
@endpoint("guard:read", summary="One signal", answer=SignalShape)
def show_signal(actor: Actor, ref: str) -> Any:
    signal_id = parse_ref("sig", ref)
    if not isinstance(signal_id, UUID):
        raise SignalNotFound()
    return signal_shape(service.signal_of(actor.program_id, signal_id))


@blueprint.post("/v1/orders/<ref:ref>/guard-decision")
@endpoint(
    "guard:write", summary="Release or reject an order the guard holds", body=GuardDecisionBody, answer=GuardedShape,
    refuses=("nothing_to_decide",),
    description="Released: its commissions mature as others do. Rejected: they are reversed and nobody earns by it.",
)  # fmt: skip
def decide_order(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    order_id = orders.order_id_of(actor.program_id, parse_ref("ord", ref))
    status = service.decide_order(actor, order_id, body["action"], body["reason"])
    return {"id": public_id("ord", order_id), "guard_status": status}
