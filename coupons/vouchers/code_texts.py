"""How codes are written: stored in capitals; made ones cannot be guessed, and are hard to misread."""

import re
import secrets

CODE_PATTERN = r"[A-Za-z0-9_-]{3,40}\Z"
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no 0 and O, no 1, I and L, no U
_LENGTH = 12  # 30 ** 12: 58 bits
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_STORED = re.compile(r"[A-Z0-9_-]{3,40}")


def normalised_code(text: str) -> str:
    """A code as it is stored, however somebody typed it."""
    return text.strip().upper()


def is_code(text: str) -> bool:
    """Whether a normalised text can be a code at all; nothing else needs to be looked for."""
    return _STORED.fullmatch(text) is not None


def new_codes(count: int) -> list[str]:
    """So many different codes. That one of them exists already is unlikely, not impossible."""
    made: set[str] = set()
    while len(made) < count:
        made.add(_new_code())
    return sorted(made)


def _new_code() -> str:
    number = secrets.randbelow(len(_PAIRS) ** (_LENGTH // 2))
    pairs = []
    for _ in range(_LENGTH // 2):
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(pairs)
