"""The delivery log over HTTP: what groups were told, every try, and sending again."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from community.delivery import log
from community.delivery.errors import MessageNotFound
from community.delivery.schemas import (
    PREFIX,
    GroupMessageShape,
    MessageQuery,
    WholeGroupMessageShape,
    message_shape,
    whole_message_shape,
)
from community.groups.service import find_group
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.paging import id_cursor, page
from core.ids import parse_ref

blueprint = Blueprint("delivery", __name__)


@blueprint.get("/v1/messages")
@endpoint(
    "notices:read", summary="What groups were told or shall be, newest first", query=MessageQuery,
    answer=GroupMessageShape, paged=True, refuses=("not_found",),
    description="A message is one thing to be said in one group. Those of a burst go out together: the attempts are "
    "of the whole. Kept for 90 days after they ended.",
)  # fmt: skip
def list_messages(actor: Actor, query: dict[str, Any]) -> Any:
    limit, ref = query["limit"], query["group_id"]
    rows = log.log_of(
        actor.program_id, group_id=None if ref is None else find_group(actor.program_id, ref).id,
        status=query["status"], topic=query["topic"], before=id_cursor(query["cursor"]), most=limit + 1,
    )  # fmt: skip
    return page(rows, limit, message_shape, lambda message: [str(message.id)])


@blueprint.get("/v1/messages/<ref>")
@endpoint("notices:read", summary="One message with what went out", answer=WholeGroupMessageShape)
def show_message(actor: Actor, ref: str) -> Any:
    return whole_message_shape(log.message_of(actor.program_id, _message_id(ref)))


@blueprint.post("/v1/messages/<ref>/resend")
@endpoint(
    "notices:write", summary="Send a message again", answer=WholeGroupMessageShape, refuses=("wrong_state",),
    description="Only one that was refused, has expired, or is unknown: that one may be in the chat already.",
)  # fmt: skip
def resend_message(actor: Actor, ref: str) -> Any:
    return whole_message_shape(log.resend(actor.program_id, _message_id(ref)))


def _message_id(ref: str) -> UUID:
    parsed = parse_ref(PREFIX, ref)
    if not isinstance(parsed, UUID):
        raise MessageNotFound()
    return parsed
