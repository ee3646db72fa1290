"""JSON shapes of links."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from core.clock import now
from core.http.fields import Amount, ExternalId, Identifier, Instant, Reference, Text
from core.http.schemas import BatchResult, Body, Page
from core.ids import public_id
from coupons.links.addresses import short_url
from coupons.links.codes import CHOSEN_PATTERN, program_number
from coupons.links.new_link import NewLink
from coupons.links.queries import Link
from coupons.links.rules import MAX_PATH, MAX_URL
from referral.members.schemas import WebAddress

MAX_BATCH = 1000
MAX_SUB_IDS = 5
STATUSES = ["active", "expired", "deleted"]

_EXAMPLES = {
    "campaign_id": "spring-sale", "group_id": "wecom-17", "content_id": "video-42", "session_id": "live-2026-01-31",
    "channel": "mini-program",
}  # fmt: skip


class ChosenCode(fields.String):
    """A code that somebody wants: 3 to 32 letters, digits, - and _, told from codes that are made."""

    def __init__(self, **options: Any) -> None:
        fits = validate.Regexp(CHOSEN_PATTERN, error="Expected 3 to 32 letters, digits, - and _.")
        super().__init__(validate=fits, **options)

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        code = str(super()._deserialize(*args, **kwargs))
        if program_number(code) is not None:
            raise ValidationError("Codes of this form are made, not chosen; choose a longer or a shorter one.")
        return code


class CouponCode(Text):
    """A coupon's code, in whatever letters it was typed."""

    def _deserialize(self, *args: Any, **kwargs: Any) -> str:
        return super()._deserialize(*args, **kwargs).strip().upper()


class ProductBody(Body):
    """What is sold behind the link, for posters and texts."""

    sku = Text(200, load_default=None, allow_none=True)
    title = Text(200, load_default=None, allow_none=True, metadata={"example": "Sencha, 500 g"})
    image_url = WebAddress(MAX_URL, load_default=None, allow_none=True)
    price = Amount(load_default=None, allow_none=True, metadata={"description": "in the program's currency"})


def _word(name: str, description: str = "") -> Text:
    return Text(200, allow_none=True, metadata={"description": description, "example": _EXAMPLES[name]})


def _destination(**options: Any) -> Text:
    metadata = {
        "description": "http(s) on a host of the program's `link_hosts`, or one of its app schemes; kept as it is, "
        "with its query",
        "example": "https://shop.example/tea?utm_source=ada",
    }
    return Text(MAX_URL, metadata=metadata, **options)


class LinkChange(Body):
    """What may change of a link; null takes it away. Its code and its member never change."""

    destination_url = _destination()
    mini_program_path = Text(MAX_PATH, allow_none=True, metadata={"example": "pages/tea?id=7"})
    campaign_id = _word("campaign_id")
    group_id = _word("group_id")
    content_id = _word("content_id")
    session_id = _word("session_id", "a live session")
    channel = _word("channel")
    sub_ids = fields.List(
        Text(100), validate=validate.Length(max=MAX_SUB_IDS), metadata={"description": "the member's own marks"}
    )
    coupon_code = CouponCode(
        100, allow_none=True, metadata={"description": "of this program, shared with the link", "example": "TEA10"}
    )
    product = fields.Nested(ProductBody, allow_none=True)
    expires_at = Instant(allow_none=True, metadata={"description": "an instant that has passed ends the link now"})


class NewMyLinkBody(LinkChange):
    """A link of the member who calls."""

    destination_url = _destination(required=True)
    code = ChosenCode(allow_none=True, metadata={"description": "none given: one is made", "example": "ada-tea"})
    expires_at = Instant(allow_none=True, metadata={"example": "2027-01-31T08:00:00Z"})


class NewLinkBody(NewMyLinkBody):
    """A link of any member, who is named in one of two ways."""

    member_id = Identifier("mem", allow_none=True)
    member_external_id = ExternalId(allow_none=True)

    @validates_schema
    def one_member(self, data: dict[str, Any], **_: Any) -> None:
        named = [name for name in ("member_id", "member_external_id") if data.get(name) is not None]
        if len(named) != 1:
            fault = "Exactly one of member_id and member_external_id names the member."
            raise ValidationError({"member_external_id" if named else "member_id": [fault]})


class LinkBatchBody(Body):
    links = fields.List(fields.Nested(NewLinkBody), required=True, validate=validate.Length(1, MAX_BATCH))


class LinkBatchResult(BatchResult):
    external_id = fields.String(allow_none=True, metadata={"description": "the chosen code"})


class LinkBatchResults(Schema):
    results = fields.List(fields.Nested(LinkBatchResult))


class MyLinkQuery(Page):
    campaign_id = Text(200)
    channel = Text(200)
    code = Text(100)
    status = fields.String(validate=validate.OneOf(STATUSES))


class LinkQuery(MyLinkQuery):
    member_id = Reference("mem")


class ProductShape(Schema):
    sku = fields.String(allow_none=True)
    title = fields.String(allow_none=True, metadata={"example": "Sencha, 500 g"})
    image_url = fields.String(allow_none=True)
    price = fields.Integer(allow_none=True, metadata={"description": "in the program's currency", "example": 1250})


class LinkShape(Schema):
    id = fields.String()
    code = fields.String(metadata={"example": "11k3m9x2p7q"})
    short_url = fields.String(metadata={"example": "https://go.shop.example/r/11k3m9x2p7q"})
    scene = fields.String(metadata={"description": "of the mini-program's code: the link's code"})
    member_id = fields.String()
    destination_url = fields.String()
    mini_program_path = fields.String(allow_none=True)
    campaign_id = fields.String(allow_none=True)
    group_id = fields.String(allow_none=True)
    content_id = fields.String(allow_none=True)
    session_id = fields.String(allow_none=True)
    channel = fields.String(allow_none=True)
    sub_ids = fields.List(fields.String())
    coupon_code = fields.String(allow_none=True)
    product = fields.Nested(ProductShape, allow_none=True)
    expires_at = fields.DateTime(allow_none=True)
    status = fields.String(validate=validate.OneOf(STATUSES))
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


def status_of(link: Link, at: datetime) -> str:
    if link.deleted_at is not None:
        return "deleted"
    return "expired" if link.ended(at) else "active"


def link_shape(link: Link) -> dict[str, Any]:
    shown = link._asdict()
    del shown["deleted_at"]
    return shown | {
        "id": public_id("lnk", link.id),
        "short_url": short_url(link.code),
        "scene": link.code,
        "member_id": public_id("mem", link.member_id),
        "status": status_of(link, now()),
    }


def new_link(loaded: Mapping[str, Any]) -> NewLink:
    """A checked body as the service takes it."""
    return NewLink._make([loaded.get(name, [] if name == "sub_ids" else None) for name in NewLink._fields])
