"""Targets in Valkey, for all processes and machines. It may be stale, wiped or down: readers judge what they find."""

import time
from typing import NamedTuple

import msgspec
import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from coupons.clicks.targets import Facts

KEPT_SECONDS = 3600  # trusted for a minute; the rest is for the time when the database is away
_TIMEOUT_SECONDS = 0.2
_PAUSE_SECONDS = 1.0
_PREFIX = "banyan:link:1:"

_log = structlog.get_logger(__name__)


class Kept(NamedTuple):
    """What was read from the database, and when the reading began (seconds since 1970)."""

    read_at: float
    facts: Facts


class Breaker:
    """Remembers for a moment that something is down, so that not every request waits to find out."""

    def __init__(self, pause_seconds: float = _PAUSE_SECONDS) -> None:
        self._pause = pause_seconds
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self._until

    def trip(self) -> None:
        self._until = time.monotonic() + self._pause


class SharedTargets:
    """Facts by code. No call takes longer than a fifth of a second or raises because Valkey is down."""

    def __init__(self, redis_url: str) -> None:
        # a fresh connection instead of one that a restarted server has closed; a time-out is not tried again
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        self._client = redis.Redis.from_url(
            redis_url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS, retry=retry
        )
        self._breaker = Breaker()

    def get(self, code: str) -> Kept | None:
        if self._breaker.is_open:
            return None
        try:
            found = self._client.get(_PREFIX + code)
            return None if found is None else msgspec.json.decode(bytes(found), type=Kept)  # type: ignore[arg-type]
        except redis.RedisError as error:
            self._give_up(error)
        except msgspec.MsgspecError:
            pass  # another version's, or damaged: as good as none
        return None

    def put(self, code: str, kept: Kept) -> None:
        if self._breaker.is_open:
            return
        try:
            self._client.set(_PREFIX + code, msgspec.json.encode(kept), ex=KEPT_SECONDS)
        except redis.RedisError as error:
            self._give_up(error)

    def _give_up(self, error: redis.RedisError) -> None:
        self._breaker.trip()
        _log.warning("links are not shared between processes", error=type(error).__name__)
