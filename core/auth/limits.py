"""Limits of those without a credential: wrong passwords per e-mail and address, calls of chat platforms.

Counted in Valkey; while it is down, in the process.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

from flask import current_app, request
from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from core.auth.errors import SignInRefused
from core.errors import TooManyRequests

PER_EMAIL = parse("10 per 15 minutes")
PER_ADDRESS = parse("100 per 15 minutes")
_in_process = FixedWindowRateLimiter(MemoryStorage())


class _Counter(NamedTuple):
    """One limit and what it is counted by."""

    limit: RateLimitItem
    key: tuple[str, ...]


@contextmanager
def limited_sign_in(email: str) -> Iterator[None]:
    """Refuse after too many wrong passwords. Every try is counted before it is made, and given back unless refused.

    Raises:
        TooManyRequests: with `Retry-After` and `RateLimit-*` values.
    """
    # hashed: e-mail addresses do not belong into Valkey's keys
    who = hashlib.sha256(email.lower().encode()).hexdigest()[:32]
    counters = (
        _Counter(PER_EMAIL, ("sign-in", who)),
        _Counter(PER_ADDRESS, ("sign-in-from", request.remote_addr or "")),
    )
    # counted first: tries made at the same moment must not all pass before the first is counted
    for counter in counters:
        if not _hit(counter):
            raise _too_many(counter, "Too many wrong passwords.")
    try:
        yield
    except SignInRefused:
        raise
    except BaseException:
        _give_back(counters)
        raise
    else:
        _give_back(counters)


def count_call(limit: RateLimitItem, *key: str) -> None:
    """Count a call of somebody without a credential. `key` must not be secret: it stands in Valkey.

    Raises:
        TooManyRequests: with `Retry-After` and `RateLimit-*` values.
    """
    counter = _Counter(limit, key)
    if not _hit(counter):
        raise _too_many(counter, "Too many calls.")


def _give_back(counters: tuple[_Counter, ...]) -> None:
    for counter in counters:
        _hit(counter, cost=-1)


def _hit(counter: _Counter, *, cost: int = 1) -> bool:
    try:
        return _shared(current_app.config["SETTINGS"].redis_url).hit(counter.limit, *counter.key, cost=cost)
    except RedisError:
        return _in_process.hit(counter.limit, *counter.key, cost=cost)


def _too_many(counter: _Counter, detail: str) -> TooManyRequests:
    try:
        stats = _shared(current_app.config["SETTINGS"].redis_url).get_window_stats(counter.limit, *counter.key)
    except RedisError:
        stats = _in_process.get_window_stats(counter.limit, *counter.key)
    seconds = max(1, round(stats.reset_time - time.time()))  # windows run by the wall clock, not by the tests' one
    return TooManyRequests(
        detail, retry_after=seconds, limit=counter.limit.amount, remaining=0, reset=seconds
    )  # fmt: skip


@cache
def _shared(redis_url: str) -> FixedWindowRateLimiter:
    scheme = "redis+unix" if redis_url.startswith("unix:") else "redis"
    if redis_url.startswith("rediss:"):
        scheme = "rediss"
    storage = storage_from_string(
        f"{scheme}:{redis_url.partition(':')[2]}",
        socket_connect_timeout=1,
        socket_timeout=2,
        retry=Retry(NoBackoff(), 1),  # type: ignore[arg-type]  # handed on to the client as it is
    )
    return FixedWindowRateLimiter(storage)
