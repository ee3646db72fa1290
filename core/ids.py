"""Ids: UUIDv7 inside, `<prefix>_<26 letters and digits>` outside, `ext:` references. Ids are made here only."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from core.errors import NotFound

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_LENGTH = 26
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXTERNAL = re.compile(r"ext:([^\x00-\x1f\x7f]{1,200})")


def new_id() -> UUID:
    """A fresh UUIDv7: ids of one process sort by the time they were made."""
    return uuid7()


def first_id_at(instant: datetime) -> UUID:
    """The smallest id that can be made in this millisecond: ids from it on were made then or later."""
    milliseconds = (instant - _EPOCH) // timedelta(milliseconds=1)
    return UUID(int=milliseconds << 80)


def made_at(value: UUID) -> datetime:
    """When an id was made, to the millisecond, aware, in UTC."""
    return _EPOCH + timedelta(milliseconds=value.int >> 80)


def base32_of(value: UUID) -> str:
    """26 lower-case Crockford letters and digits that sort like the id."""
    number = value.int
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def public_id(prefix: str, value: UUID) -> str:
    return f"{prefix}_{base32_of(value)}"


def public_id_or_none(prefix: str, value: UUID | None) -> str | None:
    return None if value is None else public_id(prefix, value)


def parse_public_id(prefix: str, text: str) -> UUID | None:
    """The id behind a public id, or None when the text is not one of this prefix."""
    head, separator, tail = text.partition("_")
    if head != prefix or not separator or len(tail) != _LENGTH:
        return None
    number = 0
    for letter in tail:
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << 5 | value
    return UUID(int=number) if number < 1 << 128 else None


@dataclass(frozen=True, slots=True)
class ExternalRef:
    """A resource named by the shop's own id."""

    external_id: str


Ref = UUID | ExternalRef


def parse_ref(prefix: str, text: str) -> Ref:
    """What a path segment names: a public id or `ext:<external_id>`.

    Raises:
        NotFound: the segment is neither, so nothing can be there.
    """
    external = _EXTERNAL.fullmatch(text)
    if external is not None:
        return ExternalRef(external[1])
    value = parse_public_id(prefix, text)
    if value is None:
        raise NotFound(detail=f"There is no {text!r} here.")
    return value
