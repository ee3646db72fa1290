"""JSON shapes of messages and their attempts."""

from typing import Any

from marshmallow import Schema, fields, validate

from community.delivery.log import LoggedMessage, Tried
from community.delivery.rules import Status
from community.groups.service import PREFIX as GROUP
from core.http.fields import Reference, Text
from core.http.schemas import Page
from core.ids import public_id

PREFIX = "msg"
STATUSES = [status.value for status in Status]
ATTEMPT_STATUSES = ["sending", "sent", "refused", "throttled", "unreached", "unknown"]


class MessageQuery(Page):
    group_id = Reference(GROUP, load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    topic = Text(40, load_default=None, metadata={"example": "order"})


class AttemptShape(Schema):
    number = fields.Integer(metadata={"description": "tries of the same message count up, under the same key"})
    status = fields.String(
        validate=validate.OneOf(ATTEMPT_STATUSES),
        metadata={
            "example": "sent",
            "description": "throttled, unreached: nothing was posted, it waits; unknown: no answer, or the sender died",
        },
    )
    reason = fields.String(allow_none=True, metadata={"example": None})
    reference = fields.String(allow_none=True, metadata={"description": "the platform's own id", "example": "7"})
    messages = fields.Integer(metadata={"description": "how many messages went out together", "example": 42})
    started_at = fields.DateTime()
    finished_at = fields.DateTime(allow_none=True)


class WholeAttemptShape(AttemptShape):
    text = fields.String(metadata={"description": "as it went out", "example": "New order: 42.00\n… and 37 more"})


class GroupMessageShape(Schema):
    id = fields.String()
    group_id = fields.String(metadata={"example": "grp_06d6r7kg01fcyry88y1p63pagn"})
    topic = fields.String(metadata={"example": "order"})
    priority = fields.Integer(metadata={"description": "0 money … 9", "example": 5})
    text = fields.String(metadata={"example": "New order: 42.00"})
    status = fields.String(validate=validate.OneOf(STATUSES), metadata={"example": "sent"})
    folded = fields.Boolean(metadata={"description": "said as one of “… and 37 more”"})
    due_at = fields.DateTime(metadata={"description": "not before: its time, or the end of quiet hours"})
    expires_at = fields.DateTime(metadata={"description": "not news any more from then on"})
    status_at = fields.DateTime()
    created_at = fields.DateTime()
    attempts = fields.List(fields.Nested(AttemptShape))


class WholeGroupMessageShape(GroupMessageShape):
    attempts = fields.List(fields.Nested(WholeAttemptShape))


def message_shape(message: LoggedMessage) -> dict[str, Any]:
    return _shape(message, [_attempt(one) for one in message.attempts])


def whole_message_shape(message: LoggedMessage) -> dict[str, Any]:
    return _shape(message, [_attempt(one) | {"text": one.text} for one in message.attempts])


def _shape(message: LoggedMessage, attempts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": public_id(PREFIX, message.id),
        "group_id": public_id(GROUP, message.group_id),
        "topic": message.topic,
        "priority": message.priority,
        "text": message.text,
        "status": message.status,
        "folded": message.folded,
        "due_at": message.due_at,
        "expires_at": message.expires_at,
        "status_at": message.status_at,
        "created_at": message.created_at,
        "attempts": attempts,
    }


def _attempt(one: Tried) -> dict[str, Any]:
    return {
        "number": one.number,
        "status": one.status,
        "reason": one.reason,
        "reference": one.reference,
        "messages": one.messages,
        "started_at": one.started_at,
        "finished_at": one.finished_at,
    }
