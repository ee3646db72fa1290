"""A member's own activities: what is on, what he has done, and taking part."""

from typing import Any

from flask import Blueprint

from community.activities import queries
from community.activities.definitions import activity_of
from community.activities.errors import ActivityNotFound
from community.activities.joining_api import REFUSES, wish_of
from community.activities.joining_schemas import (
    MyActivityQuery,
    MyActivityShape,
    MyParticipationBody,
    MyParticipationShape,
    MyWholeActivityShape,
)  # fmt: skip
from community.activities.metrics import PARTICIPATIONS
from community.activities.queries import Activity, Part
from community.activities.rules import Kind, Status, Took, longest_streak, shows_results, streak_to
from community.activities.shapes import ACTIVITY, my_activity_shape, my_part_shape, team_shapes, votes_shape
from community.activities.taking_part import take_part
from core.auth.access import ME
from core.auth.actor import Actor
from core.clock import day_of, now
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.ids import parse_ref

blueprint = Blueprint("my_activities", __name__)

_SHOWN = (Status.SCHEDULED, Status.RUNNING, Status.SETTLING, Status.SETTLED)
_MOST = 400  # participations of one member in one activity that are looked at


@blueprint.post("/v1/me/activity-participations")
@endpoint(
    ME, summary="Take part in an activity", body=MyParticipationBody, answer=MyParticipationShape, status=201,
    also=(200,), refuses=("not_found", *REFUSES),
    description="As shop and staff let members take part, for the member who calls, now.",
)  # fmt: skip
def take_part_myself(actor: Actor, body: dict[str, Any]) -> Any:
    part, is_new = take_part(actor.program, body.pop("activity_id"), wish_of(body, actor.id, now()))
    PARTICIPATIONS.labels("member").inc()
    return my_part_shape(part), 201 if is_new else 200


@blueprint.get("/v1/me/activities")
@endpoint(
    ME, summary="Activities and what I did in them, newest first", query=MyActivityQuery, answer=MyActivityShape,
    paged=True,
)  # fmt: skip
def my_activities(actor: Actor, query: dict[str, Any]) -> Any:
    limit = query["limit"]
    given: dict[str, Any] = {"statuses": [query["status"]] if query["status"] else list(_SHOWN)}
    if query["cursor"] is not None:
        given["before"] = id_cursor(query["cursor"])
    found = queries.activities_where(actor.program_id, given, limit + 1)
    mine = queries.mine(actor.program_id, actor.id, [one.id for one in found])
    return page(found, limit, lambda one: my_activity_shape(one, mine), lambda one: [str(one.id)])


@blueprint.get("/v1/me/activities/<ref:ref>")
@endpoint(ME, summary="One activity, with my streak, teams and vote", answer=MyWholeActivityShape)
def my_activity(actor: Actor, ref: str) -> Any:
    activity = activity_of(actor.program_id, parse_ref(ACTIVITY, ref))
    if activity.status not in _SHOWN:
        raise ActivityNotFound()
    own = queries.parts_where(actor.program_id, {"activity_id": activity.id, "member_id": actor.id}, _MOST)
    mine = queries.mine(actor.program_id, actor.id, [activity.id])
    return my_activity_shape(activity, mine) | _days(actor, own) | _poll(actor, activity, own) | _teams(actor, own)


def _days(actor: Actor, own: list[Part]) -> dict[str, Any]:
    days = [part.day for part in own if part.status == Took.COUNTED and part.occasion.startswith("day:")]
    today = day_of(now(), actor.program.settings.timezone)
    return {
        "checked_in_today": today in days,
        "streak": streak_to(days, today),
        "longest_streak": longest_streak(days),
    }


def _poll(actor: Actor, activity: Activity, own: list[Part]) -> dict[str, Any]:
    vote = next((part.option for part in own if part.option is not None), None)
    shown = activity.kind == Kind.POLL and shows_results(
        activity.goal["results"], voted=vote is not None, ended=activity.ends_at <= now(), is_staff=False
    )
    return {"vote": vote, "votes": votes_shape(actor.program_id, activity) if shown else None}


def _teams(actor: Actor, own: list[Part]) -> dict[str, Any]:
    ids = [part.team_id for part in own if part.team_id is not None]
    return {"teams": team_shapes(list(queries.teams_by_id(actor.program_id, ids).values()))}
