"""JSON shapes of a member's own notices."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from community.notices.grants import Grant
from community.notices.reading import ReadNotice
from community.notices.schemas import language_field, topic_field
from community.notices.settings import Wishes
from community.notices.topics import TOPICS
from core.http.fields import Flag, Identifier, QueryFlag, Whole
from core.http.fields import Text as Line
from core.http.schemas import Body, Page
from core.ids import public_id

PREFIX = "ntc"


class MyNoticeQuery(Page):
    unread = QueryFlag(load_default=None, metadata={"description": "true: only these; false: only read ones"})
    topic = topic_field(load_default=None)


class MyNoticeShape(Schema):
    id = fields.String(metadata={"example": "ntc_01kbt1wz00fcyry88y1p63pagn"})
    topic = topic_field()
    text = fields.String(metadata={"example": "You earned a commission of £12.50."})
    happened_at = fields.DateTime()
    created_at = fields.DateTime()
    read_at = fields.DateTime(allow_none=True)


class UnreadShape(Schema):
    unread = fields.Integer(metadata={"description": "counted up to 1000"})


class ReadBody(Body):
    ids = fields.List(Identifier(PREFIX), load_default=None, validate=validate.Length(1, 200))
    up_to = Identifier(PREFIX, load_default=None, metadata={"description": "this one and all before it"})

    @validates_schema
    def _check_one(self, given: dict[str, Any], **_options: Any) -> None:
        if (given["ids"] is None) == (given["up_to"] is None):
            raise ValidationError("Give ids or up_to.", "ids")


class ReadShape(Schema):
    newly_read = fields.Integer()
    unread = fields.Integer(metadata={"description": "left, counted up to 1000"})


class ChannelBody(Body):
    inbox = Flag(load_default=True)
    mini_program = Flag(load_default=True)


class SettingsBody(Body):
    language = language_field(load_default=None, allow_none=True)
    topics = fields.Dict(
        keys=topic_field(), values=fields.Nested(ChannelBody), load_default=dict,
        metadata={
            "example": {"member": {"inbox": True, "mini_program": False}}, "description": "what is not named is on",
        },
    )  # fmt: skip


class ChannelShape(Schema):
    inbox = fields.Boolean()
    mini_program = fields.Boolean()


class SettingsShape(Schema):
    language = language_field(allow_none=True, metadata={"description": "null: the program's"})
    topics = fields.Dict(
        keys=fields.String(), values=fields.Nested(ChannelShape),
        metadata={"example": {topic: {"inbox": True, "mini_program": True} for topic in TOPICS}},
    )  # fmt: skip


class GrantBody(Body):
    template_id = Line(100, required=True, metadata={"example": "nzJAE2ZsaFs_AR2w"})
    count = Whole(minimum=1, maximum=100, load_default=1, metadata={"description": "consents he gave to WeChat"})


class GrantShape(Schema):
    template_id = fields.String(metadata={"example": "nzJAE2ZsaFs_AR2w"})
    topics = fields.List(topic_field(), metadata={"description": "that are told by it"})
    left = fields.Integer(metadata={"description": "messages that may still be sent"})


def my_notice_shape(read: ReadNotice) -> dict[str, Any]:
    notice = read.notice
    return {
        "id": public_id(PREFIX, notice.id),
        "topic": notice.topic,
        "text": read.text,
        "happened_at": notice.happened_at,
        "created_at": notice.created_at,
        "read_at": notice.read_at,
    }


def settings_shape(wishes: Wishes) -> dict[str, Any]:
    return {
        "language": wishes.language,
        "topics": {
            topic: {"inbox": topic not in wishes.inbox_off, "mini_program": topic not in wishes.mini_program_off}
            for topic in TOPICS
        },
    }


def grant_shapes(templates: dict[str, list[str]], grants: list[Grant]) -> list[dict[str, Any]]:
    """Every template that a topic is told by, with what is left of it."""
    left = {one.template_id: one.left_count for one in grants}
    return [
        {"template_id": template_id, "topics": topics, "left": left.get(template_id, 0)}
        for template_id, topics in templates.items()
    ]
