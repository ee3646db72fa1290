"""The common markdown that templates are written in, read into pieces that each platform writes in its own way. Pure.

A line may begin with `# ` (heading), `- ` (item) or `> ` (quote). In it: **bold**, `code`, [words](https://address),
bare https:// addresses, and a backslash before any ASCII punctuation that is meant literally. Whatever does not fit is
text: nothing is an error.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from community.platforms.text import ENDING, LENGTHS, beginning

_BEGINNING = re.compile(r"(#{1,3}|[-*]|>)[ ]+")
_LINE_KINDS = {"#": "heading", "-": "item", "*": "item", ">": "quote"}
_URL = r"https?://[A-Za-z0-9\-._~:/?#@!$&+,;=%]*[A-Za-z0-9\-_~/#@$&+=%]"  # what ends a sentence is none of it
_PIECE = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|\*\*(?P<bold>(?:\\.|[^\\*\n])+)\*\*"
    r"|`(?P<code>[^`\n]+)`"
    rf"|\[(?P<words>(?:\\.|[^\\\[\]\n])+)\]\((?P<to>{_URL})\)"
    rf"|(?P<address>{_URL})"
)
_ADDRESS = re.compile(_URL)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


class Piece(NamedTuple):
    """A run of text. `kind`: text | bold | code | link; `url` of links only."""

    kind: str
    text: str
    url: str = ""


class Line(NamedTuple):
    """`kind`: plain | heading | item | quote."""

    kind: str
    pieces: tuple[Piece, ...]


class Style(NamedTuple):
    """How a platform writes the pieces. Every text is given to `plain` first, which takes its power away."""

    plain: Callable[[str], str]
    bold: str  # with {} for the text
    code: Callable[[str], str]
    link: Callable[[str, str], str]  # (text made plain, address)
    lines: dict[str, str]  # of heading, item, quote: with {} for the line
    newline: str = "\n"


def read(markdown: str) -> list[Line]:
    """The lines of a text in the common markdown."""
    return [_line(one) for one in markdown.split("\n")]


def read_plain(text: str) -> list[Line]:
    """The lines of a text without markdown, for platforms that find markdown in everything: addresses and the rest."""
    return [Line("plain", tuple(_addresses(one))) for one in text.split("\n")]


def written(lines: Sequence[Line], style: Style) -> str:
    """The same in a platform's own markdown."""
    return style.newline.join(
        style.lines.get(line.kind, "{}").replace("{}", "".join(_written(one, style) for one in line.pieces), 1)
        for line in lines
    )


def fitted(lines: Sequence[Line], style: Style, most: int, unit: str) -> str:
    """As `written`, shortened to so many bytes or characters; a bare address is whole or left out."""
    length, text = LENGTHS[unit], written(lines, style)
    if length(text) <= most:
        return text
    low, high = 0, sum(len(piece.text) + 1 for line in lines for piece in line.pieces) + len(lines)
    while low < high:  # the most characters that fit
        middle = (low + high + 1) // 2
        fits = length(written(_shortened(lines, middle), style) + ENDING) <= most
        low, high = (middle, high) if fits else (low, middle - 1)
    return written(_shortened(lines, low), style).rstrip() + ENDING


def _shortened(lines: Sequence[Line], characters: int) -> list[Line]:
    kept: list[Line] = []
    for line in lines:
        if characters <= 0:
            break
        pieces = []
        for piece in line.pieces:
            pieces += _begun(piece, characters)
            characters -= len(piece.text)
            if characters <= 0:
                break
        kept.append(Line(line.kind, tuple(pieces)))
        characters -= 1
    return kept


def _begun(piece: Piece, characters: int) -> list[Piece]:
    if len(piece.text) <= characters:
        return [piece]
    text = beginning(piece.text, characters)
    return [piece._replace(text=text)] if text.strip() and piece.text != piece.url else []


def plain_text(lines: Sequence[Line]) -> str:
    """The same without any markdown; links are told behind their words."""
    marks = {"item": "• {}", "quote": "{}", "heading": "{}"}
    return written(lines, Style(str, "{}", str, lambda words, url: url if words == url else f"{words} {url}", marks))


def _line(text: str) -> Line:
    beginning = _BEGINNING.match(text)
    if beginning is None:
        return Line("plain", tuple(_pieces(text)))
    return Line(_LINE_KINDS[beginning[1][0]], tuple(_pieces(text[beginning.end() :])))


def _pieces(text: str) -> Iterator[Piece]:
    """Runs in order; escapes and what lies between are joined to one text."""
    waiting, place = "", 0
    for found in _PIECE.finditer(text):
        waiting += text[place : found.start()]
        place = found.end()
        if found["escaped"]:
            waiting += found["escaped"]
            continue
        if waiting:
            yield Piece("text", waiting)
            waiting = ""
        yield _piece(found)
    waiting += text[place:]
    if waiting:
        yield Piece("text", waiting)


def _addresses(text: str) -> Iterator[Piece]:
    place = 0
    for found in _ADDRESS.finditer(text):
        if text[place : found.start()]:
            yield Piece("text", text[place : found.start()])
        yield Piece("link", found[0], found[0])
        place = found.end()
    if text[place:]:
        yield Piece("text", text[place:])


def _piece(found: re.Match[str]) -> Piece:
    if found["bold"]:
        return Piece("bold", _ESCAPE.sub(r"\1", found["bold"]))
    if found["code"]:
        return Piece("code", found["code"])
    if found["words"]:
        return Piece("link", _ESCAPE.sub(r"\1", found["words"]), found["to"])
    return Piece("link", found["address"], found["address"])


def _written(piece: Piece, style: Style) -> str:
    if piece.kind == "bold":
        return style.bold.replace("{}", style.plain(piece.text), 1)
    if piece.kind == "code":
        return style.code(piece.text)
    if piece.kind == "link":
        words = piece.text if piece.text == piece.url else style.plain(piece.text)
        return style.link(words, piece.url)
    return style.plain(piece.text)
