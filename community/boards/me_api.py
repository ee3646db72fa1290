"""A member's own place on the boards, and how he is named on them."""

from typing import Any

from flask import Blueprint

from community.boards import service
from community.boards.days import asked_day
from community.boards.privacy import Names
from community.boards.schemas import OwnPlaceShape, PrivacyBody, PrivacyShape, RankQuery, own_place_shape
from community.groups.errors import GroupNotFound
from community.groups.service import find_group, members_in
from core.auth.access import ME
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.ids import Ref

blueprint = Blueprint("my_boards", __name__)


@blueprint.get("/v1/me/rank")
@endpoint(
    ME, summary="Where I stand on a board, and how far the next is", query=RankQuery, answer=OwnPlaceShape,
    refuses=("not_found",), description="Boards of a group are for its members.",
)  # fmt: skip
def show_my_rank(actor: Actor, query: dict[str, Any]) -> Any:
    group_id: Ref | None = query["group_id"]
    if group_id is not None:
        _require_membership(actor, group_id)
    which = (query["measure"], query["period"], asked_day(actor.program, query), group_id)
    return own_place_shape(
        service.board_of(actor.program_id, *which), service.place_of(actor.program, actor.id, *which)
    )


def _require_membership(actor: Actor, group_id: Ref) -> None:
    group = find_group(actor.program_id, group_id)
    if actor.id not in members_in(actor.program_id, group.id, [actor.id]):
        raise GroupNotFound()


@blueprint.get("/v1/me/privacy")
@endpoint(ME, summary="How I am named where others read", answer=PrivacyShape)
def show_my_privacy(actor: Actor) -> Any:
    return {"names": service.names_of(actor.program_id, [actor.id]).get(actor.id, Names.MASKED).value}


@blueprint.put("/v1/me/privacy")
@endpoint(
    ME, summary="Choose how I am named where others read", body=PrivacyBody, answer=PrivacyShape,
    description="On boards and in notices of groups. Masked unless chosen.",
)  # fmt: skip
def choose_my_privacy(actor: Actor, body: dict[str, Any]) -> Any:
    service.choose_names(actor.program_id, actor.id, Names(body["names"]))
    return {"names": body["names"]}
