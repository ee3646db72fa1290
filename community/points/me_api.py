"""A member's own points, and what he takes for them."""

from typing import Any

from flask import Blueprint

from community.points import grades, redemptions, rewards, statements
from community.points.reward_schemas import (
    MyRedemptionShape,
    MyRewardShape,
    NewMyRedemption,
    my_redemption_shape,
    my_reward_shape,
)
from community.points.rewards_api import ONCE_MORE, REFUSES
from community.points.schemas import (
    GradeShape,
    MovementShape,
    PointsShape,
    grade_shape,
    movement_shape,
    points_shape,
)  # fmt: skip
from core.auth.access import ME
from core.auth.actor import Actor
from core.clock import now
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.http.schemas import Page

blueprint = Blueprint("my_points", __name__)


@blueprint.get("/v1/me/points")
@endpoint(ME, summary="My points, and what expires soon", answer=PointsShape)
def show_my_points(actor: Actor) -> Any:
    return points_shape(actor.id, statements.overview_of(actor.program, actor.id))


@blueprint.get("/v1/me/points/statement")
@endpoint(ME, summary="Every movement of my points, newest first", query=Page, answer=MovementShape, paged=True)
def show_my_points_statement(actor: Actor, query: dict[str, Any]) -> Any:
    limit = query["limit"]
    rows = statements.movements_of(actor.program_id, actor.id, id_cursor(query["cursor"]), limit + 1)
    return page(rows, limit, movement_shape, lambda row: [str(row.transaction_id)])


@blueprint.get("/v1/me/grade")
@endpoint(ME, summary="My grade, and what the next one takes", answer=GradeShape)
def show_my_grade(actor: Actor) -> Any:
    return grade_shape(grades.standing_of(actor.program_id, actor.id))


@blueprint.get("/v1/me/rewards")
@endpoint(ME, summary="Rewards that can be had now, newest first", query=Page, answer=MyRewardShape, paged=True)
def list_my_rewards(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query["limit"], id_cursor(query["cursor"])
    found = rewards.rewards(actor.program_id, rewards.ACTIVE, now(), before, limit + 1)
    return page(
        rewards.offered(actor.program_id, found), limit, my_reward_shape, lambda one: [str(one.reward.id)]
    )  # fmt: skip


@blueprint.post("/v1/me/reward-redemptions")
@endpoint(
    ME, summary="Take a reward for my points", body=NewMyRedemption, answer=MyRedemptionShape, status=201,
    refuses=("not_found", *REFUSES), description=ONCE_MORE,
)  # fmt: skip
def redeem_for_myself(actor: Actor, body: dict[str, Any]) -> Any:
    return my_redemption_shape(redemptions.redeem(actor.program, body["reward_id"], actor.id))


@blueprint.get("/v1/me/reward-redemptions")
@endpoint(
    ME, summary="What I took for points, newest first", query=Page, answer=MyRedemptionShape, paged=True
)  # fmt: skip
def list_my_redemptions(actor: Actor, query: dict[str, Any]) -> Any:
    limit = query["limit"]
    given = {"member_id": actor.id, "before": id_cursor(query["cursor"])}
    found = redemptions.redemptions(actor.program_id, given, limit + 1)
    return page(found, limit, my_redemption_shape, lambda one: [str(one[0].id)])
