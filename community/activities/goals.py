"""What the goal of each kind of activity says, and its defaults. The JSON shape; `rules.py` says what it means."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from community.activities.rules import REACTIONS, Kind
from community.points.rules import MOST_POINTS
from core.http.fields import Amount, Flag, Text, Whole
from core.http.schemas import Body

MAX_SECONDS = 90 * 86_400
TOO_MANY_POINTS = f"One reward is at most {MOST_POINTS} points."
PRIVACY = ["always", "after_vote", "after_end", "staff"]

_LAX: dict[str, Any] = {"allow_none": True}


class StreakBody(Body):
    days = Whole(minimum=2, maximum=366, required=True, metadata={"description": "in a row", "example": 7})
    amount = Amount(
        minimum=1, load_default=None, metadata={"description": "null: as the reward says", "example": 50}, **_LAX
    )


class OptionBody(Body):
    id = Text(40, required=True, metadata={"example": "tea"})
    text = Text(200, required=True, metadata={"example": "More kinds of tea"})


class GoalBody(Body):
    """Fields belong to kinds; what is not of the activity's kind is refused."""

    clicks = Whole(minimum=1, maximum=10**9, metadata={"description": "share: unique clicks on the member's links"})
    campaign_id = Text(200, metadata={"description": "share: links of this campaign only"}, **_LAX)
    each = Flag(metadata={"description": "check_in: whether every day is rewarded, and not only streaks"})
    streaks = fields.List(
        fields.Nested(StreakBody), validate=validate.Length(max=20),
        metadata={"description": "check_in: rewarded once each, from so many days in a row on"},
    )  # fmt: skip
    invites = Whole(
        minimum=1, maximum=10**6, metadata={"description": "invite: rewarded once for so many; null: each"}, **_LAX
    )
    sku = Text(200, metadata={"description": "group_buy: what the order contains", "example": "TEA-500"})
    price = Amount(metadata={"description": "group_buy: what a buyer pays, minor units", "example": 990})
    buyers = Whole(minimum=2, maximum=1000, metadata={"description": "group_buy: a full team", "example": 3})
    team_seconds = Whole(
        minimum=60, maximum=MAX_SECONDS, metadata={"description": "group_buy: how long a team waits", "example": 86_400}
    )
    pay_seconds = Whole(
        minimum=60, maximum=MAX_SECONDS, metadata={"description": "group_buy: how long a seat is kept", "example": 900}
    )
    likes = Whole(minimum=1, maximum=10**9, metadata={"description": "engagement: at least"}, **_LAX)
    comments = Whole(minimum=1, maximum=10**9, metadata={"description": "engagement: at least"}, **_LAX)
    shares = Whole(minimum=1, maximum=10**9, metadata={"description": "engagement: at least"}, **_LAX)
    views = Whole(minimum=1, maximum=10**9, metadata={"description": "engagement: at least"}, **_LAX)
    winners = Whole(minimum=1, maximum=1000, metadata={"description": "topic: at most so many; null: any"}, **_LAX)
    options = fields.List(fields.Nested(OptionBody), validate=validate.Length(2, 50), metadata={"description": "poll"})
    results = fields.String(
        validate=validate.OneOf(PRIVACY), metadata={"description": "poll: when members see the numbers"}
    )
    multiplier_bps = Whole(
        minimum=10_001, maximum=100_000,
        metadata={"description": "member_day: of points for purchases; 20000 is twofold", "example": 20_000},
    )  # fmt: skip

    @validates_schema
    def makes_sense(self, data: Mapping[str, Any], **_: Any) -> None:
        for name, key in (("streaks", "days"), ("options", "id")):
            values = [one[key] for one in data.get(name, ())]
            if len(values) != len(set(values)):
                raise ValidationError({name: [f"Two have the same {key}."]})


class GoalShape(Schema):
    """As it was given, with its defaults."""

    clicks = fields.Integer()
    campaign_id = fields.String(allow_none=True)
    each = fields.Boolean()
    streaks = fields.List(fields.Nested(StreakBody))
    invites = fields.Integer(allow_none=True)
    sku = fields.String()
    price = fields.Integer()
    buyers = fields.Integer()
    team_seconds = fields.Integer()
    pay_seconds = fields.Integer()
    likes = fields.Integer(allow_none=True)
    comments = fields.Integer(allow_none=True)
    shares = fields.Integer(allow_none=True)
    views = fields.Integer(allow_none=True)
    winners = fields.Integer(allow_none=True)
    options = fields.List(fields.Nested(OptionBody))
    results = fields.String(validate=validate.OneOf(PRIVACY))
    multiplier_bps = fields.Integer()


_DEFAULTS: dict[str, dict[str, Any]] = {
    Kind.SHARE: {"campaign_id": None},
    Kind.CHECK_IN: {"each": True, "streaks": []},
    Kind.INVITE: {"invites": None},
    Kind.GROUP_BUY: {"team_seconds": 86_400, "pay_seconds": 900},
    Kind.ENGAGEMENT: {name + "s": None for name in REACTIONS},
    Kind.TOPIC: {"winners": None},
    Kind.POLL: {"results": "after_vote"},
    Kind.MEMBER_DAY: {},
}
_REQUIRED: dict[str, tuple[str, ...]] = {
    Kind.SHARE: ("clicks",),
    Kind.GROUP_BUY: ("sku", "price", "buyers"),
    Kind.POLL: ("options",),
    Kind.MEMBER_DAY: ("multiplier_bps",),
}


def goal_faults(kind: str, goal: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is wrong with a goal for the kind."""
    allowed = {*_DEFAULTS[kind], *_REQUIRED.get(kind, ())}
    faults = {name: [f"Not for an activity of kind {kind}."] for name in goal if name not in allowed}
    faults |= {
        name: [f"An activity of kind {kind} needs it."] for name in _REQUIRED.get(kind, ()) if goal.get(name) is None
    }
    if kind == Kind.ENGAGEMENT and not any(goal.get(name + "s") for name in REACTIONS):
        faults["likes"] = ["At least one of likes, comments, shares and views is needed."]
    if kind == Kind.CHECK_IN and goal.get("each") is False and not goal.get("streaks"):
        faults["streaks"] = ["Without a reward for each day it needs a streak."]
    return faults


def streak_faults(goal: Mapping[str, Any], reward_kind: str | None) -> dict[str, Any]:
    """Streaks that would bring more points than one reward may have, by their place."""
    if reward_kind != "points":
        return {}
    places = [place for place, one in enumerate(goal.get("streaks", ())) if (one["amount"] or 0) > MOST_POINTS]
    return {"streaks": {place: {"amount": [TOO_MANY_POINTS]} for place in places}} if places else {}


def whole_goal(kind: str, goal: Mapping[str, Any]) -> dict[str, Any]:
    """The goal with its defaults."""
    return _DEFAULTS[kind] | dict(goal)
