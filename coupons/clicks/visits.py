"""What a request tells of who makes it: visitor, address, user agent, prefetch. No address leaves the process."""

import os
import re
import time
from binascii import b2a_base64
from collections import deque
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from coupons.clicks.records import Part, part_of
from coupons.clicks.tokens import KEY_BYTES, URL_SAFE, ClickKeys

Environ = Mapping[str, Any]

COOKIE = "bv"
_VISITOR = re.compile(r"(?:^|;) *bv=([A-Za-z0-9_-]{22}) *(?:;|$)")
_COOKIE_OPTIONS = "; Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax"
_SECURELY = f"{_COOKIE_OPTIONS}; Secure"
_AT_ONCE = 128
_spare: deque[str] = deque()
_AGENT_LENGTH = 300
_MOST_AGENTS = 2_000
_MOST_ADDRESSES = 50_000
_agents: dict[str, Part] = {}
_DAY_SECONDS = 86_400
_HINTS = frozenset({"HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ"})
_PREFETCHES = re.compile(r"prefetch|preview|prerender", re.IGNORECASE)


def new_visitor() -> str:
    """22 random url-safe characters."""
    try:
        return _spare.popleft()
    except IndexError:
        _spare.extend(_fresh_visitors())
        return new_visitor()


def _fresh_visitors() -> Iterator[str]:
    # 18 bytes are 24 characters: each is random by itself, so 22 of them are 132 random bits
    text = b2a_base64(os.urandom(_AT_ONCE * 18), newline=False).translate(URL_SAFE).decode()
    return (text[start : start + 22] for start in range(0, len(text), 24))


os.register_at_fork(after_in_child=_spare.clear)  # or two processes would hand out the same


def visitor_in(environ: Environ) -> str | None:
    """The visitor that the request's cookie names; None where there is none, or one that we did not make."""
    cookies = environ.get("HTTP_COOKIE")
    found = _VISITOR.search(cookies) if cookies else None
    return found[1] if found else None


def cookie_of(visitor: str, *, secure: bool) -> str:
    """The header that makes the browser remember the visitor for a year."""
    return f"{COOKIE}={visitor}{_SECURELY if secure else _COOKIE_OPTIONS}"


def is_prefetch(environ: Environ) -> bool:
    """Whether the browser says that nobody has asked for the page yet."""
    if environ.keys().isdisjoint(_HINTS):
        return False
    return any(_PREFETCHES.search(environ[name]) for name in _HINTS if name in environ)


def agent_in(environ: Environ) -> Part:
    """The user agent, cut, without control characters."""
    agent: str = environ.get("HTTP_USER_AGENT", "")
    return _agents.get(agent) or _cleaned(agent)


def _cleaned(agent: str) -> Part:
    if len(_agents) >= _MOST_AGENTS:
        _agents.clear()
    made = part_of("".join(filter(str.isprintable, agent[:_AGENT_LENGTH])).encode("utf-8", "replace"))
    if len(agent) <= _AGENT_LENGTH:
        _agents[agent] = made
    return made


def forwarded(environ: Environ, header: str, hops: int) -> str | None:
    """What the outermost of the trusted proxies put into a header; None where fewer than that have written to it."""
    given: str = environ.get(header, "")
    values = given.split(",") if given else ()
    return (values[-hops].strip() or None) if 0 < hops <= len(values) else None


class _Day(NamedTuple):
    """What a day's addresses are hashed with, and those that were."""

    ends_at: float
    key: bytes
    hashes: dict[str, bytes]


class Addresses:
    """Clients' addresses as keyed hashes that change every day, so that nobody is followed from one day to the next."""

    def __init__(self, keys: ClickKeys, hops: int) -> None:
        self._key = keys.address
        self._hops = hops
        self._today = _Day(0.0, b"", {})

    def hash_in(self, environ: Environ) -> bytes:
        """8 bytes; empty when the server does not know who calls."""
        address = self._forwarded(environ) if self._hops else environ.get("REMOTE_ADDR", "")
        ends_at, _, hashes = day = self._today
        if time.time() >= ends_at:
            ends_at, _, hashes = day = self._today = self._begun()
        found = hashes.get(address)
        return _hashed(address, day) if found is None else found

    def is_secure(self, environ: Environ) -> bool:
        """Whether the visitor came by https, as the nearest trusted proxy saw it."""
        direct: bool = environ["wsgi.url_scheme"] == "https"
        if not self._hops:
            return direct
        told = forwarded(environ, "HTTP_X_FORWARDED_PROTO", 1)
        return direct if told is None else told == "https"

    def _forwarded(self, environ: Environ) -> str:
        direct: str = environ.get("REMOTE_ADDR", "")
        return forwarded(environ, "HTTP_X_FORWARDED_FOR", self._hops) or direct

    def _begun(self) -> _Day:
        number = int(time.time()) // _DAY_SECONDS
        key = blake2b(number.to_bytes(8, "big"), key=self._key).digest()
        return _Day((number + 1) * _DAY_SECONDS, key, {})


def _hashed(address: str, day: _Day) -> bytes:
    if len(day.hashes) >= _MOST_ADDRESSES:
        day.hashes.clear()
    made = blake2b(address.encode(), key=day.key, digest_size=KEY_BYTES).digest() if address else b""
    day.hashes[address] = made
    return made
