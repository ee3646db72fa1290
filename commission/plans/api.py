"""Commission plans over HTTP."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.plans import queries, service
from commission.plans.errors import PlanNotFound
from commission.plans.schemas import NewPlan, PlanShape, plan_shape
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref

blueprint = Blueprint("plans", __name__)


@blueprint.post("/v1/plans")
@endpoint("plans:write", summary="Publish a commission plan", body=NewPlan, answer=PlanShape, status=201)
def publish_plan(actor: Actor, body: dict[str, Any]) -> Any:
    name, effective_from = body.pop("name"), body.pop("effective_from")
    return plan_shape(service.publish_plan(actor, name, effective_from, body))


@blueprint.get("/v1/plans")
@endpoint("plans:read", summary="Commission plans, newest first", query=Page, answer=PlanShape, paged=True)
def list_plans(actor: Actor, query: dict[str, Any]) -> Any:
    rows = queries.plans(actor.program_id, id_cursor(query["cursor"]), query["limit"] + 1)
    return page(rows, query["limit"], plan_shape, lambda row: [str(row.id)])


@blueprint.get("/v1/plans/<ref:ref>")
@endpoint("plans:read", summary="One commission plan", answer=PlanShape)
def show_plan(actor: Actor, ref: str) -> Any:
    return plan_shape(service.plan_of(actor.program_id, _plan_id(ref)))


@blueprint.post("/v1/plans/<ref:ref>/retire")
@endpoint("plans:write", summary="Use a plan for no further orders", answer=PlanShape)
def retire_plan(actor: Actor, ref: str) -> Any:
    return plan_shape(service.retire_plan(actor.program_id, _plan_id(ref)))


def _plan_id(ref: str) -> UUID:
    value = parse_ref("pln", ref)
    if not isinstance(value, UUID):
        raise PlanNotFound()
    return value
