"""Where chat platforms call: public, checked by their signatures, bounded and limited, and silent about failures."""

from typing import Any

from flask import Blueprint, request
from marshmallow import Schema, fields

from community.groups.callbacks import Call, receive
from community.groups.limits import limit_callbacks
from core.auth.access import PUBLIC
from core.http.endpoint import endpoint

blueprint = Blueprint("chat_callbacks", __name__)

MOST_BYTES = 64 * 1024
"""Platforms tell of one message or a handful of events at a time; what people write in chats is shorter."""


class CallbackBody(Schema):
    """A platform's own document."""


class CallbackAnswer(Schema):
    """Nothing, or what the platform wants to read when it asks whether we are there."""

    challenge = fields.String(metadata={"description": "only where it was asked for"})


class RawLoader:
    """The bytes as they came: signatures are made over them."""

    schema: type[Schema] = CallbackBody

    def load(self, body: bytes) -> bytes:
        return body


@blueprint.before_request
def bound_body() -> None:
    request.max_content_length = MOST_BYTES


@blueprint.post("/v1/chat-callbacks/<platform>/<token>")
@endpoint(
    PUBLIC, summary="A chat platform tells of joins and questions", body=RawLoader(), query=None,
    answer=CallbackAnswer, refuses=("not_found", "too_many_requests"),
    description="The address of a group's `callback_path`. Calls carry the platform's signature; each event counts "
    "once. An unknown address and a wrong signature answer alike.",
)  # fmt: skip
def receive_callback(platform: str, token: str, body: bytes) -> Any:
    limit_callbacks(token)
    return dict(receive(platform, token, Call(dict(request.headers), {}, body)))
