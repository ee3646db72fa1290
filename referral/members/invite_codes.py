"""Invite codes: short enough to be read out, 40 random bits so that nobody guesses one. Stored in capitals."""

import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_LENGTH = 8
_READ_AS = str.maketrans("OIL", "011")


def new_invite_code() -> str:
    number = secrets.randbits(5 * _LENGTH)
    return "".join([_ALPHABET[number >> 5 * place & 31] for place in range(_LENGTH)])


def normalised_invite_code(text: str) -> str:
    """A code as people type it: small letters, O for zero, I and L for one."""
    return text.strip().upper().translate(_READ_AS)
