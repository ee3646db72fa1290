"""Points over HTTP: rules, members' points, adjustments by hand."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from community.points import adjustments, me_api, rewards_api, rule_versions, statements
from community.points.rules_schemas import PointRulesBody, PointRulesShape, point_rules, rules_shape
from community.points.schemas import (
    MovementShape,
    NewPointAdjustment,
    PointAdjustmentShape,
    PointsShape,
    adjustment_shape,
    movement_shape,
    points_shape,
)
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref
from referral.members import service as members

blueprint = Blueprint("points", __name__)
blueprints = (blueprint, rewards_api.blueprint, me_api.blueprint)


@blueprint.get("/v1/point-rules")
@endpoint("points:read", summary="The rules of points that hold now", answer=PointRulesShape)
def show_point_rules(actor: Actor) -> Any:
    return rules_shape(rule_versions.current(actor.program_id))


@blueprint.put("/v1/point-rules")
@endpoint(
    "points:write", summary="Let other rules hold from now on", body=PointRulesBody, answer=PointRulesShape,
    description="Replaces all of them: what is left out is at its default. Each change is a version; an order is "
    "counted by the version of the moment it was accepted as paid or completed. An order earns floor(Σ line base × "
    "category multiplier × grade multiplier × member day multiplier × points / per_amount).",
)  # fmt: skip
def change_point_rules(actor: Actor, body: dict[str, Any]) -> Any:
    return rules_shape(rule_versions.change_rules(actor, point_rules(body)))


@blueprint.get("/v1/members/<ref:ref>/points")
@endpoint("points:read", summary="A member's points, and what expires soon", answer=PointsShape)
def show_points(actor: Actor, ref: str) -> Any:
    member_id = _member_id(actor, ref)
    return points_shape(member_id, statements.overview_of(actor.program, member_id))


@blueprint.get("/v1/members/<ref:ref>/points/statement")
@endpoint(
    "points:read", summary="Every movement of a member's points, newest first", query=Page, answer=MovementShape,
    paged=True,
)  # fmt: skip
def show_points_statement(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    limit = query["limit"]
    rows = statements.movements_of(actor.program_id, _member_id(actor, ref), id_cursor(query["cursor"]), limit + 1)
    return page(rows, limit, movement_shape, lambda row: [str(row.transaction_id)])


@blueprint.post("/v1/members/<ref:ref>/point-adjustments")
@endpoint(
    "points:write", summary="Give a member points, or take some", body=NewPointAdjustment,
    answer=PointAdjustmentShape, status=201, refuses=("member_erased",),
    description="What is taken comes from the points that expire first; what is lacking becomes debt. Each call is "
    "another adjustment: send an Idempotency-Key where it may be repeated.",
)  # fmt: skip
def adjust_points(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    made = adjustments.adjust(actor, parse_ref("mem", ref), body["amount"], body["reason"], body["expires_on"])
    return adjustment_shape(made)


def _member_id(actor: Actor, ref: str) -> UUID:
    return members.member_id_of(actor.program_id, parse_ref("mem", ref))
