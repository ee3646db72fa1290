"""Draws a poster from its template and what stands on it. Pure: the same poster gives the same bytes."""

from functools import cache
from io import BytesIO
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

from coupons.sharing.colours import Colour
from coupons.sharing.posters import shapes
from coupons.sharing.posters.fonts import LANGUAGE, drawable, font_of
from coupons.sharing.posters.templates import (
    ACCENT,
    ACCENT_LIGHT,
    FAINT,
    INK,
    PANEL,
    TEMPLATES,
    TINT,
    WHITE,
    WORDS,
    Box,
    Line,
    Template,
    Words,
)
from coupons.sharing.posters.texts import shortened, width_of, wrapped
from coupons.sharing.qr import modules_of, picture_of

EDITION = 1
"""Goes up with every change of what a poster looks like: caches tell pictures of two editions apart."""

_QUIET = 2  # modules around the code within its box; the card is white around that


class Poster(NamedTuple):
    """What stands on a poster. Without a product its place says what sharing is for."""

    template: str
    language: str
    url: str
    sharer: str | None
    has_product: bool
    title: str | None
    price: str | None
    coupon_code: str | None


def draw(poster: Poster, picture: Image.Image | None) -> bytes:
    """The poster as PNG. `picture` is the product's; None: there is none that could be had."""
    template, words = TEMPLATES[poster.template], WORDS[poster.language]
    canvas = _ground(poster.template).copy()
    shapes.place(canvas, _panel(poster, words, template.picture, picture), template.picture, template.picture_radius)
    _round_card(canvas, template)
    pen = ImageDraw.Draw(canvas)
    _write_offer(canvas, pen, poster, template)
    _write_sharer(canvas, pen, poster, template)
    _draw_code(canvas, pen, poster, template)
    if poster.has_product:  # without one it stands in the picture's place
        _write_whole(pen, template.slogan, words.slogan_line, ACCENT if template.slogan_on_card else WHITE)
    out = BytesIO()
    canvas.save(out, "PNG", compress_level=4)
    return out.getvalue()


@cache
def _ground(name: str) -> Image.Image:
    """What lies under everything; shared, so it is copied before anything is drawn on it."""
    template = TEMPLATES[name]
    ground = shapes.shade(template.width, template.height, ACCENT_LIGHT, ACCENT)
    shapes.fill(ground, template.card, template.card_radius, WHITE)
    return ground


def _round_card(canvas: Image.Image, template: Template) -> None:
    """Give the card's corners back to the ground where the picture covered them."""
    if template.card_radius:
        card = template.card
        outside = ImageOps.invert(shapes.rounded(card.width, card.height, template.card_radius))
        ground = shapes.shade(template.width, template.height, ACCENT_LIGHT, ACCENT)
        part = ground.crop((card.left, card.top, card.right, card.bottom))
        canvas.paste(part, (card.left, card.top), outside)


def _panel(poster: Poster, words: Words, box: Box, picture: Image.Image | None) -> Image.Image:
    """What fills the picture's place."""
    if picture is not None:
        return ImageOps.fit(picture, (box.width, box.height), Image.Resampling.LANCZOS)
    if poster.has_product:
        return _placeholder(box)
    panel, size = Image.new("RGB", (box.width, box.height), TINT), box.height // 8
    pen, top = ImageDraw.Draw(panel), (box.height - 3 * size) // 2
    for place, text in enumerate(words.slogan):
        line = Line(box.width // 2, top + place * size * 3 // 2, box.width * 4 // 5, size, "m")
        _write_whole(pen, line, text, ACCENT)
    return panel


def _placeholder(box: Box) -> Image.Image:
    panel = shapes.shade(box.width, box.height, *PANEL)
    bag = shapes.bag(min(box.width, box.height) // 3)
    panel.paste(WHITE, ((box.width - bag.width) // 2, (box.height - bag.height) // 2), bag)
    return panel


def _write_offer(canvas: Image.Image, pen: ImageDraw.ImageDraw, poster: Poster, template: Template) -> None:
    title = template.title
    if poster.price is not None:
        _write_whole(pen, template.price, poster.price, ACCENT)
    if poster.coupon_code is not None:
        _write_coupon(canvas, pen, poster, template)
    if poster.price is None and poster.coupon_code is None:
        title = title._replace(top=template.price.top)  # nothing stands above it
    font = font_of(title.size)
    for place, line in enumerate(wrapped(drawable(poster.title or ""), font, title.width, template.title_lines)):
        _write(pen, title._replace(top=title.top + place * template.title_leading), line, INK)


def _write_coupon(canvas: Image.Image, pen: ImageDraw.ImageDraw, poster: Poster, template: Template) -> None:
    """The code on a tinted label that ends where the text block ends."""
    line, padding = template.coupon, template.coupon.size * 3 // 4
    text = WORDS[poster.language].coupon.format(poster.coupon_code)
    text = shortened(text, font_of(line.size), line.width - 2 * padding)
    width, height = width_of(text, font_of(line.size)) + 2 * padding, line.size * 2
    label = Box(line.x - width, line.top, width, height)
    shapes.fill(canvas, label, height // 2, TINT)
    _write(pen, line._replace(x=line.x - padding, top=line.top + line.size * 2 // 5), text, ACCENT)


def _write_sharer(canvas: Image.Image, pen: ImageDraw.ImageDraw, poster: Poster, template: Template) -> None:
    words, box = WORDS[poster.language], template.avatar
    name = drawable(poster.sharer or "") or words.nameless
    shapes.place(canvas, shapes.shade(box.width, box.height, ACCENT_LIGHT, ACCENT), box, box.width // 2)
    middle = (box.left + box.width // 2, box.top + box.height // 2)
    pen.text(middle, name[0].upper()[0], WHITE, font_of(box.height // 2), "mm", language=LANGUAGE)
    _write(pen, template.name, name, INK)
    _write(pen, template.invitation, words.invitation, FAINT)


def _draw_code(canvas: Image.Image, pen: ImageDraw.ImageDraw, poster: Poster, template: Template) -> None:
    box = template.code
    shapes.fill(canvas, box, 0, WHITE)
    code = picture_of(modules_of(poster.url), box.width, _QUIET).point(lambda dark: 255 * dark)
    corner = (box.left + (box.width - code.width) // 2, box.top + (box.height - code.height) // 2)
    canvas.paste(Colour(0, 0, 0), corner, code)
    _write(pen, template.caption, WORDS[poster.language].caption, FAINT)


def _write(pen: ImageDraw.ImageDraw, line: Line, text: str, colour: Colour) -> None:
    font = font_of(line.size)
    pen.text((line.x, line.top), shortened(text, font, line.width), colour, font, line.align + "a", language=LANGUAGE)


def _write_whole(pen: ImageDraw.ImageDraw, line: Line, text: str, colour: Colour) -> None:
    """A line that must be read whole: smaller letters rather than an ellipsis, on the same foot."""
    wide = width_of(text, font_of(line.size))
    if wide > line.width:
        size = line.size * line.width // wide
        line = line._replace(size=size, top=line.top + line.size - size)
    _write(pen, line._replace(width=max(wide, line.width)), text, colour)
