"""JSON shapes of what a link offers: to a visitor, and as a text to share."""

from typing import Any, cast

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from core.auth.actor import Program
from core.http.fields import Text
from core.http.schemas import Body
from coupons.links.addresses import short_url
from coupons.links.resolving import Offer
from coupons.links.schemas import ProductShape
from coupons.links.texts import LANGUAGES, TEMPLATES, Language, Template, share_text


class ResolveQuery(Body):
    scene = Text(100, metadata={"description": "as the mini-program was opened with"})
    code = Text(100)

    @validates_schema
    def one_name(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError({"code": ["Exactly one of scene and code."]})


class SharerShape(Schema):
    name = fields.String(allow_none=True)
    avatar_url = fields.String(allow_none=True)


class OfferedCouponShape(Schema):
    """A coupon as far as a visitor sees it; null where the code cannot be used any more."""

    code = fields.String(metadata={"example": "TEA10"})
    name = fields.String(metadata={"example": "Ten off tea"})
    kind = fields.String(validate=validate.OneOf(["amount", "percent"]))
    amount = fields.Integer(allow_none=True)
    percent_bps = fields.Integer(allow_none=True)
    min_spend = fields.Integer()
    valid_to = fields.DateTime(allow_none=True)


class ResolvedShape(Schema):
    destination = fields.String(metadata={"example": "https://shop.example/tea"})
    mini_program_path = fields.String(allow_none=True, metadata={"example": "pages/tea?id=7"})
    sharer = fields.Nested(SharerShape)
    coupon = fields.Nested(OfferedCouponShape, allow_none=True)
    product = fields.Nested(ProductShape, allow_none=True)
    expires_at = fields.DateTime(allow_none=True)
    code = fields.String(metadata={"example": "11k3m9x2p7qa"})
    short_url = fields.String(metadata={"example": "https://go.shop.example/r/11k3m9x2p7qa"})
    campaign_id = fields.String(allow_none=True, metadata={"example": "spring-sale"})
    group_id = fields.String(allow_none=True)
    content_id = fields.String(allow_none=True)
    session_id = fields.String(allow_none=True)
    channel = fields.String(allow_none=True)


def resolved_shape(offer: Offer) -> dict[str, Any]:
    link = offer.link
    return {
        "destination": link.destination_url,
        "mini_program_path": link.mini_program_path,
        "sharer": {"name": offer.sharer.name, "avatar_url": offer.sharer.avatar_url},
        "coupon": offer.coupon and offer.coupon._asdict(),
        "product": link.product,
        "expires_at": link.expires_at,
        "code": link.code,
        "short_url": short_url(link.code),
        "campaign_id": link.campaign_id,
        "group_id": link.group_id,
        "content_id": link.content_id,
        "session_id": link.session_id,
        "channel": link.channel,
    }


class ShareTextQuery(Body):
    language = fields.String(load_default="zh", validate=validate.OneOf(LANGUAGES))
    template = fields.String(load_default="standard", validate=validate.OneOf(TEMPLATES))


class ShareTextShape(Schema):
    text = fields.String(metadata={"example": "Sencha, 500 g\n£12.50\nhttps://go.shop.example/r/11k3m9x2p7qa"})
    short_url = fields.String(metadata={"example": "https://go.shop.example/r/11k3m9x2p7qa"})
    coupon_code = fields.String(allow_none=True, metadata={"description": "null: none that can be used"})
    language = fields.String(validate=validate.OneOf(LANGUAGES))
    template = fields.String(validate=validate.OneOf(TEMPLATES))


def share_text_shape(offer: Offer, program: Program, query: dict[str, Any]) -> dict[str, Any]:
    language, template = cast("Language", query["language"]), cast("Template", query["template"])
    address = short_url(offer.link.code)
    return {
        "text": share_text(offer, address, program.currency, language, template),
        "short_url": address,
        "coupon_code": offer.coupon and offer.coupon.code,
        "language": language,
        "template": template,
    }
