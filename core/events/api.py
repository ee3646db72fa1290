"""The event log over HTTP, for shops that cannot be called back."""

import re
from collections.abc import Mapping
from typing import Any

from flask import Blueprint
from marshmallow import Schema, ValidationError, fields, validate

from core.auth.actor import Actor
from core.events.reading import events_after
from core.events.showing import event_shape
from core.http.endpoint import endpoint
from core.http.fields import Text
from core.http.paging import DEFAULT_LIMIT, MAX_LIMIT
from core.http.schemas import Body

blueprint = Blueprint("event_log", __name__)

_TYPE = re.compile(r"[a-z_]+\.[a-z_]+")


class EventTypes(Text):
    """Types of events with commas between, as a list."""

    def __init__(self, **options: Any) -> None:
        super().__init__(1000, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        types = super()._deserialize(value, attr, data, **kwargs).split(",")
        if not all(map(_TYPE.fullmatch, types)):
            raise ValidationError("Not types such as order.attributed,order.refunded.")
        return types


class EventQuery(Body):
    after = fields.Integer(
        load_default=0, validate=validate.Range(0, (1 << 63) - 1),
        metadata={"description": "The `next_after` of the answer before; 0: from the beginning.", "example": 0},
    )  # fmt: skip
    types = EventTypes(
        load_default=None,
        metadata={"description": "Only these, with commas between.", "example": "order.attributed,order.refunded"},
    )
    limit = fields.Integer(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))


class EventShape(Schema):
    seq = fields.Integer(metadata={"description": "Its place in the log: 1, 2, 3 …", "example": 1})
    id = fields.String()
    type = fields.String(metadata={"example": "order.attributed"})
    happened_at = fields.DateTime(metadata={"description": "business time, such as an order's paid_at"})
    created_at = fields.DateTime(metadata={"description": "when it was told"})
    facts = fields.Dict(metadata={"description": "ids, amounts in minor units and words, by the type"})


class EventLogShape(Schema):
    data = fields.List(fields.Nested(EventShape))
    next_after = fields.Integer(metadata={"description": "what to send as `after` the next time", "example": 50})


@blueprint.get("/v1/events")
@endpoint(
    "events:read", summary="What happened, oldest first", query=EventQuery, answer=EventLogShape,
    description="The whole log in order, each event at its place for good: ask again with `next_after`, also after an "
    "empty answer. An event is here within a few seconds of what it tells and for at least 30 days.",
)  # fmt: skip
def list_events(actor: Actor, query: dict[str, Any]) -> Any:
    found = events_after(actor.program_id, query["after"], query["types"], query["limit"])
    return {
        "data": [event_shape(event) for event in found],
        "next_after": found[-1].seq if found else query["after"],
    }
