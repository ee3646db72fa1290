"""What was told, over HTTP, for staff and the shop."""

from typing import Any
from uuid import UUID

from flask import Blueprint
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from community.delivery.rules import Status
from community.groups.service import PREFIX as GROUP
from community.groups.service import find_group
from community.notices.errors import NoticeNotFound
from community.notices.log import Attempt, LoggedNotice, logged_notice, logged_notices
from community.notices.me_schemas import PREFIX
from core.auth.actor import Actor
from core.http.endpoint import endpoint
from core.http.fields import Reference, Text
from core.http.paging import id_cursor, page
from core.http.schemas import Page
from core.ids import parse_ref, public_id, public_id_or_none
from referral.members.service import member_id_of

blueprint = Blueprint("notices", __name__)
_STATUSES = [status.value for status in Status]


class NoticeQuery(Page):
    group_id = Reference(GROUP, load_default=None)
    member_id = Reference("mem", load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(_STATUSES))
    topic = Text(40, load_default=None, metadata={"example": "order"})

    @validates_schema
    def _check_reader(self, given: dict[str, Any], **_options: Any) -> None:
        if given["group_id"] is not None and given["member_id"] is not None:
            raise ValidationError("Give group_id or member_id.", "member_id")


class NoticeAttemptShape(Schema):
    channel = fields.String(validate=validate.OneOf(["group", "mini_program"]))
    status = fields.String(metadata={"example": "sent"})
    reason = fields.String(allow_none=True, metadata={"example": None})
    at = fields.DateTime()


class NoticeShape(Schema):
    id = fields.String(metadata={"example": "ntc_06d6r7kg01fcyry88y1p63pagn"})
    topic = fields.String(metadata={"example": "order"})
    text = fields.String(metadata={"example": "A** sold an order of £12.50."})
    status = fields.String(
        validate=validate.OneOf(_STATUSES), metadata={"example": "sent", "description": "of an inbox: always sent"}
    )
    group_id = fields.String(allow_none=True, metadata={"example": "grp_06d6r7kg01fcyry88y1p63pagn"})
    message_id = fields.String(
        allow_none=True,
        metadata={
            "example": "msg_06d6r7kg01fcyry88y1p63pagn",
            "description": "of a group's: itself in /v1/messages",
        },
    )
    member_id = fields.String(allow_none=True, metadata={"example": None})
    created_at = fields.DateTime()
    read_at = fields.DateTime(allow_none=True, metadata={"example": None})
    attempts = fields.List(fields.Nested(NoticeAttemptShape))


@blueprint.get("/v1/notices")
@endpoint(
    "notices:read", summary="What groups and members were told, newest first", query=NoticeQuery, answer=NoticeShape,
    paged=True, refuses=("not_found",),
    description="A group's lines with every try; a member's inbox with the try of its subscribe message.",
)  # fmt: skip
def list_notices(actor: Actor, query: dict[str, Any]) -> Any:
    limit, group, member = query["limit"], query["group_id"], query["member_id"]
    rows = logged_notices(
        actor.program,
        group_id=None if group is None else find_group(actor.program_id, group).id,
        member_id=None if member is None else member_id_of(actor.program_id, member),
        status=query["status"], topic=query["topic"], before=id_cursor(query["cursor"]), most=limit + 1,
    )  # fmt: skip
    return page(rows, limit, _shape, lambda notice: [str(notice.id)])


@blueprint.get("/v1/notices/<ref>")
@endpoint("notices:read", summary="One notice", answer=NoticeShape)
def show_notice(actor: Actor, ref: str) -> Any:
    parsed = parse_ref(PREFIX, ref)
    if not isinstance(parsed, UUID):
        raise NoticeNotFound()
    return _shape(logged_notice(actor.program, parsed))


def _shape(notice: LoggedNotice) -> dict[str, Any]:
    return {
        "id": public_id(PREFIX, notice.id),
        "topic": notice.topic,
        "text": notice.text,
        "status": notice.status,
        "group_id": public_id_or_none(GROUP, notice.group_id),
        "message_id": None if notice.group_id is None else public_id("msg", notice.id),
        "member_id": public_id_or_none("mem", notice.member_id),
        "created_at": notice.created_at,
        "read_at": notice.read_at,
        "attempts": [_attempt(one) for one in notice.attempts],
    }


def _attempt(one: Attempt) -> dict[str, Any]:
    return one._asdict()
