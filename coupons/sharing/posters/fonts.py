"""The font of posters, Noto Sans CJK: Chinese, Japanese, Korean, western European letters, Greek, Cyrillic."""

import unicodedata
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont, features

_PACKAGE = "cvttf_NotoSansCJK_Medium"
_FILE = "NotoSansCJKtc-Medium.otf"
_NOWHERE = "\uffff"  # a noncharacter: no font has a glyph for it
_PLAIN = dict(zip("ŁłĐđĦħŦŧı", "LlDdHhTti", strict=True))  # Unicode sees no plain letter in these
_PROBE = 20
_KEPT = 8192

LANGUAGE = "zh-Hans" if features.check("raqm") else None
"""The font's own forms are the traditional ones. Its `locl` feature has the simplified ones; only raqm asks for it."""


@cache
def font_file() -> Path:
    """Where the package keeps the font. Its code is not run: nothing but the font is used of it."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the package {_PACKAGE} of requirements.txt is not installed")
    return Path(spec.origin).with_name(_FILE)


@cache
def font_of(size: int) -> ImageFont.FreeTypeFont:
    """The font at a size in pixels."""
    return ImageFont.truetype(font_file(), size)


def drawable(text: str) -> str:
    """The text as far as the font can draw it: a plain letter for one whose accents it lacks, nothing for emoji."""
    return " ".join("".join(map(_form_of, unicodedata.normalize("NFC", text))).split())


@lru_cache(_KEPT)
def _form_of(letter: str) -> str:
    if letter.isspace() or has_glyph(letter):
        return letter
    plain = _PLAIN.get(letter) or unicodedata.normalize("NFKD", letter)[0]
    return plain if has_glyph(plain) else ""


@lru_cache(_KEPT)
def has_glyph(letter: str) -> bool:
    """Whether the font draws anything for a character but the box for what it lacks."""
    if unicodedata.category(letter)[0] in "MC":
        return False  # marks are laid out on a circle of dots, and the unseen is nothing to see
    mask = font_of(_PROBE).getmask(letter)
    return bytes(mask) != _box() and mask.getbbox() is not None


@cache
def _box() -> bytes:
    return bytes(font_of(_PROBE).getmask(_NOWHERE))
