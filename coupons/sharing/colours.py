"""Colours of a code and whether a camera can tell them apart. Pure; whole numbers only."""

import re
from typing import NamedTuple

LEAST_CONTRAST = 4
"""How many times brighter the background must be, light reflected by the surface added to both as WCAG 2 does."""

HEX_COLOUR = r"#?(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})\Z"
_WHITE = 10_000 * 255 * 255
_GLARE = _WHITE // 20  # 5 % of white, as WCAG 2 adds


class Colour(NamedTuple):
    """sRGB, 0–255 each."""

    red: int
    green: int
    blue: int

    @property
    def hex(self) -> str:
        return "#" + bytes(self).hex()


def colour_from(text: str) -> Colour:
    """`#1a2b3c`, `1a2b3c`, `#abc` or `abc`.

    Raises:
        ValueError: anything else.
    """
    if not re.match(HEX_COLOUR, text):
        raise ValueError(f"no colour: {text!r}")
    digits = text.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return Colour(*bytes.fromhex(digits))


def luminance(colour: Colour) -> int:
    """Light of a colour by ITU-R BT.709's weights, white being 10000 × 255²; sRGB's curve taken as a square."""
    return 2126 * colour.red**2 + 7152 * colour.green**2 + 722 * colour.blue**2


def can_be_scanned(dark: Colour, light: Colour) -> bool:
    """Dark modules on a light background, far enough apart. Many readers give up on the reverse."""
    return luminance(light) + _GLARE >= LEAST_CONTRAST * (luminance(dark) + _GLARE)
