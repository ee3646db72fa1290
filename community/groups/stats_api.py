"""Statistics and digests of groups over HTTP."""

from typing import Any

from flask import Blueprint

from community.groups import digests
from community.groups.service import PREFIX, find_group
from community.groups.stats import stats_of_group
from community.groups.stats_schemas import (
    DigestBody,
    DigestShape,
    GroupStatsQuery,
    GroupStatsShape,
    digest_shape,
    group_stats_shape,
)
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.ids import parse_ref
from coupons.traffic.service import Asked

blueprint = Blueprint("group_stats", __name__)


@blueprint.get("/v1/groups/<ref:ref>/stats")
@endpoint(
    "groups:read", summary="What a group brought, and its own life", query=GroupStatsQuery, answer=GroupStatsShape,
    description="Clicks, orders, sales and commission of links and orders whose `group_id` is the group's id or "
    "external id, in days of the program; who joined and left, and what was sent.",
)  # fmt: skip
def show_group_stats(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    group = find_group(actor.program_id, parse_ref(PREFIX, ref))
    stats = stats_of_group(actor.program, group, query["interval"], Asked(query["from_"], query["to"]))
    return group_stats_shape(stats, actor.program.currency)


@blueprint.post("/v1/groups/<ref:ref>/digests")
@endpoint(
    "groups:write", summary="Send the digest of a day to the group", body=DigestBody, answer=DigestShape, status=202,
    also=(200,), refuses=("wrong_state",),
    description="A day has one digest: the first call makes and sends it (202), later ones answer it as it was (200). "
    "`digest_at` of the group sends it by itself: from noon on of the present day, before noon of the one before. The "
    "words are the template of the topic `digest`; a group that hears of the whole program is told its figures, others "
    "those of their own.",
)  # fmt: skip
def make_digest(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    group = find_group(actor.program_id, parse_ref(PREFIX, ref))
    digest, is_new = digests.make_digest(actor.program, group, body["day"])
    return digest_shape(digest), 202 if is_new else 200
