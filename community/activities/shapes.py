"""Activities as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from community.activities import queries
from community.activities.budgets import Budget
from community.activities.queries import Activity, Part, Reward, Team
from community.activities.rules import Kind
from community.groups.service import PREFIX as GROUP
from core.ids import public_id, public_id_or_none

ACTIVITY, PART, TEAM, REWARD = "act", "apt", "tem", "arw"


def activity_shape(activity: Activity, budget: Budget | None) -> dict[str, Any]:
    return {
        "id": public_id(ACTIVITY, activity.id),
        "external_id": activity.external_id,
        "kind": activity.kind,
        "name": activity.name,
        "group_ids": [public_id(GROUP, one) for one in activity.group_ids],
        "starts_at": activity.starts_at,
        "ends_at": activity.ends_at,
        "settle_after_seconds": activity.settle_after_seconds,
        "published": activity.published,
        "goal": activity.goal,
        "limits": activity.limits,
        "reward": reward_terms(activity),
        "budget": budget and _budget_shape(budget),
        "guard": activity.guard,
        "texts": activity.texts,
        "status": activity.status,
        "started_at": activity.started_at,
        "settled_at": activity.settled_at,
        "canceled_at": activity.canceled_at,
        "cancel_reason": activity.cancel_reason,
        "created_at": activity.created_at,
    }


def reward_terms(activity: Activity) -> dict[str, Any] | None:
    terms = activity.reward
    if terms is None or terms["coupon_id"] is None:
        return terms
    return terms | {"coupon_id": public_id("cpn", UUID(terms["coupon_id"]))}


def _budget_shape(budget: Budget) -> dict[str, Any]:
    return {
        "currency": budget.currency,
        "amount": budget.amount,
        "left": budget.left_amount,
        "status": budget.status,
        "approved_by": public_id_or_none("stf", budget.approved_by),
        "approved_at": budget.approved_at,
        "returned": budget.returned,
    }


def progress_shape(program_id: UUID, activity: Activity) -> dict[str, Any]:
    """How far an activity has come; a few sums over its rows."""
    rewards = queries.rewards_by_status(program_id, activity.id)
    has_teams, has_votes = activity.kind == Kind.GROUP_BUY, activity.kind == Kind.POLL
    return {
        "members": queries.member_count(program_id, activity.id),
        "participations": dict(queries.participations_by_status(program_id, activity.id)),
        "rewards": {one.status: one.number for one in rewards},
        "rewarded": sum(one.amount for one in rewards),
        "teams": dict(queries.teams_by_status(program_id, activity.id)) if has_teams else {},
        "votes": votes_shape(program_id, activity) if has_votes else {},
    }


def votes_shape(program_id: UUID, activity: Activity) -> dict[str, int]:
    """Every option of a poll with its votes, in the order of the options."""
    found = dict(queries.votes(program_id, activity.id))
    return {one["id"]: found.get(one["id"], 0) for one in activity.goal["options"]}


def part_shape(part: Part) -> dict[str, Any]:
    return my_part_shape(part) | {
        "member_id": public_id("mem", part.member_id),
        "order_id": public_id_or_none("ord", part.order_id),
        "invited_id": public_id_or_none("mem", part.invited_id),
        "value": part.value,
        "reported": part.reported,
    }


def my_part_shape(part: Part) -> dict[str, Any]:
    return {
        "id": public_id(PART, part.id),
        "activity_id": public_id(ACTIVITY, part.activity_id),
        "status": part.status,
        "reason": part.reason,
        "day": part.day,
        "happened_at": part.happened_at,
        "team_id": public_id_or_none(TEAM, part.team_id),
        "order_external_id": part.order_external_id,
        "content_id": part.content_id,
        "option": part.option,
        "text": part.body,
        "expires_at": part.expires_at,
        "reached_at": part.reached_at,
    }


def team_shape(team: Team) -> dict[str, Any]:
    return my_team_shape(team) | {
        "activity_id": public_id(ACTIVITY, team.activity_id),
        "leader_id": public_id("mem", team.leader_id),
        "confirmed": team.confirmed,
        "opened_at": team.opened_at,
        "ended_at": team.ended_at,
    }


def my_team_shape(team: Team) -> dict[str, Any]:
    return {
        "id": public_id(TEAM, team.id),
        "size": team.size,
        "seats_left": team.seats_left,
        "status": team.status,
        "expires_at": team.expires_at,
    }


def reward_shape(reward: Reward) -> dict[str, Any]:
    return {
        "id": public_id(REWARD, reward.id),
        "activity_id": public_id(ACTIVITY, reward.activity_id),
        "member_id": public_id("mem", reward.member_id),
        "occasion": _occasion_shape(reward.occasion),
        "kind": reward.kind,
        "amount": reward.amount,
        "coupon_id": public_id_or_none("cpn", reward.coupon_id),
        "status": reward.status,
        "reason": reward.reason,
        "paid_at": reward.paid_at,
        "created_at": reward.created_at,
    }


_NAMED = {"invited": "mem", "team": TEAM}


def _occasion_shape(occasion: str) -> str:
    """Ids as the outside knows them."""
    word, _, rest = occasion.partition(":")
    return f"{word}:{public_id(_NAMED[word], UUID(rest))}" if word in _NAMED else occasion


def my_activity_shape(activity: Activity, mine: Mapping[UUID, queries.Mine]) -> dict[str, Any]:
    own = mine.get(activity.id)
    return {
        "id": public_id(ACTIVITY, activity.id),
        "kind": activity.kind,
        "name": activity.name,
        "texts": activity.texts,
        "starts_at": activity.starts_at,
        "ends_at": activity.ends_at,
        "status": activity.status,
        "goal": activity.goal,
        "limits": activity.limits,
        "reward": reward_terms(activity),
        "counted": own.counted if own else 0,
        "rewards_paid": own.paid if own else 0,
        "rewards_due": own.due if own else 0,
    }


def team_shapes(teams: Sequence[Team]) -> list[dict[str, Any]]:
    return [my_team_shape(team) for team in teams]
