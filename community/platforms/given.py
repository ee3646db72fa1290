"""Reading what a caller gives as a group's target. Refusals point at the field and never repeat its value."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from core.errors import Fault, Invalid

LONGEST = 2048
_TEXT = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")


class Given:
    """The fields of a target: checked texts, looked up by name; '' where an optional one is missing.

    Raises:
        Invalid: unknown, missing or unreadable fields, all at once.
    """

    def __init__(
        self, given: Mapping[str, Any], required: Sequence[str], optional: Sequence[str], pointer: str
    ) -> None:
        self.pointer = pointer
        known = {*required, *optional}
        faults = [Fault(f"{pointer}/{_told(name)}", "Unknown field.") for name in given if name not in known]
        faults += [Fault(f"{pointer}/{name}", "Missing data for required field.") for name in required
                   if given.get(name) is None]  # fmt: skip
        self._values: dict[str, str] = {}
        for name in sorted(known & set(given)):
            value = given[name]
            if isinstance(value, int) and not isinstance(value, bool) and name == "chat_id":
                value = str(value)  # Telegram's are numbers
            if value is None:
                continue
            if not isinstance(value, str) or not _TEXT.fullmatch(value) or len(value) > LONGEST:
                faults.append(Fault(f"{pointer}/{name}", f"Not a text of 1 to {LONGEST} visible ASCII characters."))
                continue
            self._values[name] = value
        if faults:
            raise Invalid(faults=faults)

    def __getitem__(self, name: str) -> str:
        return self._values.get(name, "")

    def wrong(self, name: str, detail: str) -> Invalid:
        """The refusal of one field."""
        return Invalid.at(f"{self.pointer}/{name}", detail)

    def matching(self, name: str, pattern: str, expected: str) -> str:
        """The field, if it was given, of a certain form. Raises: Invalid."""
        value = self[name]
        if value and not re.fullmatch(pattern, value):
            raise self.wrong(name, f"Expected {expected}.")
        return value

    def address(self, name: str) -> SplitResult:
        """An http(s) address without a name or password in it. Raises: Invalid."""
        try:
            parts = urlsplit(self[name])
            port = parts.port
        except ValueError as error:
            raise self.wrong(name, "Not an address.") from error
        host = parts.hostname or ""
        if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host) or "@" in parts.netloc or port == 0:
            raise self.wrong(name, "Not an https address.")
        return parts

    def official(self, hosts: frozenset[str], path: str, expected: str) -> SplitResult:
        """The field `url`: https, one of the platform's hosts, its port, its path. Raises: Invalid."""
        parts = self.address("url")
        good = parts.scheme == "https" and parts.hostname in hosts and parts.port in {None, 443}
        if not good or not re.fullmatch(path, parts.path) or parts.fragment:
            raise self.wrong("url", f"Expected {expected}.")
        return parts


def _told(name: str) -> str:
    """A field's name in a pointer; somebody may have put anything there."""
    return name.replace("~", "~0").replace("/", "~1")[:100]
