"""A click's public id: sealed, so that an order can be attributed before its click is loaded, and nobody forges one.

Keys derive from the lookup key, which never changes during a database's life: a token stays good for ever.
"""

import hmac
import re
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from datetime import datetime
from functools import cache, lru_cache
from hashlib import blake2b, sha256
from typing import NamedTuple
from uuid import UUID

from flask import current_app

from core.ids import made_at

PREFIX = "clk_"
KEY_BYTES = 8
_TOKEN = re.compile(PREFIX + "[A-Za-z0-9_-]{64}")  # of 48 bytes: id 16, link 16, visitor 8, seal 8
URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Click(NamedTuple):
    """What a token says."""

    id: UUID  # UUIDv7
    link_id: UUID
    visitor_key: bytes  # 8 bytes

    @property
    def clicked_at(self) -> datetime:
        """When the link was followed, to the millisecond, from the id."""
        return made_at(self.id)


class ClickKeys(NamedTuple):
    """The keys of what a click seals or hides; each has its own purpose."""

    seal: bytes
    visitor: bytes
    address: bytes


@cache
def click_keys(lookup_key: bytes) -> ClickKeys:
    """32 bytes for each purpose, which say nothing about the key they come from."""
    return ClickKeys(
        *(hmac.new(lookup_key, f"click.{purpose}".encode(), sha256).digest() for purpose in ClickKeys._fields)
    )


class Sealer:
    """Seals and hides for one program. The hashes are begun once: it stands in the path of every redirect."""

    __slots__ = ("_seal", "_visitor")

    def __init__(self, keys: ClickKeys, program_id: UUID) -> None:
        self._seal = blake2b(program_id.bytes, key=keys.seal, digest_size=KEY_BYTES)
        self._visitor = blake2b(program_id.bytes, key=keys.visitor, digest_size=KEY_BYTES)

    def visitor_key(self, visitor_id: str) -> bytes:
        """8 bytes that stand for the visitor."""
        hashed = self._visitor.copy()
        hashed.update(visitor_id.encode())
        return hashed.digest()

    def mac(self, body: bytes) -> bytes:
        """8 bytes that only this installation can make."""
        hashed = self._seal.copy()
        hashed.update(body)
        return hashed.digest()

    def token(self, body: bytes) -> str:
        """The public id of the click with these 40 bytes: id, link's id, visitor's key."""
        hashed = self._seal.copy()  # as `mac`, without the call
        hashed.update(body)
        return PREFIX + b2a_base64(body + hashed.digest(), newline=False).translate(URL_SAFE).decode()


@lru_cache(maxsize=10_000)
def sealer_of(keys: ClickKeys, program_id: UUID) -> Sealer:
    return Sealer(keys, program_id)


def seal(program_id: UUID, click: Click) -> str:
    """The click's public id: `clk_` and 64 url-safe characters."""
    return _sealer(program_id).token(click.id.bytes + click.link_id.bytes + click.visitor_key)


def open_token(program_id: UUID, text: str) -> Click | None:
    """The click behind a public id, None when this program never sealed it."""
    if not _TOKEN.fullmatch(text):  # decoding would pass over foreign characters
        return None
    raw = urlsafe_b64decode(text[len(PREFIX) :])
    body, mac = raw[:-KEY_BYTES], raw[-KEY_BYTES:]
    if not hmac.compare_digest(mac, _sealer(program_id).mac(body)):
        return None
    return Click(UUID(bytes=body[:16]), UUID(bytes=body[16:32]), body[32:])


def visitor_key_of(program_id: UUID, visitor_id: str) -> bytes:
    """8 bytes that stand for a visitor within one program; another program's are unrelated."""
    return _sealer(program_id).visitor_key(visitor_id)


def _sealer(program_id: UUID) -> Sealer:
    return sealer_of(click_keys(current_app.config["SETTINGS"].lookup_key), program_id)
