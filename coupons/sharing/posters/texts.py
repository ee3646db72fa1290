"""Text in a box: broken into lines as Chinese and Latin are, cut with an ellipsis. Pure but for widths."""

import re

from PIL import ImageFont

from coupons.sharing.posters.fonts import LANGUAGE

WIDE_DOTS, LATIN_DOTS = "…", "..."  # the font's ellipsis is the Chinese one, at half the letters' height

_WIDE = (
    "\u1100-\u11ff\u2e80-\u303e\u3040-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff"
)
# a word with the spaces after it, or a single wide character: lines may end after each
_PIECES = re.compile(rf"[{_WIDE}]\s*|[^\s{_WIDE}]+\s*|\s+")
_NEVER_FIRST = frozenset("，。、；：？！）】》」』〕〉”’·%‰℃,.;:?!)]}…")
_NEVER_LAST = frozenset("（【《「『〔〈“‘([{¥￥$£€#")


def width_of(text: str, font: ImageFont.FreeTypeFont) -> int:
    """Pixels from the first letter's origin to behind the last one, rounded up."""
    return -int(-font.getlength(text, language=LANGUAGE) // 1)


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: int, most: int) -> list[str]:
    """At most `most` lines, none wider than `width` pixels; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    left = _pieces(text)
    while left and len(lines) < most:
        line, left = _filled(left, font, width)
        lines.append(line)
    if left:
        lines[-1] = _cut(lines[-1], font, width)
    return lines


def shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The text, or as much of its beginning as fits with an ellipsis; empty where not even that does."""
    return text if width_of(text, font) <= width else _cut(text, font, width)


def _cut(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The longest beginning that fits with an ellipsis behind it."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if width_of(_dotted(text[:middle]), font) <= width else (low, middle - 1)
    return _dotted(text[:low]) if low else ""


def _dotted(text: str) -> str:
    kept = text.rstrip(" .,;:，。、；：…")
    return kept + (LATIN_DOTS if kept.isascii() or kept[-1:].isascii() else WIDE_DOTS)


def _pieces(text: str) -> list[str]:
    """What lines are filled with; signs that may not begin or end a line stay with their neighbour."""
    joined: list[str] = []
    for piece in _PIECES.findall(text.strip()):
        if joined and (piece[0] in _NEVER_FIRST or joined[-1][-1] in _NEVER_LAST):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _filled(pieces: list[str], font: ImageFont.FreeTypeFont, width: int) -> tuple[str, list[str]]:
    """One line and what is left; a word longer than the line is broken where the line ends."""
    line = ""
    for place, piece in enumerate(pieces):
        if width_of((line + piece).rstrip(), font) > width:
            if line:
                return line.rstrip(), pieces[place:]
            return _broken(piece, pieces[place + 1 :], font, width)
        line += piece
    return line.rstrip(), []


def _broken(word: str, rest: list[str], font: ImageFont.FreeTypeFont, width: int) -> tuple[str, list[str]]:
    end = next((end for end in range(2, len(word) + 1) if width_of(word[:end], font) > width), len(word) + 1) - 1
    return word[:end], [word[end:], *rest] if word[end:] else rest
