"""Rewards and redemptions over HTTP."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from community.points import gifts, redemptions, rewards
from community.points.errors import RedemptionNotFound, RewardNotFound
from community.points.reward_schemas import (
    NewRedemption,
    NewReward,
    RedemptionNote,
    RedemptionQuery,
    RedemptionShape,
    RewardChange,
    RewardQuery,
    RewardShape,
    redemption_shape,
    reward_shape,
)
from community.points.rewards import Reward
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.ids import parse_public_id
from referral.members import service as members

blueprint = Blueprint("rewards", __name__)

REFUSES = (
    "not_enough_points", "sold_out", "limit_reached", "not_yet_valid", "ended", "expired", "member_suspended",
    "member_erased",
)  # fmt: skip
ONCE_MORE = "Each call is another redemption: send an Idempotency-Key where it may be repeated."


@blueprint.post("/v1/rewards")
@endpoint(
    "points:write", summary="Offer a reward for points", body=NewReward, answer=RewardShape, status=201,
    description="A coupon's code is claimed at the redemption, a gift waits to be sent. One without a stock never "
    "gets one. Each call makes another: send an Idempotency-Key where it may be repeated.",
)  # fmt: skip
def create_reward(actor: Actor, body: dict[str, Any]) -> Any:
    return _shown(actor, rewards.create_reward(actor.program_id, body))


@blueprint.get("/v1/rewards")
@endpoint("points:read", summary="Rewards, newest first", query=RewardQuery, answer=RewardShape, paged=True)
def list_rewards(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query["limit"], id_cursor(query["cursor"])
    found = rewards.rewards(actor.program_id, query["status"], None, before, limit + 1)
    return page(
        rewards.offered(actor.program_id, found), limit, reward_shape, lambda one: [str(one.reward.id)]
    )  # fmt: skip


@blueprint.get("/v1/rewards/<ref>")
@endpoint("points:read", summary="One reward", answer=RewardShape)
def show_reward(actor: Actor, ref: str) -> Any:
    return _shown(actor, rewards.reward_of(actor.program_id, _reward_id(ref)))


@blueprint.patch("/v1/rewards/<ref>")
@endpoint(
    "points:write", summary="Change a reward, or end it", body=RewardChange, answer=RewardShape,
    description="`stock` is how many there ever are, those taken included. Redemptions keep what they cost.",
)  # fmt: skip
def change_reward(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _shown(actor, rewards.change_reward(actor.program_id, _reward_id(ref), body))


@blueprint.post("/v1/rewards/<ref>/redemptions")
@endpoint(
    "points:use", summary="Take a reward for a member's points", body=NewRedemption, answer=RedemptionShape,
    status=201, refuses=REFUSES, description=ONCE_MORE,
)  # fmt: skip
def redeem_reward(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    member_id = members.member_id_of(actor.program_id, body["member_id"])
    return redemption_shape(redemptions.redeem(actor.program, _reward_id(ref), member_id))


@blueprint.get("/v1/reward-redemptions")
@endpoint(
    "points:read", summary="Redemptions, newest first", query=RedemptionQuery, answer=RedemptionShape, paged=True,
    refuses=("not_found",),
)  # fmt: skip
def list_redemptions(actor: Actor, query: dict[str, Any]) -> Any:
    limit, before = query["limit"], id_cursor(query["cursor"])
    member = query["member_id"] and members.member_id_of(actor.program_id, query["member_id"])
    given = {"status": query["status"], "reward_id": query["reward_id"], "member_id": member, "before": before}
    found = redemptions.redemptions(actor.program_id, given, limit + 1)
    return page(found, limit, redemption_shape, lambda one: [str(one[0].id)])


@blueprint.get("/v1/reward-redemptions/<ref>")
@endpoint("points:read", summary="One redemption", answer=RedemptionShape)
def show_redemption(actor: Actor, ref: str) -> Any:
    found = redemptions.redemption_of(actor.program_id, _redemption_id(ref))
    return redemption_shape((found, rewards.reward_of(actor.program_id, found.reward_id)))


@blueprint.post("/v1/reward-redemptions/<ref>/ship")
@endpoint(
    "points:use", summary="A gift is on its way", body=RedemptionNote, answer=RedemptionShape,
    refuses=("wrong_state",), description="`note` may say where. The same again changes nothing.",
)  # fmt: skip
def ship_redemption(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _advance(actor, ref, redemptions.SHIPPED, body)


@blueprint.post("/v1/reward-redemptions/<ref>/fulfill")
@endpoint(
    "points:use", summary="A gift has arrived", body=RedemptionNote, answer=RedemptionShape,
    refuses=("wrong_state",), description="The same again changes nothing.",
)  # fmt: skip
def fulfill_redemption(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _advance(actor, ref, redemptions.FULFILLED, body)


@blueprint.post("/v1/reward-redemptions/<ref>/cancel")
@endpoint(
    "points:use", summary="A gift is not sent, or came back", body=RedemptionNote, answer=RedemptionShape,
    refuses=("wrong_state",),
    description="Stock and points return: a debt is settled first, the rest expires when it would have. Not once it is "
    "fulfilled, as a coupon is at once. The same again changes nothing.",
)  # fmt: skip
def cancel_redemption(actor: Actor, ref: str, body: dict[str, Any]) -> Any:
    return _advance(actor, ref, redemptions.CANCELED, body)


def _advance(actor: Actor, ref: str, status: str, body: dict[str, Any]) -> dict[str, Any]:
    return redemption_shape(gifts.advance(actor.program, _redemption_id(ref), status, body["note"]))


def _shown(actor: Actor, reward: Reward) -> dict[str, Any]:
    return reward_shape(rewards.offered(actor.program_id, [reward])[0])


def _reward_id(ref: str) -> UUID:
    reward_id = parse_public_id("rwd", ref)
    if reward_id is None:
        raise RewardNotFound()
    return reward_id


def _redemption_id(ref: str) -> UUID:
    redemption_id = parse_public_id("rdm", ref)
    if redemption_id is None:
        raise RedemptionNotFound()
    return redemption_id
