"""`POST /v1/events`: shops, staff, and visitors' pages tell of likes, comments, shares and views."""

from typing import Any

from flask import Blueprint
from marshmallow import Schema, fields, validate

from community.activities.engagement import Reaction, Told, tell_reactions
from community.activities.rules import REACTIONS
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.fields import ExternalId, Identifier, Instant, Text
from core.http.schemas import BatchResult, Body, batch_error
from core.ids import public_id_or_none

blueprint = Blueprint("engagement", __name__)

MAX_BATCH = 1000


class EngagementBody(Body):
    kind = fields.String(required=True, validate=validate.OneOf(REACTIONS))
    content_id = Text(200, required=True)
    external_id = ExternalId(required=True, metadata={"description": "natural key within the kind"})
    at = Instant(required=True)
    member_id = Identifier("mem", load_default=None, allow_none=True)
    visitor_id = Text(200, load_default=None, allow_none=True)


class EngagementBatchBody(Body):
    class Meta(Body.Meta):
        example = {  # noqa: RUF012 -- read once
            "events": [
                {
                    "kind": "like", "content_id": "video-42", "external_id": "like-1001",
                    "at": "2026-01-31T08:00:00Z", "visitor_id": "bfzPplNnkX7-JzLJ23e336",
                }
            ]
        }  # fmt: skip

    events = fields.List(fields.Nested(EngagementBody), required=True, validate=validate.Length(1, MAX_BATCH))


class EngagementResults(Schema):
    results = fields.List(fields.Nested(BatchResult))


@blueprint.post("/v1/events")
@endpoint(
    "engagement:write", summary="Tell of likes, comments, shares and views", body=EngagementBatchBody,
    answer=EngagementResults,
    description="Up to 1000, each by its own result. A person counts once for like, share and view of a content. A "
    "publishable key tells of visitors only, of the last seven days, and no more of a content in an hour than "
    "activities allow; what is beyond is kept without counting.",
)  # fmt: skip
def tell_events(actor: Actor, body: dict[str, Any]) -> Any:
    reactions = [Reaction(**one) for one in body["events"]]
    told = tell_reactions(actor, reactions)
    return {"results": [_result(one, fate) for one, fate in zip(reactions, told, strict=True)]}


def _result(reaction: Reaction, told: Told) -> dict[str, Any]:
    status = "error" if told.error else "created" if told.is_new else "exists"
    return {
        "external_id": reaction.external_id,
        "status": status,
        "id": public_id_or_none("eng", told.id),
        "error": batch_error(told.error) if told.error else None,
    }
