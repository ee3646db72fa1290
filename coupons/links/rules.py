"""Decisions about a link's content. Pure. A destination is refused unless a browser can read it in one way only."""

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import quote

from core.programs.link_hosts import NEVER, ascii_host

MAX_URL = 2000
MAX_PATH = 1024

# browsers leave out tabs and line ends, take \ for / and see no format characters: what we check is not what they open
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"})
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)")
_PORT = re.compile(r"[0-9]{1,5}")
_BEFORE_SCHEME_ENDS = re.compile(r"[^/?#]*:")
_WEB = frozenset({"http", "https"})


def destination_fault(url: str, link_hosts: Sequence[str]) -> str | None:
    """Why a link may not lead there, in a sentence; None: it may.

    `link_hosts` is the program's setting. Empty: any http(s) host, no app. Else only what stands in it: hosts, with any
    port; subdomains of `*.` and `.` entries; app schemes as `myapp://`.
    """
    unreadable = _text_fault(url, MAX_URL)
    if unreadable:
        return unreadable
    address = _ADDRESS.fullmatch(url)
    if address is None:
        return "Not an absolute address such as https://shop.example/tea."
    if "@" in address["authority"]:
        return "Credentials in an address are not allowed."
    scheme = address["scheme"].lower()
    return _web_fault(address["authority"], link_hosts) if scheme in _WEB else _app_fault(scheme, link_hosts)


def _text_fault(text: str, most: int) -> str | None:
    if len(text) > most:
        return f"Longer than {most} characters."
    if "\\" in text or any(unicodedata.category(letter) in _INVISIBLE for letter in text):
        return "Backslashes, spaces and invisible characters are not allowed; percent-encode them."
    return None


def _app_fault(scheme: str, link_hosts: Sequence[str]) -> str | None:
    registered = scheme not in NEVER and f"{scheme}://" in link_hosts
    return None if registered else "Only http, https and the app schemes of the program's link_hosts are allowed."


def _web_fault(authority: str, link_hosts: Sequence[str]) -> str | None:
    name, colon, port = authority.partition(":")
    host = _plain_host(name)
    if host is None or (colon and not _is_port(port)):
        return "The address has no valid host."
    if link_hosts and not any(_covers(entry, host) for entry in link_hosts):
        return f"The host {host} is not in the program's link_hosts."
    return None


def _plain_host(name: str) -> str | None:
    """The host in DNS's letters, if it was written plainly: no full-width letters, no other signs for a dot."""
    host = ascii_host(name)
    if host is None or name.isascii():
        return host
    return host if unicodedata.normalize("NFKC", name) == name and "\u3002" not in name else None


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and 0 < int(text) < 65_536


def _covers(entry: str, host: str) -> bool:
    if entry.startswith(("*.", ".")):
        return host.endswith("." + entry.removeprefix("*").removeprefix("."))
    return host == entry


def ascii_address(url: str) -> str:
    """An accepted destination in ASCII, as headers carry it: host in punycode, the rest percent-encoded where it must.
    What is ASCII already stays as it is.
    """
    address = _ADDRESS.fullmatch(url)
    if url.isascii() or address is None:
        return url
    authority = address["authority"]
    if address["scheme"].lower() in _WEB:
        name, colon, port = authority.partition(":")
        authority = f"{ascii_host(name)}{colon}{port}"
    return f"{address['scheme']}://{quote(authority + address['rest'], safe=_ASCII)}"


_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def mini_program_path_fault(path: str) -> str | None:
    """Why this is no page of a mini-program, in a sentence; None: it may be one. A `/` may stand before it."""
    unreadable = _text_fault(path, MAX_PATH)
    if unreadable:
        return unreadable
    if path.startswith("//") or _BEFORE_SCHEME_ENDS.match(path):
        return "A page of the mini-program is expected, such as pages/tea?id=7, not an address."
    return None if path.strip("/") else "A page of the mini-program is expected, such as pages/tea?id=7."
