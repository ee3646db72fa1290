"""Who took part, and what it brought, over HTTP: for shops and staff."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from community.activities import deciding, engagement, queries
from community.activities.definitions import activity_of
from community.activities.errors import ActivityInOtherState, ParticipationNotFound
from community.activities.joining_schemas import (
    ActivityRewardQuery,
    ActivityRewardShape,
    EngagementReportBody,
    PartDecisionBody,
    ParticipationBody,
    ParticipationQuery,
    ParticipationShape,
    TeamQuery,
    TeamShape,
    WinnersBody,
)  # fmt: skip
from community.activities.metrics import PARTICIPATIONS
from community.activities.rules import Kind, Status
from community.activities.shapes import ACTIVITY, PART, part_shape, reward_shape, team_shape
from community.activities.taking_part import take_part
from community.activities.wishes import Wish
from core.auth.actor import Actor
from core.clock import now
from core.errors import Fault, Invalid, NotFound
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import page_of
from core.ids import ExternalRef, Ref, parse_ref
from referral.members import service as members

blueprint = Blueprint("activity_participations", __name__)

REFUSES = (
    "activity_not_running", "member_not_eligible", "limit_reached", "already_took_part", "team_full", "team_ended",
    "order_does_not_fit",
)  # fmt: skip


@blueprint.post("/v1/activities/<ref:ref>/participations")
@endpoint(
    "activities:join", summary="Let a member take part", body=ParticipationBody, answer=ParticipationShape, status=201,
    also=(200,), refuses=REFUSES,
    description="check_in: once a day. group_buy: joins a team or opens one; again with the order or `paid` it "
    "confirms the seat. engagement and topic: brings a post. poll: votes, once. Shares and invites count by "
    "themselves. The same occasion again answers 200.",
)  # fmt: skip
def participate(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    wish = wish_of(body, _member_id(actor.program_id, body), body.pop("at") or now())
    if wish.at > now():
        raise Invalid.at("/at", "It has not happened yet.")
    part, is_new = take_part(actor.program, parse_ref(ACTIVITY, ref), wish)
    PARTICIPATIONS.labels("shop").inc()
    return part_shape(part), 201 if is_new else 200


def wish_of(body: dict[str, Any], member_id: UUID, at: Any) -> Wish:
    """A checked body as a wish."""
    given = {name: value for name, value in body.items() if name in Wish._fields}
    return Wish(**given | {"member_id": member_id, "at": at})


def _member_id(program_id: UUID, body: dict[str, Any]) -> UUID:
    external_id = body["member_external_id"]
    ref: Ref = body["member_id"] if external_id is None else ExternalRef(external_id)
    try:
        return members.member_id_of(program_id, ref)
    except NotFound as error:
        pointer = "/member_id" if external_id is None else "/member_external_id"
        raise Invalid(faults=[Fault(pointer, "There is no such member.")]) from error


@blueprint.get("/v1/activities/<ref:ref>/participations")
@endpoint(
    "activities:read", summary="Who took part, newest first", query=ParticipationQuery, answer=ParticipationShape,
    paged=True,
)  # fmt: skip
def list_participations(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    limit, given = _filters(actor.program_id, ref, query)
    return page(
        queries.parts_where(actor.program_id, given, limit + 1), limit, part_shape, lambda one: [str(one.id)]
    )  # fmt: skip


@blueprint.get("/v1/activities/<ref:ref>/rewards")
@endpoint(
    "activities:read", summary="What members get, newest first", query=ActivityRewardQuery, answer=ActivityRewardShape,
    paged=True,
)  # fmt: skip
def list_rewards(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    limit, given = _filters(actor.program_id, ref, query)
    return page(
        queries.rewards_where(actor.program_id, given, limit + 1), limit, reward_shape, lambda one: [str(one.id)]
    )  # fmt: skip


@blueprint.get("/v1/activities/<ref:ref>/teams")
@endpoint(
    "activities:read", summary="Teams of a group buy, newest first", query=TeamQuery, answer=TeamShape, paged=True
)
def list_teams(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    limit, given = _filters(actor.program_id, ref, query)
    return page(
        queries.teams_where(actor.program_id, given, limit + 1), limit, team_shape, lambda one: [str(one.id)]
    )  # fmt: skip


def _filters(program_id: UUID, ref: str, query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    limit, cursor = query.pop("limit"), query.pop("cursor")
    given = {name: value for name, value in query.items() if value is not None}
    given["activity_id"] = activity_of(program_id, parse_ref(ACTIVITY, ref)).id
    if cursor is not None:
        given["before"] = id_cursor(cursor)
    return limit, given


@blueprint.post("/v1/activities/<ref:ref>/participations/<part>/decision")
@endpoint(
    "activities:write", summary="Let a held participation count, or not", body=PartDecisionBody,
    answer=ParticipationShape, refuses=("nothing_to_decide", "wrong_state"),
    description="Of those held for a shared device. What is held with its order follows the guard's decision on that.",
)  # fmt: skip
def decide_participation(actor: Actor, ref: str, part: str, body: dict[str, Any]) -> Any:
    return part_shape(deciding.decide(actor.program, parse_ref(ACTIVITY, ref), part_id_of(part), body["action"]))


@blueprint.put("/v1/activities/<ref:ref>/participations/<part>/engagement")
@endpoint(
    "activities:write", summary="Say how much engagement a post has elsewhere", body=EngagementReportBody,
    answer=ParticipationShape, refuses=("wrong_state",),
    description="Of each reaction the greater of this and of what was told by `POST /v1/events` counts.",
)  # fmt: skip
def report_engagement(actor: Actor, ref: str, part: str, body: dict[str, Any]) -> Any:
    activity = activity_of(actor.program_id, parse_ref(ACTIVITY, ref), lock="update")
    if activity.kind != Kind.ENGAGEMENT:
        raise Invalid.at("", "Only posts of an engagement activity have engagement.")
    if activity.status != Status.RUNNING:
        raise ActivityInOtherState(f"The activity is {activity.status}.", status_now=activity.status)
    found = queries.part(actor.program_id, activity.id, part_id_of(part), lock=True)
    if found is None:
        raise ParticipationNotFound()
    engagement.report_engagement(actor.program_id, activity, found, body)
    return part_shape(queries.part(actor.program_id, activity.id, found.id) or found)


@blueprint.put("/v1/activities/<ref:ref>/winners")
@endpoint(
    "activities:write", summary="Pick the winners of a topic", body=WinnersBody, answer=ParticipationShape, paged=True,
    refuses=("wrong_state",), description="Until it is settled, which `settle_after_seconds` gives time for.",
)  # fmt: skip
def pick_winners(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    parts = deciding.pick_winners(actor.program, parse_ref(ACTIVITY, ref), body["participation_ids"])
    return page_of([part_shape(part) for part in parts])


def part_id_of(text: str) -> UUID:
    """Raises: ParticipationNotFound."""
    parsed = parse_ref(PART, text)
    if not isinstance(parsed, UUID):
        raise ParticipationNotFound()
    return parsed
