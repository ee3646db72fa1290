"""JSON shapes of taking part: participations, teams, rewards, and what a member sees of his own."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from community.activities.goals import GoalShape
from community.activities.rules import Took
from community.activities.schemas import KINDS, REWARD_KINDS, STATUSES, LimitsBody, RewardTermsShape, TextsShape
from core.http.fields import ExternalId, Flag, Identifier, Instant, Note, Text, Whole
from core.http.schemas import Body, Page

TOOK = [status.value for status in Took]
TEAM_STATUSES = ["open", "done", "released"]
REWARD_STATUSES = ["due", "paid", "refused", "reclaim", "taken_back"]
_KINDS_OF = "which fields belong to it depends on the activity's kind"


class OwnParticipationBody(Body):
    content_id = Text(200, load_default=None, allow_none=True, metadata={"description": "engagement, topic: the post"})
    text = Note(2000, load_default=None, allow_none=True, metadata={"description": "topic: the member's words"})
    option = Text(40, load_default=None, allow_none=True, metadata={"description": "poll", "example": "tea"})
    team_id = Identifier(
        "tem", load_default=None, allow_none=True, metadata={"description": "group_buy; none: opens a team"}
    )
    if_full = fields.String(
        load_default="refuse", validate=validate.OneOf(["refuse", "open"]),
        metadata={"description": "group_buy: a full or ended team is refused, or another is opened"},
    )  # fmt: skip
    order_external_id = ExternalId(
        load_default=None, allow_none=True, metadata={"description": "group_buy: the order that pays the seat"}
    )


class MyParticipationBody(OwnParticipationBody):
    class Meta(Body.Meta):
        example = {"activity_id": "act_01kbt1wz00fcyry88y1p63pagn"}  # noqa: RUF012 -- read once

    activity_id = Identifier("act", required=True)


class ParticipationBody(OwnParticipationBody):
    """Of any member, who is named in one of two ways."""

    class Meta(Body.Meta):
        example = {"member_external_id": "C-1001"}  # noqa: RUF012 -- read once

    member_id = Identifier("mem", load_default=None, allow_none=True)
    member_external_id = ExternalId(load_default=None, allow_none=True)
    at = Instant(load_default=None, allow_none=True, metadata={"description": "when it happened; null: now"})
    paid = Flag(load_default=False, metadata={"description": "group_buy: the shop has the money for the seat"})

    @validates_schema
    def one_member(self, data: Mapping[str, Any], **_: Any) -> None:
        named = [name for name in ("member_id", "member_external_id") if data.get(name) is not None]
        if len(named) != 1:
            fault = "Exactly one of member_id and member_external_id names the member."
            raise ValidationError({"member_external_id" if named else "member_id": [fault]})


class PartDecisionBody(Body):
    action = fields.String(required=True, validate=validate.OneOf(["release", "reject"]))


class WinnersBody(Body):
    participation_ids = fields.List(
        Identifier("apt"), required=True, validate=validate.Length(max=1000),
        metadata={"description": "all of the winners: who is left out is none any more"},
    )  # fmt: skip


class EngagementReportBody(Body):
    likes = Whole(load_default=0)
    comments = Whole(load_default=0)
    shares = Whole(load_default=0)
    views = Whole(load_default=0)


class ParticipationQuery(Page):
    member_id = Identifier("mem", load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(TOOK))
    team_id = Identifier("tem", load_default=None)


class TeamQuery(Page):
    status = fields.String(load_default=None, validate=validate.OneOf(TEAM_STATUSES))


class ActivityRewardQuery(Page):
    member_id = Identifier("mem", load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(REWARD_STATUSES))


class ReportedShape(Schema):
    likes = fields.Integer()
    comments = fields.Integer()
    shares = fields.Integer()
    views = fields.Integer()


class MyParticipationShape(Schema):
    id = fields.String(metadata={"example": "apt_01kbt1wz00fcyry88y1p63pagn"})
    activity_id = fields.String(metadata={"example": "act_01kbt1wz00fcyry88y1p63pagn"})
    status = fields.String(validate=validate.OneOf(TOOK), load_default="counted")
    reason = fields.String(allow_none=True, metadata={"example": None})
    day = fields.Date(metadata={"description": "in the program's time zone"})
    happened_at = fields.DateTime()
    team_id = fields.String(allow_none=True, metadata={"example": None})
    order_external_id = fields.String(allow_none=True, metadata={"example": None})
    content_id = fields.String(allow_none=True, metadata={"example": None})
    option = fields.String(allow_none=True, metadata={"example": None})
    text = fields.String(allow_none=True, metadata={"example": None})
    expires_at = fields.DateTime(
        allow_none=True, metadata={"description": "reserved: until when it is paid", "example": None}
    )
    reached_at = fields.DateTime(
        allow_none=True, metadata={"description": "engagement: when it was seen to reach the goal", "example": None}
    )


class ParticipationShape(MyParticipationShape):
    member_id = fields.String()
    order_id = fields.String(allow_none=True, metadata={"example": None})
    invited_id = fields.String(
        allow_none=True, metadata={"description": "invite: the customer who bought", "example": None}
    )
    value = fields.Integer(allow_none=True, metadata={"description": "share: unique clicks", "example": None})
    reported = fields.Nested(
        ReportedShape, allow_none=True, metadata={"description": "engagement: as staff read it", "example": None}
    )


class TeamShape(Schema):
    id = fields.String(metadata={"example": "tem_01kbt1wz00fcyry88y1p63pagn"})
    activity_id = fields.String(metadata={"example": "act_01kbt1wz00fcyry88y1p63pagn"})
    leader_id = fields.String(metadata={"example": "mem_01kbt1wz00fcyry88y1p63pagn"})
    size = fields.Integer(metadata={"example": 3})
    seats_left = fields.Integer(metadata={"example": 1})
    confirmed = fields.Integer(metadata={"description": "seats that are paid", "example": 2})
    status = fields.String(validate=validate.OneOf(TEAM_STATUSES))
    opened_at = fields.DateTime()
    expires_at = fields.DateTime()
    ended_at = fields.DateTime(allow_none=True, metadata={"example": None})


class MyTeamShape(Schema):
    """What a member needs to invite others, and no more of them."""

    id = fields.String(metadata={"example": "tem_01kbt1wz00fcyry88y1p63pagn"})
    size = fields.Integer(metadata={"example": 3})
    seats_left = fields.Integer(metadata={"example": 1})
    status = fields.String(validate=validate.OneOf(TEAM_STATUSES))
    expires_at = fields.DateTime()


class ActivityRewardShape(Schema):
    id = fields.String(metadata={"example": "arw_01kbt1wz00fcyry88y1p63pagn"})
    activity_id = fields.String(metadata={"example": "act_01kbt1wz00fcyry88y1p63pagn"})
    member_id = fields.String()
    occasion = fields.String(metadata={"example": "day:2026-01-31"})
    kind = fields.String(validate=validate.OneOf(REWARD_KINDS))
    amount = fields.Integer(allow_none=True)
    coupon_id = fields.String(allow_none=True, metadata={"example": None})
    status = fields.String(validate=validate.OneOf(REWARD_STATUSES))
    reason = fields.String(
        allow_none=True, metadata={"description": "why it was refused or taken back", "example": None}
    )
    paid_at = fields.DateTime(allow_none=True)
    created_at = fields.DateTime()


class MyActivityQuery(Page):
    status = fields.String(load_default=None, validate=validate.OneOf(["scheduled", "running", "settling", "settled"]))


class MyActivityShape(Schema):
    """An activity as a member sees it, with what he has done and got in it."""

    id = fields.String(metadata={"example": "act_01kbt1wz00fcyry88y1p63pagn"})
    kind = fields.String(validate=validate.OneOf(KINDS))
    name = fields.String(metadata={"example": "Seven days of tea"})
    texts = fields.Nested(TextsShape)
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()
    status = fields.String(validate=validate.OneOf(STATUSES))
    goal = fields.Nested(GoalShape, metadata={"example": {"each": True, "streaks": []}})
    limits = fields.Nested(LimitsBody)
    reward = fields.Nested(RewardTermsShape, allow_none=True)
    counted = fields.Integer(metadata={"description": "participations of mine that count", "example": 3})
    rewards_paid = fields.Integer(metadata={"example": 3})
    rewards_due = fields.Integer(metadata={"example": 0})


class MyWholeActivityShape(MyActivityShape):
    checked_in_today = fields.Boolean()
    streak = fields.Integer(metadata={"description": "check_in: days in a row up to today", "example": 3})
    longest_streak = fields.Integer(metadata={"example": 3})
    vote = fields.String(allow_none=True, metadata={"description": "poll: my option", "example": None})
    votes = fields.Dict(
        keys=fields.String(), values=fields.Integer(), allow_none=True,
        metadata={"description": "poll: by option; null while they are not shown", "example": None},
    )  # fmt: skip
    teams = fields.List(fields.Nested(MyTeamShape), metadata={"description": "group_buy: mine"})
