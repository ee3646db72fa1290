"""Codes of links: made ones carry their program's number, chosen ones never look like made ones. Pure but for chance.

A made code is the count of digits of the program's number, the number, and nine random digits, all in Crockford's
base 32: 45 random bits, so that codes are not found by trying, and no two programs can make the same one.
"""

import re
import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_RANDOM_DIGITS = 9
_MOST_NUMBER_DIGITS = 7  # 35 bits: more than a program's number can have
CHOSEN_PATTERN = r"[A-Za-z0-9_-]{3,32}\Z"
_CHOSEN = re.compile(CHOSEN_PATTERN)


def new_code(number: int) -> str:
    """A fresh code for the program of this number (from 1), 11 characters for the first 31 programs."""
    digits = _base32(number)
    chance = secrets.randbits(5 * _RANDOM_DIGITS)
    return f"{len(digits)}{digits}{_base32(chance).rjust(_RANDOM_DIGITS, '0')}"


def _base32(number: int) -> str:
    digits = ""
    while number:
        digits = _ALPHABET[number & 31] + digits
        number >>= 5
    return digits


def program_number(code: str) -> int | None:
    """The number of the program that a made code belongs to; None: the code has not that shape."""
    count = _VALUES.get(code[:1], 0)
    if not 1 <= count <= _MOST_NUMBER_DIGITS or len(code) != 1 + count + _RANDOM_DIGITS or code[1] == "0":
        return None
    if any(letter not in _VALUES for letter in code):
        return None
    number = 0
    for letter in code[1 : 1 + count]:
        number = number << 5 | _VALUES[letter]
    return number


def may_be_chosen(code: str) -> bool:
    """Whether somebody may choose this code: 3 to 32 of [A-Za-z0-9_-], and not the shape of a made one."""
    return _CHOSEN.match(code) is not None and program_number(code) is None
