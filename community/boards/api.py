"""Boards over HTTP: the best of a measure, a group's fans, one day."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from community.boards import me_api, segments_api, service
from community.boards.days import asked_day
from community.boards.rules import Measure
from community.boards.schemas import (
    BoardQuery,
    DayQuery,
    DaySumsShape,
    FansQuery,
    FansShape,
    StandingShape,
    day_sums_shape,
    fan_shape,
    standing_shape,
)
from community.boards.service import Standing
from core.auth.actor import Actor
from core.errors import Invalid, NotFound
from core.http.endpoint import endpoint
from core.http.paging import decode_cursor, page

blueprint = Blueprint("boards", __name__)
blueprints = (blueprint, segments_api.blueprint, me_api.blueprint)


@blueprint.get("/v1/leaderboards/core-fans")
@endpoint(
    "boards:read", summary="Members of a group who buy and check in there most", query=FansQuery, answer=FansShape,
    refuses=("not_found",),
    description="Over the 30 days up to the date. The score: 10 for each order in the group, 10 for each mean order of "
    "the group that the member spent, and 1 for each check-in in an activity of the group or of the whole program.",
)  # fmt: skip
def show_core_fans(actor: Actor, query: dict[str, Any]) -> Any:
    found = service.core_fans(actor.program, query["group_id"], asked_day(actor.program, query), query["limit"])
    shown = service.shown_members(actor.program_id, [one.member_id for one in found])
    return {"data": [fan_shape(one, shown) for one in found]}


@blueprint.get("/v1/leaderboards/<measure>")
@endpoint(
    "boards:read", summary="Members by what they sold, earned or brought, best first", query=BoardQuery,
    answer=StandingShape, paged=True, refuses=("not_found",),
    description="The measures are sales, orders (both attributed, less refunds and cancels), commission (less "
    "reversals), invites (people invited who bought for the first time) and points. Late data and refunds count on the "
    "day the order was paid. Members are named as each of them wants; whoever has nothing is not on the board.",
)  # fmt: skip
def show_board(actor: Actor, measure: str, query: dict[str, Any]) -> Any:
    if measure not in set(Measure):
        raise NotFound("There is no such board.")
    board = service.board_of(
        actor.program_id, measure, query["period"], asked_day(actor.program, query), query["group_id"]
    )
    before, count = _position(query["cursor"])
    found = service.standings(actor.program_id, board, before, count, query["limit"] + 1)
    shown = service.shown_members(actor.program_id, [one.member_id for one in found])
    return page(
        list(enumerate(found, start=count + 1)),
        query["limit"],
        lambda numbered: standing_shape(numbered[1], shown),
        lambda numbered: [numbered[0], numbered[1].rank, numbered[1].value, str(numbered[1].member_id)],
    )


@blueprint.get("/v1/day-sums")
@endpoint(
    "boards:read", summary="One day: sales, who joined, what sold best", query=DayQuery, answer=DaySumsShape,
    refuses=("not_found",), description="What a digest tells, of the whole program or of one group.",
)  # fmt: skip
def show_day_sums(actor: Actor, query: dict[str, Any]) -> Any:
    group_id = query["group_id"]
    keys = None if group_id is None else service.scopes_of(actor.program_id, group_id)
    sums = service.day_sums(actor.program_id, asked_day(actor.program, query), keys)
    return day_sums_shape(
        sums, service.shown_members(actor.program_id, [one.member_id for one in sums.top_sellers])
    )  # fmt: skip


def _position(cursor: str | None) -> tuple[Standing | None, int]:
    """The last standing shown and its number, as the cursor has them."""
    position = decode_cursor(cursor, 4)
    if position is None:
        return None, 0
    count, rank, value, member_id = position
    try:
        return Standing(_whole(rank), UUID(member_id), _whole(value)), _whole(count)
    except (AttributeError, TypeError, ValueError) as error:
        raise Invalid.at("/cursor", "Not a cursor of this list.") from error


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value
