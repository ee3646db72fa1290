"""JSON shapes of activities. Amounts are minor units of the budget's currency, or points where it is PTS."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate, validates_schema

from community.activities.budgets import POINTS
from community.activities.goals import MAX_SECONDS, TOO_MANY_POINTS, GoalBody, GoalShape, goal_faults, streak_faults
from community.activities.rules import Kind, Status
from community.groups.service import PREFIX as GROUP
from community.points.rules import MOST_POINTS
from core.http.fields import Amount, ExternalId, Flag, Identifier, Instant, Note, Text, Whole
from core.http.schemas import Body, Page
from core.money import CURRENCY_EXPONENTS

KINDS = [kind.value for kind in Kind]
STATUSES = [status.value for status in Status]
REWARD_KINDS = ["points", "coupon", "cash"]
PAY = ["at_once", "settlement"]
SHARED_DEVICE = ["allow", "hold", "refuse"]
BUDGET_STATUSES = ["requested", "approved", "closed"]

_PAID_AT_ONCE = {Kind.CHECK_IN, Kind.INVITE}
_WITHOUT_LIMITS = {Kind.SHARE, Kind.MEMBER_DAY}


class LimitsBody(Body):
    per_member = Whole(minimum=1, maximum=10**6, load_default=None, allow_none=True, metadata={"example": 30})
    per_day = Whole(
        minimum=1, maximum=10**6, load_default=None, allow_none=True,
        metadata={"description": "of a member, in the program's time zone", "example": 1},
    )  # fmt: skip
    total = Whole(minimum=1, maximum=10**9, load_default=None, allow_none=True, metadata={"example": 10_000})


class RewardBody(Body):
    kind = fields.String(required=True, validate=validate.OneOf(REWARD_KINDS))
    amount = Amount(
        minimum=1, load_default=None, allow_none=True,
        metadata={"description": f"points, at most {MOST_POINTS}, or minor units of cash", "example": 10},
    )  # fmt: skip
    coupon_id = Identifier(
        "cpn", load_default=None, allow_none=True, metadata={"description": "claimed for the member"}
    )
    pay = fields.String(
        load_default="settlement", validate=validate.OneOf(PAY),
        metadata={"description": "at_once (check_in, invite): seconds after the occasion"},
    )  # fmt: skip

    @validates_schema
    def fits_its_kind(self, data: Mapping[str, Any], **_: Any) -> None:
        needed, foreign = ("coupon_id", "amount") if data["kind"] == "coupon" else ("amount", "coupon_id")
        faults = {foreign: ["Not for this kind of reward."]} if data[foreign] is not None else {}
        if data[needed] is None:
            faults[needed] = ["This kind of reward needs it."]
        elif data["kind"] == "points" and data["amount"] > MOST_POINTS:
            faults["amount"] = [TOO_MANY_POINTS]
        if faults:
            raise ValidationError(faults)


class BudgetBody(Body):
    currency = fields.String(
        required=True, validate=validate.OneOf([*CURRENCY_EXPONENTS, POINTS]),
        metadata={"description": "the program's, which another person approves, or PTS for points", "example": "PTS"},
    )  # fmt: skip
    amount = Amount(minimum=1, required=True, metadata={"example": 100_000})


class ActivityGuardBody(Body):
    shared_device = fields.String(
        load_default="hold", validate=validate.OneOf(SHARED_DEVICE),
        metadata={"description": "invite: inviter and invited share a device, a phone or a payout account"},
    )  # fmt: skip
    members_only = Flag(
        load_default=False, metadata={"description": "only who is known to be in one of the groups takes part"}
    )
    public_per_hour = Whole(
        minimum=0, maximum=10**6, load_default=100,
        metadata={"description": "engagement: reactions to a post that publishable keys may report in an hour"},
    )  # fmt: skip


class TextBody(Body):
    title = Text(200, required=True, metadata={"example": "Check in for seven days"})
    rules = Note(4000, load_default=None, allow_none=True, metadata={"example": "One check-in a day."})


class TextsBody(Body):
    zh = fields.Nested(TextBody, metadata={"example": {"title": "七天打卡", "rules": "每天一次。"}})
    en = fields.Nested(TextBody)


def _groups(**options: Any) -> fields.Field[Any]:
    return fields.List(
        Identifier(GROUP), validate=validate.Length(max=1000),
        metadata={"description": "none: the whole program"}, **options,
    )  # fmt: skip


class NewActivity(Body):
    class Meta(Body.Meta):
        example = {  # noqa: RUF012 -- read once
            "external_id": "check-in-may", "kind": "check_in", "name": "Seven days of tea",
            "starts_at": "2027-05-01T00:00:00Z", "ends_at": "2027-05-08T00:00:00Z",
            "goal": {"streaks": [{"days": 7, "amount": 50}]}, "limits": {"per_member": 7},
            "reward": {"kind": "points", "amount": 10, "pay": "at_once"},
            "budget": {"currency": "PTS", "amount": 100_000},
            "texts": {"zh": {"title": "七天打卡"}, "en": {"title": "Check in for seven days"}},
        }  # fmt: skip

    external_id = ExternalId(load_default=None, allow_none=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    name = Text(200, required=True)
    group_ids = _groups(load_default=list)
    starts_at = Instant(required=True)
    ends_at = Instant(required=True, metadata={"description": "until just before"})
    settle_after_seconds = Whole(
        minimum=60, maximum=MAX_SECONDS, load_default=60,
        metadata={"description": "after the end, so that refunds and late news still count"},
    )  # fmt: skip
    published = Flag(load_default=True, metadata={"description": "false: a draft until it is set"})
    goal = fields.Nested(GoalBody, load_default=dict)
    limits = fields.Nested(LimitsBody, load_default=lambda: LimitsBody().load({}))
    reward = fields.Nested(RewardBody, load_default=None, allow_none=True)
    budget = fields.Nested(BudgetBody, load_default=None, allow_none=True)
    guard = fields.Nested(ActivityGuardBody, load_default=lambda: ActivityGuardBody().load({}))
    texts = fields.Nested(TextsBody, load_default=dict)

    @validates_schema
    def fits_its_kind(self, data: Mapping[str, Any], **_: Any) -> None:
        faults: dict[str, Any] = {}
        kind, reward = data["kind"], data["reward"]
        goal = goal_faults(kind, data["goal"]) or streak_faults(data["goal"], reward and reward["kind"])
        if goal:
            faults["goal"] = goal
        if data["ends_at"] <= data["starts_at"]:
            faults["ends_at"] = ["Not after starts_at."]
        if kind == Kind.SHARE:
            faults |= {name: [WHOLE_HOURS] for name in ("starts_at", "ends_at") if not is_whole_hour(data[name])}
        if kind in _WITHOUT_LIMITS and any(data["limits"].values()):
            faults["limits"] = [f"Not for an activity of kind {kind}."]
        faults |= _money_faults(kind, reward, data["budget"])
        if faults:
            raise ValidationError(faults)


WHOLE_HOURS = "Clicks are summed by the hour: a share activity begins and ends with one."


def is_whole_hour(at: Any) -> bool:
    return (at.minute, at.second, at.microsecond) == (0, 0, 0)


def _money_faults(
    kind: str, reward: Mapping[str, Any] | None, budget: Mapping[str, Any] | None
) -> dict[str, list[str]]:  # fmt: skip
    if reward is None:
        return {}
    if kind == Kind.MEMBER_DAY:
        return {"reward": ["A member day multiplies points and has no reward."]}
    if reward["pay"] == "at_once" and kind not in _PAID_AT_ONCE:
        return {"reward": ["Only check-ins and invites are paid at once."]}
    return _budget_faults(reward["kind"], budget["currency"] if budget else None)


def _budget_faults(kind: str, currency: str | None) -> dict[str, list[str]]:
    if kind == "points" and currency != POINTS:
        return {"budget": ["A reward in points needs a budget in PTS."]}
    if kind == "cash" and currency in {None, POINTS}:
        return {"budget": ["A reward in cash needs a budget in the program's currency."]}
    return {}


_FIXED = {"external_id", "kind", "goal", "reward", "budget", "guard"}


class ActivityChange(Body):
    name = Text(200)
    group_ids = _groups()
    starts_at = Instant(metadata={"description": "until it has begun"})
    ends_at = Instant()
    settle_after_seconds = Whole(minimum=60, maximum=MAX_SECONDS)
    published = Flag()
    limits = fields.Nested(LimitsBody)
    texts = fields.Nested(TextsBody)

    @pre_load
    def terms_stay(self, data: Any, **_: Any) -> Any:
        named = sorted(_FIXED & set(data)) if isinstance(data, Mapping) else []
        if named:
            raise ValidationError({name: ["It never changes: cancel the activity and make another."] for name in named})
        return data


class CancelBody(Body):
    reason = Note(500, load_default=None, allow_none=True)


class ActivityQuery(Page):
    kind = fields.String(load_default=None, validate=validate.OneOf(KINDS))
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    group_id = Identifier(GROUP, load_default=None)


class RewardTermsShape(Schema):
    kind = fields.String(validate=validate.OneOf(REWARD_KINDS))
    amount = fields.Integer(allow_none=True)
    coupon_id = fields.String(allow_none=True)
    pay = fields.String(validate=validate.OneOf(PAY))


class BudgetShape(Schema):
    currency = fields.String(metadata={"example": "PTS"})
    amount = fields.Integer()
    left = fields.Integer()
    status = fields.String(validate=validate.OneOf(BUDGET_STATUSES))
    approved_by = fields.String(allow_none=True, metadata={"example": None, "description": "a person of the staff"})
    approved_at = fields.DateTime(allow_none=True)
    returned = fields.Integer(metadata={"description": "what was left at the end", "example": 0})


class TextShape(Schema):
    title = fields.String()
    rules = fields.String(allow_none=True)


class TextsShape(Schema):
    zh = fields.Nested(TextShape)
    en = fields.Nested(TextShape)


class ProgressShape(Schema):
    members = fields.Integer(metadata={"description": "who took part"})
    participations = fields.Dict(
        keys=fields.String(), values=fields.Integer(), metadata={"example": {"counted": 120, "held": 1}}
    )
    rewards = fields.Dict(keys=fields.String(), values=fields.Integer(), metadata={"example": {"paid": 118, "due": 2}})
    rewarded = fields.Integer(metadata={"description": "points or minor units that were given"})
    teams = fields.Dict(keys=fields.String(), values=fields.Integer(), metadata={"example": {}})
    votes = fields.Dict(keys=fields.String(), values=fields.Integer(), metadata={"example": {}})


class ActivityShape(Schema):
    id = fields.String(metadata={"example": "act_01kbt1wz00fcyry88y1p63pagn"})
    external_id = fields.String(allow_none=True)
    kind = fields.String(validate=validate.OneOf(KINDS))
    name = fields.String(metadata={"example": "Seven days of tea"})
    group_ids = fields.List(fields.String(), metadata={"example": []})
    starts_at = fields.DateTime()
    ends_at = fields.DateTime()
    settle_after_seconds = fields.Integer()
    published = fields.Boolean()
    goal = fields.Nested(GoalShape, metadata={"example": {"each": True, "streaks": [{"days": 7, "amount": 50}]}})
    limits = fields.Nested(LimitsBody)
    reward = fields.Nested(RewardTermsShape, allow_none=True)
    budget = fields.Nested(BudgetShape, allow_none=True)
    guard = fields.Nested(ActivityGuardBody)
    texts = fields.Nested(TextsShape)
    status = fields.String(validate=validate.OneOf(STATUSES))
    started_at = fields.DateTime(allow_none=True)
    settled_at = fields.DateTime(allow_none=True)
    canceled_at = fields.DateTime(allow_none=True)
    cancel_reason = fields.String(allow_none=True)
    created_at = fields.DateTime()


class WholeActivityShape(ActivityShape):
    progress = fields.Nested(ProgressShape)
