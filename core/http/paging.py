"""Cursor pages: opaque, stable under inserts, newest first unless a list says otherwise."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import orjson

from core.errors import Invalid

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

T = TypeVar("T")


def encode_cursor(position: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(position))).decode().rstrip("=")


def decode_cursor(text: str | None, width: int) -> list[Any] | None:
    """The position a cursor stands for: `width` JSON scalars, or None at the beginning.

    Raises:
        Invalid: the text is not a cursor of this list.
    """
    if text is None:
        return None
    try:
        position = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise Invalid.at("/cursor", "Not a cursor of this list.") from error
    if not isinstance(position, list) or len(position) != width or not all(map(_is_scalar, position)):
        raise Invalid.at("/cursor", "Not a cursor of this list.")
    return position


def _is_scalar(value: Any) -> bool:
    # what PostgreSQL can compare: no NUL in a text, no number beyond a bigint
    return (isinstance(value, str) and "\0" not in value) or (type(value) is int and abs(value) < 1 << 63)


def page(
    rows: Sequence[T], limit: int, show: Callable[[T], Any], position: Callable[[T], Sequence[Any]]
) -> dict[str, Any]:
    """A page from `limit + 1` rows: the last one only tells that there is more."""
    shown = rows[:limit]
    more = len(rows) > limit
    return {"data": [show(row) for row in shown], "next_cursor": encode_cursor(position(shown[-1])) if more else None}


def id_cursor(text: str | None) -> UUID | None:
    """The last id shown, for lists whose position is one id.

    Raises:
        Invalid: the text is not a cursor of this list.
    """
    position = decode_cursor(text, 1)
    if position is None:
        return None
    try:
        return UUID(str(position[0]))
    except ValueError as error:
        raise Invalid.at("/cursor", "Not a cursor of this list.") from error
