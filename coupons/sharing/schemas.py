"""JSON shapes and query parameters of sharing."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from core.encryption import masked
from core.http.fields import Text, Whole
from core.http.schemas import Body
from coupons.sharing import qr
from coupons.sharing.colours import HEX_COLOUR, Colour, can_be_scanned, colour_from
from coupons.sharing.mini_programs import StoredMiniProgram
from coupons.sharing.posters.templates import TEMPLATES, WORDS
from coupons.sharing.qr import Look
from coupons.sharing.wechat.protocol import CODE_WIDTHS, LINK_MOST_DAYS

ENV_VERSIONS = ["release", "trial", "develop"]
_LOOK = Look()


class ColourText(fields.String):
    """A colour in hexadecimal; its # must be percent-encoded in a query, so it may be left out."""

    def __init__(self, default: Colour, **options: Any) -> None:
        fits = validate.Regexp(HEX_COLOUR, error="Not a colour such as 1a2b3c or abc (red, green, blue).")
        super().__init__(load_default=default.hex.removeprefix("#"), validate=fits, **options)


class QrQuery(Body):
    """How a code looks."""

    size = fields.Integer(
        load_default=_LOOK.size, validate=validate.Range(qr.SMALLEST, qr.LARGEST),
        metadata={"description": "edge in pixels"},
    )  # fmt: skip
    margin = fields.Integer(
        load_default=_LOOK.margin, validate=validate.Range(0, qr.MOST_MARGIN),
        metadata={"description": "quiet zone in modules; readers expect 4"},
    )  # fmt: skip
    color = ColourText(_LOOK.color, metadata={"example": "1a2b3c"})
    background = ColourText(_LOOK.background, metadata={"example": "ffffff"})
    error = fields.String(
        load_default=_LOOK.error, validate=validate.OneOf(["L", "M", "Q", "H"]),
        metadata={"description": "how much may at least be lost or covered: 7, 15, 25 or 30 %"},
    )  # fmt: skip

    @validates_schema
    def readable(self, data: dict[str, Any], **_: Any) -> None:
        if not can_be_scanned(colour_from(data["color"]), colour_from(data["background"])):
            fault = "Too close to the background: cameras need dark modules on a light one."
            raise ValidationError({"color": [fault]})


def look_from(query: dict[str, Any]) -> Look:
    """The look that a query asks for."""
    return Look(**query | {name: colour_from(query[name]) for name in ("color", "background")})


class PosterQuery(Body):
    template = fields.String(load_default="classic", validate=validate.OneOf(list(TEMPLATES)))
    language = fields.String(
        load_default=None, validate=validate.OneOf(list(WORDS)),
        metadata={"description": "of the words; unless said, `zh` where the program's currency is CNY, else `en`"},
    )  # fmt: skip


class WxacodeQuery(Body):
    width = fields.Integer(
        load_default=430, validate=validate.Range(*CODE_WIDTHS), metadata={"description": "edge in pixels"}
    )


class NewUrlLinkBody(Body):
    expires_in_days = Whole(
        minimum=1, maximum=LINK_MOST_DAYS, load_default=LINK_MOST_DAYS, metadata={"example": LINK_MOST_DAYS}
    )


class UrlLinkShape(Schema):
    url_link = fields.String(metadata={"example": "https://wxaurl.cn/TtbFmAi1LAc"})
    expires_at = fields.DateTime()


class NewMiniProgramBody(Body):
    """What the mini-program's console shows under development settings."""

    app_id = fields.String(
        required=True, validate=validate.Regexp(r"wx[0-9a-f]{16}\Z", error="Expected wx and 16 hexadecimal digits."),
        metadata={"example": "wx0123456789abcdef"},
    )  # fmt: skip
    app_secret = Text(
        128, minimum=16, required=True,
        metadata={"description": "stored encrypted, never shown again", "example": "0123456789abcdef0123456789abcdef"},
    )  # fmt: skip
    env_version = fields.String(load_default="release", validate=validate.OneOf(ENV_VERSIONS))


class MiniProgramShape(Schema):
    app_id = fields.String(metadata={"example": "wx0123456789abcdef"})
    app_secret = fields.String(metadata={"description": "masked", "example": "********cdef"})
    env_version = fields.String(validate=validate.OneOf(ENV_VERSIONS))
    updated_at = fields.DateTime()


def mini_program_shape(stored: StoredMiniProgram) -> dict[str, Any]:
    return {
        "app_id": stored.app_id,
        "app_secret": masked(stored.app_secret),
        "env_version": stored.env_version,
        "updated_at": stored.updated_at,
    }
