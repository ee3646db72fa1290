"""Smooth shapes and shades that posters are made of. Pure."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageOps

from coupons.sharing.colours import Colour
from coupons.sharing.posters.templates import Box

_FINER = 4  # drawn so many times larger and scaled down: Pillow's own edges are jagged


@lru_cache(64)
def rounded(width: int, height: int, radius: int) -> Image.Image:
    """A mask of a rectangle with round corners; do not draw on it, it is shared."""
    if not radius:
        return Image.new("L", (width, height), 255)
    mask = Image.new("L", (width, height), 255)
    edge = min(radius, width // 2, height // 2)
    corner = Image.new("L", (edge * _FINER, edge * _FINER), 0)
    ImageDraw.Draw(corner).ellipse((0, 0, 2 * edge * _FINER - 1, 2 * edge * _FINER - 1), 255)
    corner = corner.resize((edge, edge), Image.Resampling.LANCZOS)
    upper = ImageOps.mirror(corner)
    mask.paste(corner, (0, 0))
    mask.paste(upper, (width - edge, 0))
    mask.paste(ImageOps.flip(corner), (0, height - edge))
    mask.paste(ImageOps.flip(upper), (width - edge, height - edge))
    return mask


def shade(width: int, height: int, upper: Colour, lower: Colour) -> Image.Image:
    """A rectangle that goes from one colour to the other, top to bottom."""
    return ImageOps.colorize(Image.linear_gradient("L").resize((width, height)), upper, lower)


def fill(canvas: Image.Image, box: Box, radius: int, colour: Colour) -> None:
    """A rounded rectangle of one colour."""
    canvas.paste(colour, (box.left, box.top), rounded(box.width, box.height, radius))


def place(canvas: Image.Image, picture: Image.Image, box: Box, radius: int) -> None:
    """A picture of the box's size, its corners rounded."""
    canvas.paste(picture, (box.left, box.top), rounded(box.width, box.height, radius))


def bag(edge: int) -> Image.Image:
    """A mask of a shopping bag: stands where there is no picture."""
    mask = Image.new("L", (edge * _FINER, edge * _FINER), 0)
    unit, draw = edge * _FINER // 20, ImageDraw.Draw(mask)
    draw.rounded_rectangle((3 * unit, 7 * unit, 17 * unit, 18 * unit), 2 * unit, 255)
    draw.arc((7 * unit, 2 * unit, 13 * unit, 11 * unit), 180, 360, 255, unit)
    draw.arc((7 * unit, 7 * unit, 13 * unit, 13 * unit), 0, 180, 0, unit)
    return mask.resize((edge, edge), Image.Resampling.LANCZOS)
