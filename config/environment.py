"""Typed look-ups in an environment; every problem is gathered, so that one start shows them all."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar

T = TypeVar("T")
N = TypeVar("N", int, float)

FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,16}")
POSTGRES_URL = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://(?P<rest>[^/]*/[^/?#]+(?:\?[^#]*)?)")
REDIS_URL = re.compile(r"(?:rediss?://[^/\s]+(?:/\d*)?|unix://\S*/[^?\s]+)(?:\?\S*)?")
PASSWORD = re.compile(r"((?:://[^:@]*:))(?:.*)(?=@)|(password=)[^&]*", re.IGNORECASE)


class SettingsError(Exception):
    """The environment cannot be used; the message names every wrong variable and what is expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["the settings are wrong:", *(f"  - {problem}" for problem in problems)]))
        self.problems = problems


class Environment:
    """Look-ups that note a problem and go on with the default; `finish` raises what was noted."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """The trimmed value; an empty variable counts as not given."""
        return self._variables.get(name, "").strip() or default

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return self._parsed(name, default, int, low, high, "a whole number")

    def seconds(self, name: str, default: float, low: float, high: float) -> float:
        """A duration in seconds, fractions allowed."""
        return self._parsed(name, default, float, low, high, "a number of seconds")

    def flag(self, name: str, default: bool) -> bool:
        """1 or 0 (also true, yes, on and false, no, off)."""
        value = self.text(name)
        if value and value.lower() not in FLAGS:
            self.refuse(name, value, "1 or 0")
        return FLAGS.get(value.lower(), default)

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed words, in lower case."""
        value = self.text(name, default).lower()
        if value not in allowed:
            self.refuse(name, value, "one of " + ", ".join(allowed))
        return value

    def parsed_by(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """What `parse` makes of the value; its ValueError says what is expected and becomes the problem."""
        value = self.text(name)
        if not value:
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.problems.append(f"{name}: {error}")
            return default

    def refuse(self, name: str, value: str, expected: str) -> None:
        """Note a problem; never call it with a secret value."""
        self.problems.append(f"{name} is {value!r}: expected {expected}")

    def finish(self) -> None:
        """Raises: SettingsError when anything was noted."""
        if self.problems:
            raise SettingsError(self.problems)

    def _parsed(self, name: str, default: N, parse: Callable[[str], N], low: N, high: N, kind: str) -> N:
        value = self.text(name)
        try:
            number = parse(value) if value else default
        except ValueError:
            number = None
        if number is None or not low <= number <= high:  # a NaN fails this comparison too
            self.refuse(name, value, f"{kind} from {low} to {high}")
            return default
        return number


def postgres_url(value: str) -> str:
    """The URL as SQLAlchemy wants it. Raises: ValueError that never shows the password."""
    match = POSTGRES_URL.fullmatch(value)
    if match is None:
        _unusable(value, "postgresql://user:password@host:5432/database")
    return f"postgresql+psycopg://{match['rest']}"


def redis_url(value: str) -> str:
    """The URL as redis-py wants it. Raises: ValueError that never shows the password."""
    if REDIS_URL.fullmatch(value) is None:
        _unusable(value, "redis://host:6379/0, rediss://… or unix:///path/to/socket")
    return value


def http_url(value: str) -> str:
    """An http(s) address without a trailing slash."""
    if not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise ValueError(f"is {masked(value)!r}, expected http://host:port")
    return value.rstrip("/")


def one_key(value: str) -> bytes:
    """A key of 32 to 128 bytes, in base64. Raises: ValueError that never shows the value."""
    key = _base64(value)
    if key is None or not 32 <= len(key) <= 128:
        raise ValueError(f"expected base64 of at least 32 bytes, got {_measure(key)}")
    return key


def keys_by_id(value: str) -> dict[str, bytes]:
    """`k2:base64,k1:base64`: the first is current, the others only decrypt. Raises: ValueError without the values."""
    keys: dict[str, bytes] = {}
    for place, part in enumerate(value.split(","), start=1):
        key_id, _, encoded = part.strip().partition(":")
        key = _base64(encoded)
        if not KEY_ID.fullmatch(key_id) or key is None or len(key) != 32 or key_id in keys:
            raise ValueError(
                f"expected id:base64 of exactly 32 bytes, comma-separated, every id once (letters, digits, _ and -); "
                f"number {place} is not so: {_measure(key)}"
            )
        keys[key_id] = key
    return keys


def masked(url: str) -> str:
    """The URL with its password hidden."""
    return PASSWORD.sub(lambda found: f"{found[1] or found[2]}***", url)


def _unusable(value: str, expected: str) -> NoReturn:
    # what has not even the form of a URL may be a bare password: nothing of it is shown
    shown = repr(masked(value)) if "://" in value else "unreadable"
    raise ValueError(f"is {shown}, expected {expected}")


def _base64(value: str) -> bytes | None:
    try:
        return base64.b64decode(value.translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError):
        return None


def _measure(key: bytes | None) -> str:
    return "no base64" if key is None else f"{len(key)} bytes"
