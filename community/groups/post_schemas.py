"""JSON shapes of scheduled posts."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from community.groups.posts import Post, PostAudience, PostTarget
from community.groups.schemas import ClockTime, clock_text
from community.groups.service import PREFIX
from core.http.fields import Day, Identifier, Instant, Note, Whole
from core.http.schemas import Body, Page
from core.ids import public_id
from referral.members.schemas import WebAddress

POST_PREFIX = "pst"
MOST_GROUPS = 1000
MOST_TEXTS = 366
LONGEST_TEXT = 4000
_TEXT = "Tea of the day: sencha, 10 % off until midnight."
_TOPICS = ["Which tea woke you up?", "Show us your cup!"]


class EveryBody(Body):
    time = ClockTime(required=True, metadata={"description": "in each group's time zone", "example": "09:00"})
    weekdays = fields.List(
        Whole(minimum=1, maximum=7), load_default=None, allow_none=True, validate=validate.Length(1, 7),
        metadata={"description": "1 Monday … 7 Sunday; null: every day", "example": [1, 5]},
    )  # fmt: skip
    starts_on = Day(load_default=None, allow_none=True, metadata={"example": "2026-01-05"})
    ends_on = Day(load_default=None, allow_none=True, metadata={"description": "the last day", "example": None})

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        starts, ends = data.get("starts_on"), data.get("ends_on")
        if starts is not None and ends is not None and ends < starts:
            raise ValidationError({"ends_on": ["Before starts_on."]})


def _says(data: dict[str, Any]) -> None:
    """Raises: ValidationError where not exactly one of text and texts is given, or markdown without text."""
    if (data.get("text") is None) == (data.get("texts") is None):
        raise ValidationError({"text": ["Exactly one of text and texts says what is posted."]})
    if data.get("markdown") is not None and data.get("text") is None:
        raise ValidationError({"markdown": ["It goes with text."]})


class PostChange(Body):
    """What is posted from now on."""

    text = Note(LONGEST_TEXT, load_default=None, allow_none=True, metadata={"example": _TEXT})
    markdown = Note(
        LONGEST_TEXT, load_default=None, allow_none=True,
        metadata={"description": "the same, for platforms that show it", "example": "**Tea of the day**: sencha"},
    )  # fmt: skip
    texts = fields.List(
        Note(LONGEST_TEXT), load_default=None, allow_none=True, validate=validate.Length(1, MOST_TEXTS),
        metadata={"description": "a topic of the day: each day the next one", "example": _TOPICS},
    )  # fmt: skip

    @validates_schema
    def one_content(self, data: dict[str, Any], **_: Any) -> None:
        _says(data)


class NewPostBody(PostChange):
    class Meta(PostChange.Meta):
        example = {  # noqa: RUF012 -- as marshmallow has it
            "group_ids": ["grp_01kbt1wz00fcyry88y1p63pagn"],
            "texts": _TOPICS,
            "every": {"time": "09:00", "weekdays": [1, 5], "starts_on": "2026-01-05"},
        }

    group_ids = fields.List(
        Identifier(PREFIX), load_default=None, allow_none=True, validate=validate.Length(1, MOST_GROUPS),
        metadata={"example": ["grp_01kbt1wz00fcyry88y1p63pagn"]},
    )  # fmt: skip
    segment_id = Identifier(
        "seg", load_default=None, allow_none=True,
        metadata={"description": "instead of groups: each member who is in the segment then reads it himself"},
    )  # fmt: skip
    image_url = WebAddress(
        2000, load_default=None, allow_none=True,
        metadata={"description": "PNG or JPEG of up to 2 MB; fetched now", "example": None},
    )  # fmt: skip
    at = Instant(load_default=None, allow_none=True, metadata={"example": None, "description": "once"})
    every = fields.Nested(EveryBody, load_default=None, allow_none=True)

    @validates_schema
    def one_time(self, data: dict[str, Any], **_: Any) -> None:
        if (data.get("at") is None) == (data.get("every") is None):
            raise ValidationError({"every": ["Exactly one of at and every says when."]})

    @validates_schema
    def one_place(self, data: dict[str, Any], **_: Any) -> None:
        group_ids = data.get("group_ids")
        if (group_ids is None) == (data.get("segment_id") is None):
            raise ValidationError({"group_ids": ["Exactly one of group_ids and segment_id says where."]})
        if group_ids is not None and len(set(group_ids)) < len(group_ids):
            raise ValidationError({"group_ids": ["A group is named twice."]})
        if group_ids is None and data.get("image_url") is not None:
            raise ValidationError({"image_url": ["Only groups are shown pictures."]})


class PostQuery(Page):
    group_id = Identifier(PREFIX)
    status = fields.String(validate=validate.OneOf(["active", "ended"]))


class EveryShape(Schema):
    time = fields.String(metadata={"example": "09:00"})
    weekdays = fields.List(fields.Integer(), allow_none=True, metadata={"example": [1, 5]})
    starts_on = fields.Date(allow_none=True, metadata={"example": "2026-01-05"})
    ends_on = fields.Date(allow_none=True, metadata={"example": None})


class PostTargetShape(Schema):
    group_id = fields.String(metadata={"example": "grp_01kbt1wz00fcyry88y1p63pagn"})
    next_due_at = fields.DateTime(allow_none=True, metadata={"description": "null: never again"})
    last_due_at = fields.DateTime(allow_none=True)
    posted = fields.Integer(metadata={"description": "times it was handed to delivery", "example": 3})
    missed = fields.Integer(
        metadata={"description": "times it came due while nothing ran, and was stale when it did", "example": 0}
    )


class PostAudienceShape(Schema):
    segment_id = fields.String()
    next_due_at = fields.DateTime(allow_none=True, metadata={"description": "null: never again"})
    last_due_at = fields.DateTime(allow_none=True)
    posted = fields.Integer(metadata={"example": 3})
    missed = fields.Integer(metadata={"example": 0})


class PostShape(Schema):
    id = fields.String(metadata={"example": "pst_01kbt1wz00fcyry88y1p63pagn"})
    text = fields.String(allow_none=True, metadata={"example": _TEXT})
    markdown = fields.String(allow_none=True, metadata={"example": None})
    texts = fields.List(fields.String(), allow_none=True, metadata={"example": None})
    image_url = fields.String(allow_none=True, metadata={"example": None})
    at = fields.DateTime(allow_none=True, metadata={"example": None})
    every = fields.Nested(EveryShape, allow_none=True)
    status = fields.String(validate=validate.OneOf(["active", "ended"]))
    groups = fields.List(fields.Nested(PostTargetShape))
    segment = fields.Nested(PostAudienceShape, allow_none=True, metadata={"example": None})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


def contents_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """A checked body's text, or its texts, as they are stored."""
    if body["texts"] is not None:
        return [{"text": text, "markdown": None} for text in body["texts"]]
    return [{"text": body["text"], "markdown": body["markdown"]}]


def post_shape(post: Post, targets: list[PostTarget], audience: PostAudience | None) -> dict[str, Any]:
    single = post.contents[0] if len(post.contents) == 1 else None
    every = {
        "time": clock_text(post.minute), "weekdays": post.weekdays, "starts_on": post.starts_on,
        "ends_on": post.ends_on,
    }  # fmt: skip
    return {
        "id": public_id(POST_PREFIX, post.id),
        "text": single and single["text"],
        "markdown": single and single["markdown"],
        "texts": None if single else [content["text"] for content in post.contents],
        "image_url": post.image_url,
        "at": post.at,
        "every": every if post.minute is not None else None,
        "status": post.status,
        "groups": [target._asdict() | {"group_id": public_id(PREFIX, target.group_id)} for target in targets],
        "segment": audience and audience._asdict() | {"segment_id": public_id("seg", audience.segment_id)},
        "created_at": post.created_at,
        "updated_at": post.updated_at,
    }
