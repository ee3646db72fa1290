"""JSON shapes of clicks."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from core.http.fields import Text
from core.http.schemas import Body

MAX_SUB_IDS = 5


def _own(description: str = "") -> Text:
    told = f"{description}; null: the link's" if description else "null: the link's"
    return Text(200, load_default=None, allow_none=True, metadata={"description": told})


class NewClick(Body):
    """A link that was followed by a client itself; what is given here is told of the click instead of the link's."""

    code = Text(64, load_default=None, allow_none=True, metadata={"example": "11k3m9x2p7qa"})
    scene = Text(
        64, load_default=None, allow_none=True, metadata={"description": "as the mini-program got it; instead of code"}
    )
    visitor_id = Text(
        200, load_default=None, allow_none=True,
        metadata={"description": "the client's own lasting id of the visitor; null: a new visitor"},
    )  # fmt: skip
    campaign_id = _own()
    group_id = _own()
    content_id = _own()
    session_id = _own("a live session")
    channel = _own()
    sub_ids = fields.List(
        Text(100), load_default=None, allow_none=True, validate=validate.Length(max=MAX_SUB_IDS),
        metadata={"description": "null: the link's"},
    )  # fmt: skip

    @validates_schema
    def _one_name(self, loaded: Any, **_: Any) -> None:
        if (loaded["code"] is None) == (loaded["scene"] is None):
            raise ValidationError("Exactly one of code and scene is needed.", "code")


class NewClickShape(Schema):
    click_id = fields.String(metadata={"description": "name it in the order: `click_id`"})
    visitor_id = fields.String(metadata={"description": "keep it and send it with the next click, and in the order"})
