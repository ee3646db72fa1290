"""Where links may lead: hosts, subdomains as `*.shop.example` or `.shop.example`, app schemes as `myapp://`. Pure."""

import re
from collections.abc import Iterable

import idna

from core.errors import Fault, Invalid

NEVER = frozenset(
    {
        "about", "blob", "chrome", "content", "data", "file", "filesystem", "ftp", "http", "https", "intent", "jar",
        "javascript", "mhtml", "resource", "vbscript", "view-source", "ws", "wss",
    }
)  # fmt: skip
"""Schemes that run code, read files, or lead on to anywhere; http and https are told by their hosts."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,62})://")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_MAX_HOST = 253


def ascii_host(text: str) -> str | None:
    """A host name as it stands in DNS: lower case, each label in punycode (UTS 46, as browsers do). None: not a name.

    No port, no IPv6 address, no dot at the end.
    """
    host = text.lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True, std3_rules=True).decode()
        except UnicodeError:  # idna's own errors are of this kind
            return None
    return host if len(host) <= _MAX_HOST and _HOST.fullmatch(host) else None


def normalised_link_hosts(entries: Iterable[str]) -> list[str]:
    """The entries as they are compared: lower case, punycode, each once.

    Raises:
        Invalid: an entry that is neither a host, nor `*.` or `.` and a host of several labels, nor an app scheme.
    """
    found: dict[str, None] = {}
    faults = []
    for position, entry in enumerate(entries):
        normalised = _normalised(entry.strip().lower())
        if normalised is None:
            faults.append(Fault(f"/link_hosts/{position}", _EXPECTED))
        else:
            found[normalised] = None
    if faults:
        raise Invalid(faults=faults)
    return list(found)


_EXPECTED = (
    "Expected a host such as shop.example, its subdomains as *.shop.example, or an app scheme such as myapp://; "
    "without port and path."
)


def _normalised(entry: str) -> str | None:
    if entry.endswith("://"):
        scheme = _SCHEME.fullmatch(entry)
        return entry if scheme and scheme[1] not in NEVER else None
    for prefix in ("*.", "."):
        if entry.startswith(prefix):
            host = ascii_host(entry.removeprefix(prefix))
            # a whole top-level domain is everybody
            return prefix + host if host and "." in host else None
    return ascii_host(entry)
