"""Groups over HTTP."""

from typing import Any

from flask import Blueprint, request

from community.groups import callback_api, changes, members_api, posts_api, queries, stats_api, testing
from community.groups.queries import Group
from community.groups.schemas import (
    GroupChange,
    GroupQuery,
    GroupShape,
    NewGroupBody,
    PauseBody,
    TestOutcomeShape,
    group_shape,
)
from community.groups.service import PREFIX, find_group, targets_of
from community.groups.testing import Tested
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.ids import Ref, parse_ref

blueprint = Blueprint("groups", __name__)
blueprints = (
    blueprint, members_api.blueprint, posts_api.blueprint, stats_api.blueprint, callback_api.blueprint,
)  # fmt: skip


@blueprint.post("/v1/groups")
@endpoint(
    "groups:write", summary="Make a group", body=NewGroupBody, answer=GroupShape, status=201, also=(200,),
    refuses=("already_exists",),
    description="`target` is where its platform is reached: stored encrypted, shown masked. `external_id` is a natural "
    "key; orders and links name the group by its id or by this one.",
)  # fmt: skip
def create_group(actor: Actor, body: dict[str, Any]) -> Any:
    group, created = changes.create_group(actor.program, body)
    return _shown(actor, group), 201 if created else 200


@blueprint.get("/v1/groups")
@endpoint(
    "groups:read", summary="Groups, newest first", query=GroupQuery, answer=GroupShape, paged=True,
    description="Without `status` the paused and ended ones too.",
)  # fmt: skip
def list_groups(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query.pop("limit"), id_cursor(query.pop("cursor"))
    filters = query | ({} if before is None else {"before": before})
    rows = queries.groups_where(actor.program_id, filters, limit + 1)
    targets = targets_of(actor.program_id, [row.id for row in rows[:limit]])
    return page(rows, limit, lambda row: group_shape(row, targets.get(row.id)), lambda row: [str(row.id)])


@blueprint.get("/v1/groups/<ref:ref>")
@endpoint("groups:read", summary="One group, with its health", answer=GroupShape)
def show_group(actor: Actor, ref: str) -> Any:
    return _shown(actor, find_group(actor.program_id, _ref(ref)))


@blueprint.patch("/v1/groups/<ref:ref>")
@endpoint(
    "groups:write", summary="Change a group", body=GroupChange, answer=GroupShape, refuses=("wrong_state",),
    description="A new `target` replaces the old one as a whole; the platform stays.",
)  # fmt: skip
def change_group(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _shown(actor, changes.change_group(actor.program, _ref(ref), body))


@blueprint.delete("/v1/groups/<ref:ref>")
@endpoint(
    "groups:write", summary="End a group", status=204,
    description="For good: its target is forgotten, nobody is in it any more. It stays readable with its stats. Again "
    "is no error.",
)  # fmt: skip
def end_group(actor: Actor, ref: str) -> Any:
    changes.end_group(actor.program_id, _ref(ref))


@blueprint.post("/v1/groups/<ref:ref>/pause")
@endpoint(
    "groups:write", summary="Send nothing to the group for now", body=PauseBody, answer=GroupShape,
    refuses=("wrong_state",), description="Again is no error.",
)  # fmt: skip
def pause_group(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _shown(actor, changes.pause_group(actor.program_id, _ref(ref), body["reason"]))


@blueprint.post("/v1/groups/<ref:ref>/resume")
@endpoint(
    "groups:write", summary="Send to a paused group again", answer=GroupShape, refuses=("wrong_state",),
    description="Refusals are counted anew. Again is no error.",
)  # fmt: skip
def resume_group(actor: Actor, ref: str) -> Any:
    return _shown(actor, changes.resume_group(actor.program_id, _ref(ref)))


def _test(actor: Actor, ref: str) -> Tested | None:
    """None: it was sent under the same key, and the edge answers as it did then."""
    key = request.headers.get("Idempotency-Key")
    return None if key and testing.was_sent(actor, key) else testing.send_test(actor.program_id, _ref(ref))


@blueprint.post("/v1/groups/<ref:ref>/test-message")
@endpoint(
    "groups:write", summary="Send a test message to the group now", answer=TestOutcomeShape, prepare=_test,
    refuses=("wrong_state",),
    description="Past queue and quiet hours, to a paused group as well. A refusal counts like any other; what is sent "
    "ends the row of refusals.",
)  # fmt: skip
def send_test_message(actor: Actor, ref: str, prepared: Tested | None) -> Any:
    if prepared is None:
        raise AssertionError("a key that was known has its answer")
    return testing.note_test(actor.program_id, prepared)


def _shown(actor: Actor, group: Group) -> dict[str, Any]:
    return group_shape(group, targets_of(actor.program_id, [group.id]).get(group.id))


def _ref(text: str) -> Ref:
    return parse_ref(PREFIX, text)
