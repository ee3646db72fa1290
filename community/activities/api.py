"""Activities over HTTP: made, changed, approved, canceled, shown."""

from typing import Any

from flask import Blueprint

from community.activities import definitions, engagement_api, joining_api, me_api, queries
from community.activities.budgets import budgets_of
from community.activities.queries import Activity
from community.activities.schemas import (
    ActivityChange,
    ActivityQuery,
    ActivityShape,
    CancelBody,
    NewActivity,
    WholeActivityShape,
)  # fmt: skip
from community.activities.shapes import ACTIVITY, activity_shape, progress_shape
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.ids import parse_ref

blueprint = Blueprint("activities", __name__)
blueprints = (blueprint, joining_api.blueprint, me_api.blueprint, engagement_api.blueprint)


@blueprint.post("/v1/activities")
@endpoint(
    "activities:write", summary="Make an activity", body=NewActivity, answer=WholeActivityShape, status=201,
    also=(200,), refuses=("already_exists",),
    description="It begins and is settled by itself. Kind, goal, reward, budget and guard never change. One with a "
    "budget in money stays a draft until another person of finance approves it.",
)  # fmt: skip
def create_activity(actor: Actor, body: dict[str, Any]) -> Any:
    activity, is_new = definitions.create_activity(actor, body)
    return _whole(actor, activity), 201 if is_new else 200


@blueprint.get("/v1/activities")
@endpoint("activities:read", summary="Activities, newest first", query=ActivityQuery, answer=ActivityShape, paged=True)
def list_activities(actor: Actor, query: dict[str, Any]) -> Any:
    limit = query.pop("limit")
    given = {name: value for name, value in query.items() if value is not None}
    if "cursor" in given:
        given["before"] = id_cursor(given.pop("cursor"))
    found = queries.activities_where(actor.program_id, given, limit + 1)
    budgets = budgets_of(actor.program_id, [one.id for one in found])
    return page(found, limit, lambda one: activity_shape(one, budgets.get(one.id)), lambda one: [str(one.id)])


@blueprint.get("/v1/activities/<ref:ref>")
@endpoint("activities:read", summary="One activity with its progress", answer=WholeActivityShape)
def show_activity(actor: Actor, ref: str) -> Any:
    return _whole(actor, definitions.activity_of(actor.program_id, parse_ref(ACTIVITY, ref)))


@blueprint.patch("/v1/activities/<ref:ref>")
@endpoint(
    "activities:write", summary="Change an activity's words, groups, limits or window", body=ActivityChange,
    answer=WholeActivityShape, refuses=("wrong_state",),
    description="Until it has ended. What it promises (goal, reward, budget, guard) never changes (422).",
)  # fmt: skip
def change_activity(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _whole(actor, definitions.change_activity(actor, parse_ref(ACTIVITY, ref), body))


@blueprint.post("/v1/activities/<ref:ref>/cancel")
@endpoint(
    "activities:write", summary="Cancel an activity", body=CancelBody, answer=WholeActivityShape,
    refuses=("wrong_state",),
    description="Before it is settled. Open teams are released; what was earned at once stays earned; what is left of "
    "the budget goes back.",
)  # fmt: skip
def cancel_activity(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _whole(actor, definitions.cancel(actor, parse_ref(ACTIVITY, ref), body["reason"]))


@blueprint.post("/v1/activities/<ref:ref>/budget-approval")
@endpoint(
    "budgets:write", summary="Approve the budget of an activity", answer=WholeActivityShape,
    refuses=("same_person", "wrong_state", "no_budget"),
    description="The money is set aside in the ledger, and a published activity is scheduled. Nobody approves the "
    "budget of an activity that he made.",
)  # fmt: skip
def approve_budget(actor: Actor, ref: str) -> Any:
    return _whole(actor, definitions.approve(actor, parse_ref(ACTIVITY, ref)))


def _whole(actor: Actor, activity: Activity) -> dict[str, Any]:
    budget = budgets_of(actor.program_id, [activity.id]).get(activity.id)
    return activity_shape(activity, budget) | {"progress": progress_shape(actor.program_id, activity)}
