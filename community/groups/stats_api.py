"""Statistics of groups over HTTP."""

from typing import Any

from flask import Blueprint

from community.groups.service import PREFIX, find_group
from community.groups.stats import stats_of_group
from community.groups.stats_schemas import (
    GroupStatsQuery,
    GroupStatsShape,
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
