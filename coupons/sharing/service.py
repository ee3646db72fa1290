"""Pictures of a link. They read in short transactions of their own: nothing waits for the network inside one."""

from urllib.parse import urlsplit
from uuid import UUID

import PIL
from flask import Response

from core.auth.actor import Program
from core.clock import now
from core.db import transaction
from core.errors import Invalid
from core.ids import Ref
from core.money import CURRENCY_EXPONENTS
from core.prices import decimal_text, price_text
from coupons.links.errors import LinkEnded
from coupons.links.service import Link, Offer, link_of, offer_of, readable, short_url
from coupons.sharing import qr
from coupons.sharing.files import fingerprint, picture_answer
from coupons.sharing.metrics import POSTERS
from coupons.sharing.pictures import MISSED_SECONDS, decoded, picture_bytes
from coupons.sharing.posters.drawing import EDITION, Poster, draw
from coupons.sharing.posters.fonts import has_glyph
from coupons.sharing.posters.templates import TEMPLATES
from coupons.sharing.qr import Look

SVG, PNG = "image/svg+xml", "image/png"
QR_SECONDS = 3600  # the content of a code changes only with the address of the installation
POSTER_SECONDS = 300


def living_link(program_id: UUID, ref: Ref, owner: UUID | None = None) -> Link:
    """A link that still leads somewhere. Callers hold the transaction.

    Raises:
        NoSuchLink: not in the program, or not the owner's.
        LinkEnded: it has expired or was deleted: nobody should print it.
    """
    link = link_of(program_id, ref, owner)
    if link.ended(now()):
        raise LinkEnded()
    return link


def qr_svg(link: Link, look: Look) -> Response:
    """The short address as an SVG."""
    url = short_url(link.code)
    return picture_answer(_mark_of(SVG, url, look), SVG, QR_SECONDS, lambda: qr.svg(url, look, url))


def qr_png(link: Link, look: Look) -> Response:
    """The short address as a PNG. Raises: Invalid when the code does not fit into so few pixels."""
    url = short_url(link.code)
    smallest = qr.smallest_size(url, look)
    if look.size < smallest:
        raise Invalid.at("/size", f"This code needs at least {smallest} pixels.")
    return picture_answer(_mark_of(PNG, url, look), PNG, QR_SECONDS, lambda: qr.png(url, look))


def _mark_of(kind: str, url: str, look: Look) -> str:
    return fingerprint(kind, PIL.__version__, url, repr(look))


def wxacode_answer(content: bytes) -> Response:
    """A mini-program code as an answer."""
    return picture_answer(fingerprint(content), PNG, QR_SECONDS, lambda: content)


def poster_png(
    program: Program, ref: Ref, *, template: str, language: str | None, owner: UUID | None = None
) -> Response:  # fmt: skip
    """The poster of a link. No transaction is open: it may fetch the product's picture.

    Raises: as `living_link`.
    """
    with transaction(program.id, read_only=True):
        offer = offer_of(program.id, ref, owner)
    poster = poster_of(offer, program, template, language)
    image_url = (offer.link.product or {}).get("image_url")
    content = picture_bytes(image_url) if isinstance(image_url, str) else None
    mark = fingerprint(PIL.__version__, str(EDITION), repr(poster), content or b"")
    seconds = MISSED_SECONDS if image_url and not content else POSTER_SECONDS  # the picture may be there the next time
    return picture_answer(mark, PNG, seconds, lambda: _drawn(poster, content))


def _drawn(poster: Poster, content: bytes | None) -> bytes:
    place = TEMPLATES[poster.template].picture
    picture = decoded(content, place.width, place.height) if content else None
    POSTERS.labels(poster.template).inc()
    return draw(poster, picture)


def poster_of(offer: Offer, program: Program, template: str, language: str | None) -> Poster:
    """What stands on a link's poster. Without a product: where it leads."""
    language = language or ("zh" if program.currency == "CNY" else "en")
    product, price = offer.link.product, (offer.link.product or {}).get("price")
    return Poster(
        template=template,
        language=language,
        url=short_url(offer.link.code),
        sharer=readable(offer.sharer.name),
        has_product=product is not None,
        title=readable(product.get("title")) if product else _host_of(offer.link.destination_url),
        price=_price(price, program.currency, language) if price is not None else None,
        coupon_code=offer.coupon.code if offer.coupon else None,
    )


def _price(amount: int, currency: str, language: str) -> str:
    """The price as texts have it; with the currency's code where the font lacks its sign."""
    text = price_text(amount, currency, language)
    if all(letter == " " or has_glyph(letter) for letter in text):
        return text
    return f"{currency} {decimal_text(amount, CURRENCY_EXPONENTS[currency])}"


def _host_of(url: str) -> str | None:
    parts = urlsplit(url)
    return parts.hostname if parts.scheme.lower() in {"http", "https"} else None
