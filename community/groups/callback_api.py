"""Where chat platforms call: public, checked by their signatures, bounded and limited, and silent about failures."""

from typing import Any

from flask import Blueprint, request
from marshmallow import EXCLUDE, Schema, fields

from community.groups.callbacks import Call, receive
from community.groups.limits import limit_callbacks
from core.auth.access import PUBLIC
from core.http.endpoint import endpoint

blueprint = Blueprint("chat_callbacks", __name__)

MOST_BYTES = 64 * 1024
"""Platforms tell of one message or a handful of events at a time; what people write in chats is shorter."""


class CallbackBody(Schema):
    """A platform's own document."""


class CallbackQuery(Schema):
    """What DingTalk signs its events with. Others may write there what they like."""

    class Meta:
        unknown = EXCLUDE

    signature = fields.String(metadata={"description": "hex SHA-1; `msg_signature` says the same"})
    msg_signature = fields.String()
    timestamp = fields.String(metadata={"description": "milliseconds since the epoch", "example": "1700000000000"})
    nonce = fields.String()


class CallbackAnswer(Schema):
    """Nothing, or what the platform wants to read: Feishu its challenge, DingTalk a locked and signed "success"."""

    challenge = fields.String(metadata={"description": "only where it was asked for"})
    msg_signature = fields.String(metadata={"description": "DingTalk's four, of every event"})
    time_stamp = fields.String(data_key="timeStamp", metadata={"description": "milliseconds since the epoch"})
    nonce = fields.String()
    encrypt = fields.String(metadata={"description": "base64"})


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
    PUBLIC, summary="A chat platform tells of joins and questions", body=RawLoader(),
    query=CallbackQuery, answer=CallbackAnswer, refuses=("not_found", "too_many_requests"),
    description="The address of a group's `callback_path`. Calls carry the platform's signature; each event counts "
    "once. An unknown address and a wrong signature answer alike.",
)  # fmt: skip
def receive_callback(platform: str, token: str, body: bytes, query: dict[str, str]) -> Any:
    limit_callbacks(token)
    return dict(receive(platform, token, Call(dict(request.headers), query, body)))
