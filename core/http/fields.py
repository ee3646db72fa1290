"""Fields of JSON shapes: amounts, instants, ids. Every text is bounded and free of control characters."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from marshmallow import ValidationError, fields, validate

from core.errors import NotFound
from core.ids import parse_public_id, parse_ref
from core.money import MAX_AMOUNT

MAX_BPS = 10_000
_FIRST_YEAR, _LAST_YEAR = 1970, 9000  # what both Python and PostgreSQL can add days to
_YEARS = f"The year must lie between {_FIRST_YEAR} and {_LAST_YEAR}."
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FORBIDDEN_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


AwareDatetime = Annotated[datetime, msgspec.Meta(tz=True)]


def utc_instant(value: datetime) -> datetime:
    """An aware time as UTC, in the range that Python and PostgreSQL can both calculate with.

    Raises:
        ValueError: outside of it.
    """
    instant = value if value.tzinfo is UTC else value.astimezone(UTC)
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise ValueError(_YEARS)
    return instant


class Amount(fields.Integer):
    """Minor units, 0 or more."""

    def __init__(self, *, minimum: int = 0, maximum: int = MAX_AMOUNT, **options: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(min=minimum, max=maximum), **options)

    def _validated(self, value: Any) -> int:
        # JSON true is an int to Python and 3.0 passes marshmallow's strict check: neither is an amount
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return value


class SignedAmount(Amount):
    """Minor units, either sign."""

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=-MAX_AMOUNT, **options)


class Whole(Amount):
    """A whole number within bounds that is not money: quantities, levels, days."""


class Rate(Amount):
    """Basis points, 0 to 10000."""

    def __init__(self, **options: Any) -> None:
        super().__init__(maximum=MAX_BPS, **options)


class Text(fields.String):
    """One line of text, `minimum` to `maximum` characters, without control characters."""

    forbidden = _CONTROL

    def __init__(self, maximum: int = 200, *, minimum: int = 1, **options: Any) -> None:
        super().__init__(validate=validate.Length(min=minimum, max=maximum), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("Not a string.")
        if self.forbidden.search(value):
            raise ValidationError("Control characters are not allowed.")
        return value


class Note(Text):
    """Text that may run over several lines."""

    forbidden = _FORBIDDEN_IN_TEXT


class EmailAddress(fields.Email):
    """An e-mail address of at most 254 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=validate.Length(max=254), **options)


class ExternalId(Text):
    """The shop's own id: 1 to 200 characters, unique per program and kind."""


class Instant(fields.Field[datetime]):
    """RFC 3339 with an offset; kept in UTC. A naive time is refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:
        try:
            return utc_instant(msgspec.convert(value, AwareDatetime))
        except (msgspec.ValidationError, ValueError, OverflowError) as error:
            raise ValidationError("Not an RFC 3339 instant with time zone, such as 2026-01-31T08:00:00Z.") from error


class Day(fields.Field[date]):
    """YYYY-MM-DD in the program's time zone."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> date:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise ValidationError("Not a day such as 2026-01-31.")
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise ValidationError("Not a possible day.") from error
        if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            raise ValidationError(_YEARS)
        return day


class Identifier(fields.Field[Any]):
    """A public id with a given prefix; loads to a UUID."""

    def __init__(self, prefix: str, **options: Any) -> None:
        super().__init__(**options)
        self.prefix = prefix

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        parsed = parse_public_id(self.prefix, value) if isinstance(value, str) else None
        if parsed is None:
            raise ValidationError(f"Not an id such as {self.prefix}_….")
        return parsed


class Reference(Identifier):
    """A public id or `ext:<external_id>`, in a query; loads to a Ref."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not value.startswith("ext:"):
            return super()._deserialize(value, attr, data, **kwargs)
        try:
            return parse_ref(self.prefix, value)
        except NotFound as error:
            raise ValidationError("Not an external id: 1 to 200 characters after ext:.") from error


class Flag(fields.Boolean):
    """true or false, nothing that merely looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("Not true or false.")
        return value


class QueryFlag(fields.Boolean):
    """true or false in a query string."""


class Attributes(fields.Field[dict[str, Any]]):
    """A small free JSON object of the shop's: at most 50 keys, 3 levels, 8 KiB of text in all."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Not an object.")
        if _weight(value, depth=0) > 8192:
            raise ValidationError("More than 8 KiB.")
        return value


def _weight(value: Any, depth: int) -> int:
    """Characters in a JSON value; refuses what PostgreSQL's jsonb cannot hold and what nests too deep."""
    if depth > 3:
        raise ValidationError("Nested deeper than 3 levels.")
    if isinstance(value, str):
        if _FORBIDDEN_IN_TEXT.search(value):
            raise ValidationError("Control characters are not allowed.")
        return len(value)
    if isinstance(value, dict):
        if len(value) > 50:
            raise ValidationError("More than 50 keys.")
        return sum(_weight(key, depth + 1) + _weight(item, depth + 1) for key, item in value.items())
    if isinstance(value, list):
        return sum(_weight(item, depth + 1) for item in value)
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        raise ValidationError("A whole number does not fit 64 bits.")
    return 8
