"""Texts of others in our messages, and texts that are too long. Pure.

What a member chose (a name, a note) may say anything but do nothing: no mention, no link, no command, no markdown, no
change of writing direction. Characters that some platform acts on become others that look the same.
"""

import re
import unicodedata

_KEPT_FORMATS = frozenset("\u200d\ufe0f\ufe0e")  # joiners and variation selectors: emoji are made of them
_LOOKALIKES = str.maketrans(
    {
        "@": "\uff20", "<": "\uff1c", ">": "\uff1e", "|": "\uff5c", "#": "\uff03", "/": "\u2215", "\\": "\uff3c",
        "[": "\uff3b", "]": "\uff3d", "*": "\u2217", "`": "\u02cb", "~": "\u223c", "_": "\uff3f", "&": "\uff06",
        "$": "\uff04", "{": "\uff5b", "}": "\uff5d",
    }
)  # fmt: skip
_JOINED_DOT = re.compile(r"(?<=\w)[.\u3002\uff0e\uff61](?=\w)")
_SCHEME = re.compile(r"(?<=\w):(?=\w|\u2215)")
_SPACES = re.compile(r"\s+")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
ENDING = "…"


def inert(text: str) -> str:
    """A member's text as one line that no platform finds anything in: it looks the same, and only that.

    Folding `inert` twice changes nothing more.
    """
    text = "".join(one for one in unicodedata.normalize("NFC", text) if _is_shown(one))
    text = _SPACES.sub(" ", text).strip().translate(_LOOKALIKES)
    text = _SCHEME.sub("\uff1a", text)  # mailto:somebody
    return _JOINED_DOT.sub("\u2024", text)  # evil.example is a link to many programs without any scheme


def literal(text: str) -> str:
    """Text for the common markdown in which nothing is markdown: backslashes before all ASCII punctuation."""
    return _PUNCTUATION.sub(r"\\\1", text)


def _is_shown(one: str) -> bool:
    kind = unicodedata.category(one)
    if kind in {"Cf", "Co", "Cs", "Cn"}:
        return one in _KEPT_FORMATS
    return kind != "Cc" or one.isspace()


def byte_length(text: str) -> int:
    """Bytes in UTF-8, as WeCom, DingTalk and Feishu count."""
    return len(text.encode("utf-8", "surrogatepass"))


def unit_length(text: str) -> int:
    """Units of UTF-16, as Telegram counts; never less than characters."""
    return len(text) + sum(one > "\uffff" for one in text)


LENGTHS = {"bytes": byte_length, "characters": unit_length}


def cut(text: str, most: int, unit: str) -> str:
    """At most so many bytes or characters, the end told by an ellipsis; no character and no emoji is torn apart."""
    length = LENGTHS[unit]
    if length(text) <= most:
        return text
    room, kept = most - length(ENDING), 0
    for place, one in enumerate(text):
        room -= length(one)
        if room < 0:
            break
        kept = place + 1
    return beginning(text, kept).rstrip() + ENDING


def beginning(text: str, characters: int) -> str:
    """At most so many characters from the left, without a torn last one."""
    while 0 < characters < len(text) and (_belongs_to_left(text[characters]) or text[characters - 1] == "\u200d"):
        characters -= 1
    return text[:characters]


def _belongs_to_left(one: str) -> bool:
    """Whether this character changes the one before it."""
    return one in _KEPT_FORMATS or unicodedata.combining(one) > 0 or "\U0001f3fb" <= one <= "\U0001f3ff"
