"""JSON shapes of groups."""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from community.groups.queries import Group
from community.groups.rules import LANGUAGES, TOPICS, Scope, Status
from community.groups.service import PREFIX
from community.platforms.service import PLATFORMS, Target, masked_target
from core.http.fields import Attributes, ExternalId, Flag, Identifier, Note, Text
from core.http.schemas import Body, Page
from core.ids import parse_public_id, public_id, public_id_or_none

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_SCOPES = [scope.value for scope in Scope]
_STATUSES = [status.value for status in Status]
LONGEST_RULES = 4000
LONGEST_WELCOME = 1000
_RULES = "Be kind. Ask before you post links of your own."


class ClockTime(fields.String):
    """HH:MM; loads to minutes after midnight."""

    json_schema = {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}  # noqa: RUF012 -- as every field of the house has it

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError("Not a time of the day such as 22:00.")
        return int(found[1]) * 60 + int(found[2])


def clock_text(minute: int | None) -> str | None:
    """Minutes after midnight as HH:MM."""
    return None if minute is None else f"{minute // 60:02}:{minute % 60:02}"


class TimeZone(Text):
    """A name of the tz database."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        name = super()._deserialize(*args, **kwargs)
        if name not in available_timezones():
            raise ValidationError("Not a time zone such as Asia/Shanghai.")
        return ZoneInfo(name).key


class QuietHoursBody(Body):
    from_ = ClockTime(required=True, data_key="from", metadata={"example": "22:00"})
    to = ClockTime(required=True, metadata={"example": "08:00"})

    @validates_schema
    def spans(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("from_") == data.get("to"):
            raise ValidationError({"to": ["Not the time at which they begin."]})


def _topics(**options: Any) -> fields.Field[Any]:
    return fields.List(
        fields.String(validate=validate.OneOf(TOPICS)), validate=validate.Length(0, len(TOPICS)),
        metadata={"description": "what the group hears of", "example": ["order", "coupon", "digest"]}, **options,
    )  # fmt: skip


def _target(**options: Any) -> fields.Field[Any]:
    return Attributes(
        metadata={
            "description": "where the group is: the fields that its platform needs (see `GET /v1/platforms`). Stored "
            "encrypted, shown masked",
            "example": {"url": "https://hooks.shop.example/groups/7"},
        }, **options,
    )  # fmt: skip


class GroupChange(Body):
    """What may change of a group. Its platform and external id never do."""

    name = Text(200, metadata={"example": "Tea lovers 7"})
    target = _target()
    topics = _topics()
    scope = fields.String(
        validate=validate.OneOf(_SCOPES),
        metadata={
            "description": "program: all news; group: what rides with this group's id; team: what its owner's team does"
        },
    )
    show_amounts = Flag()
    quiet_hours = fields.Nested(QuietHoursBody, allow_none=True)
    timezone = TimeZone(60, allow_none=True, metadata={"description": "null: the program's"})
    language = fields.String(validate=validate.OneOf(LANGUAGES))
    owner_member_id = Identifier("mem", allow_none=True)
    rules = Note(
        LONGEST_RULES, allow_none=True, metadata={"description": "sent to who joins, plain text", "example": _RULES}
    )
    welcome = Note(
        LONGEST_WELCOME, allow_none=True,
        metadata={
            "description": "sent to who joins, plain text; {name} is his name, masked", "example": "Welcome, {name}!",
        },
    )  # fmt: skip
    digest_at = ClockTime(
        allow_none=True,
        metadata={"description": "when the digest of the day is sent, in the group's time zone", "example": "20:00"},
    )


class NewGroupBody(GroupChange):
    external_id = ExternalId(load_default=None, allow_none=True, metadata={"example": "wecom-17"})
    name = Text(200, required=True, metadata={"example": "Tea lovers 7"})
    platform = fields.String(required=True, validate=validate.OneOf(sorted(PLATFORMS)), metadata={"example": "webhook"})
    target = _target(required=True)
    topics = _topics(load_default=list)
    scope = fields.String(load_default=Scope.PROGRAM.value, validate=validate.OneOf(_SCOPES))
    show_amounts = Flag(load_default=False)
    quiet_hours = fields.Nested(QuietHoursBody, load_default=None, allow_none=True)
    timezone = TimeZone(60, load_default=None, allow_none=True, metadata={"description": "null: the program's"})
    language = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(LANGUAGES),
        metadata={"description": "none given: zh where the program's currency is CNY, else en"},
    )  # fmt: skip
    owner_member_id = Identifier("mem", load_default=None, allow_none=True)
    rules = Note(LONGEST_RULES, load_default=None, allow_none=True, metadata={"example": _RULES})
    welcome = Note(LONGEST_WELCOME, load_default=None, allow_none=True, metadata={"example": "Welcome, {name}!"})
    digest_at = ClockTime(load_default=None, allow_none=True, metadata={"example": "20:00"})

    @validates_schema
    def no_id_of_ours(self, data: dict[str, Any], **_: Any) -> None:
        # an order's group_id is either: one that is both would be two groups
        if parse_public_id(PREFIX, data.get("external_id") or "") is not None:
            raise ValidationError({"external_id": ["It looks like an id of ours."]})


class GroupQuery(Page):
    status = fields.String(validate=validate.OneOf(_STATUSES))
    platform = fields.String(validate=validate.OneOf(sorted(PLATFORMS)))
    external_id = ExternalId()
    owner_member_id = Identifier("mem")


class PauseBody(Body):
    reason = Note(500, load_default=None, allow_none=True)


class QuietHoursShape(Schema):
    from_ = fields.String(data_key="from", metadata={"example": "22:00"})
    to = fields.String(metadata={"example": "08:00"})


class GroupHealthShape(Schema):
    last_sent_at = fields.DateTime(allow_none=True)
    refusals_in_a_row = fields.Integer(metadata={"description": "5 pause the group", "example": 0})
    last_error = fields.String(allow_none=True, metadata={"description": "of the last not sent", "example": None})
    paused_at = fields.DateTime(allow_none=True, metadata={"example": None})
    paused_reason = fields.String(
        allow_none=True, metadata={"description": "refusals, or what staff said", "example": None}
    )


class GroupShape(Schema):
    id = fields.String(metadata={"example": "grp_01kbt1wz00fcyry88y1p63pagn"})
    external_id = fields.String(allow_none=True, metadata={"example": "wecom-17"})
    name = fields.String(metadata={"example": "Tea lovers 7"})
    platform = fields.String()
    target = fields.String(
        allow_none=True, metadata={"description": "masked; null: ended", "example": "********oups/7"}
    )
    callback_path = fields.String(
        allow_none=True,
        metadata={
            "description": "what the platform is told to call, behind this installation's address; null where it tells "
            "nothing",
            "example": None,
        },
    )
    topics = fields.List(fields.String())
    scope = fields.String(validate=validate.OneOf(_SCOPES))
    show_amounts = fields.Boolean()
    quiet_hours = fields.Nested(QuietHoursShape, allow_none=True)
    timezone = fields.String(metadata={"description": "its own, or the program's"})
    language = fields.String(validate=validate.OneOf(LANGUAGES))
    owner_member_id = fields.String(allow_none=True)
    rules = fields.String(allow_none=True, metadata={"example": _RULES})
    welcome = fields.String(allow_none=True, metadata={"example": "Welcome, {name}!"})
    digest_at = fields.String(allow_none=True, metadata={"example": "20:00"})
    status = fields.String(validate=validate.OneOf(_STATUSES))
    health = fields.Nested(GroupHealthShape)
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


def group_shape(group: Group, target: Target | None) -> dict[str, Any]:
    """`target`: opened, only to be masked; None of an ended group."""
    quiet = group.quiet_hours
    return {
        "id": public_id(PREFIX, group.id),
        "external_id": group.external_id,
        "name": group.name,
        "platform": group.platform,
        "target": masked_target(target) if target is not None else None,
        "callback_path": callback_path(group),
        "topics": group.topics,
        "scope": group.scope,
        "show_amounts": group.show_amounts,
        "quiet_hours": quiet and {"from": clock_text(quiet.starts), "to": clock_text(quiet.ends)},
        "timezone": group.timezone,
        "language": group.language,
        "owner_member_id": public_id_or_none("mem", group.owner_member_id),
        "rules": group.rules,
        "welcome": group.welcome,
        "digest_at": clock_text(group.digest_minute),
        "status": group.status,
        "health": {
            "last_sent_at": group.last_sent_at,
            "refusals_in_a_row": group.refusals_in_a_row,
            "last_error": group.last_error,
            "paused_at": group.paused_at,
            "paused_reason": group.paused_reason,
        },
        "created_at": group.created_at,
        "updated_at": group.updated_at,
    }


def callback_path(group: Group) -> str | None:
    """Where the group's platform tells of joins and questions, if it can."""
    capability = PLATFORMS.get(group.platform)
    if capability is None or not (capability.tells_joins or capability.asks_questions):
        return None
    return f"/v1/chat-callbacks/{group.platform}/{group.callback_token}"


class TestOutcomeShape(Schema):
    outcome = fields.String(validate=validate.OneOf(["sent", "refused", "throttled", "unknown"]))
    reason = fields.String(
        allow_none=True, metadata={"description": "why not; the platform's words are never passed on", "example": None}
    )
    retry_after = fields.Integer(allow_none=True, metadata={"description": "seconds, where throttled", "example": None})
