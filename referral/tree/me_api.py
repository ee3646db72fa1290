"""A member's own team, as far as he may see it: names masked, no phones, no external ids, nobody above him."""

from typing import Any

from flask import Blueprint

from core.auth.access import ME
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from referral.members import service as members
from referral.tree import service
from referral.tree.pages import downline_page
from referral.tree.schemas import (
    CustomerShape,
    DownlineQuery,
    MaskedPlacedShape,
    TeamShape,
    customer_shape,
    masked_member,
    team_shape,
)

blueprint = Blueprint("me_tree", __name__)


@blueprint.get("/v1/me/team")
@endpoint(ME, summary="My team in numbers", answer=TeamShape)
def my_team(actor: Actor) -> Any:
    return team_shape(service.team_of(actor.program_id, actor.id))


@blueprint.get("/v1/me/downline")
@endpoint(ME, summary="My team, nearest first", query=DownlineQuery, answer=MaskedPlacedShape, paged=True)
def my_downline(actor: Actor, query: dict[str, Any]) -> Any:
    answer = downline_page(actor.program_id, actor.id, query)
    found = members.members_of(actor.program_id, [one.id for one in answer["data"]])
    answer["data"] = [{"level": one.level, "member": masked_member(found[one.id])} for one in answer["data"]]
    return answer


@blueprint.get("/v1/me/customers")
@endpoint(ME, summary="My own customers, newest member first", query=Page, answer=CustomerShape, paged=True)
def my_customers(actor: Actor, query: dict[str, Any]) -> Any:
    rows = service.customers_of(actor.program_id, actor.id, id_cursor(query["cursor"]), query["limit"] + 1)
    found = members.members_of(actor.program_id, [row.id for row in rows])
    return page(rows, query["limit"], lambda row: customer_shape(row, found[row.id]), lambda row: [str(row.id)])
