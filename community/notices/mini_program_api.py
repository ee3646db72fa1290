"""Which subscribe message tells a topic, over HTTP."""

from typing import Any

from flask import Blueprint

from community.notices.mini_program import message_of, remove_message, set_message
from community.notices.schemas import MessageBody, MessageShape, message_shape
from community.notices.templates import known_topic
from core.auth.actor import Actor
from core.http.endpoint import endpoint

blueprint = Blueprint("mini_program_notices", __name__)


@blueprint.get("/v1/notice-templates/<topic>/mini-program")
@endpoint("notices:read", summary="The subscribe message of a topic", answer=MessageShape)
def get_message(actor: Actor, topic: str) -> Any:
    return message_shape(message_of(actor.program_id, known_topic(topic)))


@blueprint.put("/v1/notice-templates/<topic>/mini-program")
@endpoint(
    "notices:write", summary="Set the subscribe message of a topic", body=MessageBody, answer=MessageShape,
    description="订阅消息. It goes to members who agreed to it (`POST /v1/me/notice-grants`), one for each grant, "
    "by the program's mini-program.",
)  # fmt: skip
def put_message(actor: Actor, topic: str, body: dict[str, Any]) -> Any:
    known_topic(topic)
    given = {"template_id": body["template_id"], "page": body["page"], "fields": body["keywords"]}
    return message_shape(set_message(actor.program, actor.id, topic, **given))


@blueprint.delete("/v1/notice-templates/<topic>/mini-program")
@endpoint(
    "notices:write", summary="Tell a topic by no subscribe message", status=204,
    description="What waits is not sent. Again is no error.",
)  # fmt: skip
def delete_message(actor: Actor, topic: str) -> Any:
    remove_message(actor.program_id, known_topic(topic))
